"""Markdown and notebooks as HTML pages that load nothing from elsewhere."""

import os
import re
from pathlib import Path

__all__ = ["convert", "from_markdown", "page_of"]

LINKS = {
    "moe_lab": "README.md",
    "course": "notebooks/index.ipynb",
    "plugins": "plugins.md",
    "reference": "reference/moe_lab.html",
    "studies": "results/reference/README.md",
    "contributing": "CONTRIBUTING.md",
}
ELSEWHERE = (
    "mathjax_url",
    "require_js_url",
    "jquery_url",
    "mermaid_js_url",
    "mermaid_layout_elk_js_url",
)
WIDGET = "application/vnd.jupyter.widget-view+json"  # its state is not exported


def from_markdown(text: str, site: Path, source: Path) -> None:
    """Write a page of a text.

    Parameters
    ----------
    text : str
    site : Path
        The site's folder.
    source : Path
        Where the text lies in the checkout; the page has the same place in the site.
    """
    from nbformat import v4

    _write(v4.new_notebook(cells=[v4.new_markdown_cell(text)]), site, source)


def convert(notebook: Path, site: Path, source: Path) -> None:
    """Write a page of a notebook with its output.

    Parameters
    ----------
    notebook : Path
    site, source : Path
        As for `from_markdown`.
    """
    import nbformat

    read = nbformat.read(notebook, as_version=4)
    read.metadata.pop("widgets", None)
    for cell in read.cells:
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
    _write(read, site, source)


def page_of(source: Path) -> Path:
    """Return where the page of a source lies in the site.

    Examples
    --------
    >>> page_of(Path("README.md")).as_posix(), page_of(Path("notebooks/06.ipynb")).as_posix()
    ('index.html', 'notebooks/06.html')
    """
    name = "index.html" if source.name == "README.md" else f"{source.stem}.html"
    return source.with_name(name)


def _write(notebook, site, source):
    from nbconvert import HTMLExporter
    from nbformat import v4

    links = [f"[{name}]({os.path.relpath(to, source.parent)})" for name, to in LINKS.items()]
    notebook.cells.insert(0, v4.new_markdown_cell(" · ".join(links)))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source)
    exporter = HTMLExporter(**dict.fromkeys(ELSEWHERE, ""))
    title = "moe_lab" if source.stem == "README" else source.stem
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    page = site / page_of(source)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")


def _linked(text):
    """Let links to sources lead to their pages."""
    link = re.compile(r"(?<=\]\()(?!\w+:)([^)#]*\.(?:md|ipynb))")
    return link.sub(lambda found: page_of(Path(found[1])).as_posix(), text)
