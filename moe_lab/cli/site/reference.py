"""The reference: docstrings of all packages and plugins, by pdoc."""

import importlib
from pathlib import Path

from moe_lab.registry.kinds import kinds

__all__ = ["plugin_table", "write_reference"]


def write_reference(folder: Path) -> None:
    """Write a page for each public package and each built-in plugin.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    ImportError
        If pdoc is not installed.
    """
    try:
        import pdoc
    except ImportError as error:
        raise ImportError("pdoc is not installed; run pip install 'moe_lab[docs]'.") from error
    import moe_lab

    for package in ("moe_lab", *(f"moe_lab.{name}" for name in moe_lab._SUBMODULES)):
        _use_all(importlib.import_module(package))
    templates = Path(__file__).parent / "pdoc"
    pdoc.render.configure(docformat="numpy", show_source=False, template_directory=templates)
    named = set(pdoc.extract.walk_specs(["moe_lab"]))
    pdoc.pdoc("moe_lab", *sorted(set(_homes()) - named), output_directory=folder)


def plugin_table() -> str:
    """Return all plugins of the package in Markdown: a table for each kind."""
    parts = ["# Plugins\n\nRead a kind's own page for what it is, and how one is written."]
    for kind, plugins in kinds().items():
        home = plugins.packages[0]
        lines = [f"## [{kind}]({_url(home)})", "", "| name | what it is |", "|---|---|"]
        cards = [plugins.card(name) for name in plugins.names()]
        lines += [
            f"| [{card.name}]({_url(card.origin)}) | {card.summary} |"
            for card in cards
            if card.origin in _homes()
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _url(module):
    return f"reference/{module.replace('.', '/')}.html"


def _homes():
    """Return the modules of all plugins that come with the package."""
    origins = [
        plugins.card(name).origin for plugins in kinds().values() for name in plugins.names()
    ]
    return sorted({origin for origin in origins if origin.startswith("moe_lab.")})


def _use_all(package):
    """Import the names that a package imports when they are first used."""
    for name in getattr(package, "__all__", ()):
        getattr(package, name)
