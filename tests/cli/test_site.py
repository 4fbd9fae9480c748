"""The site that make docs builds: every link leads to a page, and nothing comes from elsewhere."""

import re
from urllib.parse import unquote

import pytest
from nbformat import v4, write

from moe_lab.cli.site import build
from moe_lab.cli.site.pages import WIDGET, from_markdown
from moe_lab.cli.site.reference import plugin_table
from moe_lab.registry import lab_root


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site without the reference; each notebook shows one output, as a run leaves it."""
    folder = tmp_path_factory.mktemp("docs")
    shown = v4.new_output("display_data", {WIDGET: {"model_id": "7"}, "text/plain": "bar at 100 %"})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("bar", outputs=[shown])])
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    write(notebook, folder / "notebook.ipynb")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_executed", lambda name: folder / "notebook.ipynb")
        patch.setattr(build, "write_reference", lambda folder: None)
        build.build_site(folder / "site", build.course())
    return folder / "site"


def pages(site):
    return {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}


def test_every_link_leads_to_a_page_or_figure(site):
    missing = [
        (str(page.relative_to(site)), link)
        for page, html in pages(site).items()
        for link in re.findall(r'(?:href|src)="([^"#]+)', html)
        if not re.match(r"\w+:", link) and "reference/moe_lab" not in link
        if not (page.parent / unquote(link)).is_file()
    ]
    assert missing == []


def test_nothing_is_loaded_from_elsewhere(site):
    html = "".join(pages(site).values())
    assert re.findall(r'<(?:script|img|iframe)[^>]* src="(?:https?:)?//[^"]*', html) == []
    assert re.findall(r'<link[^>]* href="(?:https?:)?//[^"]*', html) == []
    assert re.findall(r"(?:import|from) *\(?[\"']https?://[^\"']*", html) == []


def test_a_notebook_is_shown_with_its_output_and_without_widgets(site):
    assert {page.stem for page in (site / "notebooks").glob("*.html")} == {*build.course(), "index"}
    html = (site / "notebooks" / "00_four_steps.html").read_text(encoding="utf-8")
    assert "bar at 100 %" in html
    assert "widget-state" not in html


def test_the_plugins_are_those_of_the_package():
    table = plugin_table()
    assert "| [softmax](reference/moe_lab/gate/softmax.html) | Linear-softmax gate" in table
    assert "random_forest" not in table  # of this lab's registry/


def test_the_reference_has_a_page_for_what_a_concept_is_and_for_its_plugins(tmp_path, monkeypatch):
    pytest.importorskip("pdoc")
    from moe_lab.cli.site import reference

    monkeypatch.setattr("moe_lab._SUBMODULES", ("pool",))
    monkeypatch.setattr("moe_lab.__all__", ["pool"])
    monkeypatch.setattr(reference, "_homes", lambda: ["moe_lab.pool.learned", "moe_lab.pool"])
    reference.write_reference(tmp_path)
    assert "one answer from many" in (tmp_path / "moe_lab" / "pool.html").read_text()
    learned = (tmp_path / "moe_lab" / "pool" / "learned.html").read_text()
    assert "n_estimators" in learned
    assert '<a href="../../../index.html">moe_lab: home</a>' in learned


def test_links_to_sources_become_links_to_pages(tmp_path):
    text = "[a](../README.md) [b](c.ipynb) [d](https://e.org/README.md) [f](g.csv)"
    from_markdown(text, tmp_path, build.Path("results/page.md"))
    html = (tmp_path / "results" / "page.html").read_text(encoding="utf-8")
    for link in ("../index.html", "c.html", "https://e.org/README.md", "g.csv"):
        assert f'href="{link}"' in html


def test_a_folder_that_is_no_checkout_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.moe_lab]\n")
    monkeypatch.setenv("MOE_LAB_ROOT", str(tmp_path))
    assert lab_root() == tmp_path
    with pytest.raises(FileNotFoundError, match="must be built in a checkout of moe_lab, got"):
        build.build_site(tmp_path / "site", [])


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="must be new, empty or a site, got"):
        build.build_site(tmp_path, [])
    assert (tmp_path / "thesis.tex").exists()


def test_a_notebook_that_fails_stops_the_build(tmp_path, monkeypatch):
    from moe_lab.runs.outcome import Outcome

    failed = Outcome("00", "failed", tmp_path, error="NameError: x")
    monkeypatch.setattr("moe_lab.runs.runner.run_notebook", lambda name: iter([failed]))
    with pytest.raises(RuntimeError, match=r"00_four_steps failed: NameError: x; see .*"):
        build.build_site(tmp_path / "site", ["00_four_steps"])
    assert not (tmp_path / "site").exists()
