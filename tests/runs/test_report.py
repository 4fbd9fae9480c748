"""The report: one file, in words, without inputs, from finished runs alone."""

import re
from html.parser import HTMLParser

import matplotlib.figure
import nbformat
import pandas as pd
import pytest

from moe_lab.runs import open_run, write_report
from moe_lab.runs.store import new_scratch, publish


@pytest.fixture(autouse=True)
def inside(lab, monkeypatch):
    """Work in a lab of our own, not under a runner."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)


def scores(dataset="ames", **methods) -> pd.DataFrame:
    rows = [
        {"method": method, "fold": fold, "score": score + 0.01 * fold}
        for method, score in (methods or {"stacking": 10.0, "moe": 8.0}).items()
        for fold in range(4)
    ]
    fixed = {"dataset": dataset, "task": "regression", "metric": "rmse", "n_folds": 4, "seed": 0}
    seconds = {"fit_seconds": 1.0, "fit_cpu_seconds": 1.0, "predict_seconds": 0.1}
    return pd.DataFrame(rows).assign(**fixed, **seconds, n_train=75, n_test=25)


def save(table) -> None:
    run = open_run(results_dir="results", parameters={"dataset": "ames"}, notebook="exp")
    run.save_scores(table)
    run.save_figure(matplotlib.figure.Figure(), "gate_weights")
    run.save_figure(matplotlib.figure.Figure(), "scores")
    run.publish()


class Text(HTMLParser):
    """Collects visible text, and the sources of everything that is loaded."""

    def __init__(self):
        super().__init__()
        self.words, self.sources, self.tags = "", [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [text for name, text in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.words += data


def read(path) -> Text:
    text = Text()
    text.feed(path.read_text(encoding="utf-8"))
    return text


def test_the_report_stands_alone_and_says_what_the_table_says(lab):
    save(scores())

    path = write_report("exp")

    report = read(path)
    assert path == lab.root / "results" / "exp" / "report.html"
    assert [file.name for file in path.parent.iterdir() if file.is_file()] == ["report.html"]
    assert "ames: better than stacking: moe (-20.0 ±" in report.words
    assert "4 / 0 / 0" in report.words
    assert report.tags.count("script") == 1  # sorts and searches
    images = [source for source in report.sources if not source.startswith("#")]
    assert len(images) == 3  # scores, cost, and the one figure not drawn anew
    assert all(source.startswith("data:image/png;base64,") for source in images)


def test_the_report_says_whether_routing_added_anything(lab):
    save(scores(stacking=10.0, moe=8.0, moe_constant=10.0))
    assert "ames: routing pays: rmse -20.0 ±" in read(write_report("exp")).words


def test_routing_is_summed_up_over_the_sets(lab):
    pays = [scores(name, stacking=10.0, moe=8.0, moe_constant=10.0) for name in "ab"]
    save(pd.concat([*pays, scores("c", stacking=10.0, moe=8.0, moe_constant=7.0)]))
    words = read(write_report("exp")).words
    assert "Over 3 data sets: routing pays on 2, routing does harm on 1." in words


def test_the_report_shows_no_inputs(lab):
    folder = new_scratch("results")
    scores().to_csv(folder / "scores.csv", index=False)
    cell = nbformat.v4.new_code_cell("secret = 42")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "notebook.ipynb")
    publish(folder, "exp", {"status": "done", "key": "k"} | RECORD)

    assert "secret" not in write_report("exp").read_text()


RECORD = {"seconds": 1.0, "git_commit": None, "versions": {"moe_lab": "0", "python": "3"}}


def test_failed_runs_are_named_and_not_counted(lab):
    save(scores())
    folder = new_scratch("results")
    scores(moe=1.0).to_csv(folder / "scores.csv", index=False)
    publish(folder, "exp", {"status": "died", "key": "k", "error": "The kernel died"} | RECORD)

    words = read(write_report("exp")).words

    assert "died. The kernel died" in words
    assert "from 1 finished run; 1 has no result, see failures." in re.sub(r"\s+", " ", words)
    assert "-20.0" in words


def test_several_data_sets_are_summed_up(lab):
    save(pd.concat([scores("a"), scores("b", stacking=10.0, moe=11.0)]))

    words = re.sub(r"\s+", " ", read(write_report("exp")).words)

    assert "Over all data sets, against stacking" in words
    assert (
        "Over 2 data sets, against stacking: moe (-5.0 ± 15.0 %), 1 won, 0 tied, 1 lost." in words
    )


def sets(count) -> pd.DataFrame:
    methods = {"stacking": 10.0, "moe": 9.0, "linear": 11.0}
    return pd.concat([scores(f"set_{k}", **methods) for k in range(count)])


def test_the_summary_comes_first_and_many_sets_are_folded_away(lab):
    save(sets(5))

    html = write_report("exp").read_text(encoding="utf-8")

    first = re.search(r"Over 5 data sets, against stacking|<li>|<details", html)
    assert first.group() == "Over 5 data sets, against stacking"
    assert html.index("Over all data sets, against stacking") < html.index("<details")
    assert html.count("<details>") == 5
    assert "<li>" not in html[: html.index("<details")]  # all else is folded in


def test_few_sets_are_open(lab):
    save(sets(2))

    html = write_report("exp").read_text(encoding="utf-8")

    assert html.count("<details open>") == 2
    assert html.index("set_0: better than stacking") < html.index("<details open>")


def test_differences_that_round_to_zero_have_no_sign(lab):
    save(scores(stacking=1000.0, moe=999.99999))
    words = read(write_report("exp")).words
    assert "-0.0" not in words
    assert "0.00 ± 0.00" in words


@pytest.mark.browser
@pytest.mark.parametrize("width", [900, 1400])
@pytest.mark.parametrize("count", [1, 5])
def test_no_column_of_the_report_is_cut(lab, chromium, width, count):
    from playwright.sync_api import sync_playwright

    table = sets(count).assign(fit_seconds=12345.6, fit_cpu_seconds=98765.4)
    table["score"] *= 4321.9
    long = "moe(experts=linear+lightgbm+extra_trees+k_nearest+xgboost, gate=boosted, train=em)"
    save(table.replace({"method": {"moe": long, "linear": "GradientBoostingRegressor"}}))
    report = write_report("exp")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": 1000})
        page.goto(report.resolve().as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        hidden = page.evaluate(HIDDEN)
        browser.close()
    assert hidden == []


FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
# What is wider than the room it has: the page, boxes that would scroll, and figures.
HIDDEN = """() => [document.documentElement, ...document.querySelectorAll('.wide, img')]
    .filter(one => one.scrollWidth > one.clientWidth + 1
        || one.getBoundingClientRect().right > document.documentElement.clientWidth)
    .map(one => one.outerHTML.slice(0, 80))"""


def test_names_are_escaped(lab):
    save(scores("<b>bold</b>", stacking=10.0, **{"<script>": 8.0}))

    report = read(write_report("exp"))

    assert "b" not in report.tags
    assert report.tags.count("script") == 1  # the report's own
    assert "<b>bold</b>" in report.words


def test_tables_and_figures_lie_beside_the_report(lab):
    save(sets(3))
    folder = write_report("exp").parent / "report"
    assert {path.name for path in folder.iterdir() if path.name[:4] != "set_"} == {
        *("all_sets.csv", "leaderboard.csv", "scores.csv"),
        *("critical_difference.png", "differences.png", "cost_against_quality.png"),
    }
    assert len(list(folder.glob("set_*_scores.png"))) == 3
    board = pd.read_csv(folder / "all_sets.csv").set_index("method")
    assert board["rank"].to_dict() == {"moe": 1.0, "stacking": 2.0, "linear": 3.0}
    assert board.loc["moe", "better"] > 0.9
    assert board.loc["linear", "worse"] > 0.9


def test_every_figure_names_the_runs_behind_it(lab):
    save(sets(2))
    (run,) = (lab.root / "results" / "exp" / "runs").iterdir()

    html = write_report("exp").read_text(encoding="utf-8")

    figures = re.findall(r"<figure>.*?</figure>", html, re.S)
    assert len(figures) == 3 + 2 * 3
    assert all(f'<a href="#{run.name}">' in figure for figure in figures)
    assert f'<tr id="{run.name}">' in html


def test_calibration_is_shown_where_it_was_measured(lab):
    measured = scores("a").assign(metric="nll", score=[1.5] * 4 + [1.25] * 4)
    save(pd.concat([scores("a"), measured]))
    html = write_report("exp").read_text(encoding="utf-8")
    shown = html[html.index("<h2>Calibration") : html.index("<h2>Set by set")]
    assert re.findall(r"<td>(\w+)</td>.*?>([\d.]+)</td></tr>", shown.replace("<wbr>", "")) == [
        ("moe", "1.25"),
        ("stacking", "1.5"),
    ]


@pytest.mark.browser
def test_tables_of_the_report_are_sorted_and_searched(lab, chromium):
    from playwright.sync_api import sync_playwright

    names = {name: 10.0 + k for k, name in enumerate(["stacking", *"abcdef"])}
    save(pd.concat([scores(f"set_{k}", **names) for k in range(4)]))
    report = write_report("exp")
    column = "[...document.querySelectorAll('details')[0].querySelectorAll('td:first-child')]"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(report.resolve().as_uri())
        page.get_by_label("find a data set").fill("set_2")
        shown = page.locator("details:visible").count()
        page.get_by_label("find a data set").fill("")
        page.locator("details").first.locator("summary").click()
        page.locator("details").first.get_by_role("button", name="rmse").click()
        up = page.evaluate(f"{column}.map(cell => cell.textContent).join('')")
        page.locator("details").first.get_by_role("button", name="rmse").click()
        down = page.evaluate(f"{column}.map(cell => cell.textContent).join('')")
        page.locator("details").first.get_by_label("find a method").fill("STACK")
        left = page.locator("details").first.locator("td:first-child:visible").all_inner_texts()
        browser.close()
    assert shown == 1
    assert (up, down) == ("stackingabcdef", "fedcbastacking")
    assert left == ["stacking"]
    assert faults == []


def test_without_the_baseline_the_report_still_ranks(lab):
    save(scores(linear=3.0, moe=1.0))
    assert "moe has the best rmse" in read(write_report("exp")).words


def test_a_report_that_fails_leaves_the_old_one(lab, monkeypatch):
    save(scores())
    before = write_report("exp").read_text()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))

    with pytest.raises(OSError, match="full"):
        write_report("exp")

    folder = lab.root / "results" / "exp"
    assert (folder / "report.html").read_text() == before
    assert [file.name for file in folder.iterdir() if file.is_file()] == ["report.html"]
