"""moe-lab plugins new, check: a working plugin with its test, and the laws of its kind."""

import importlib
import inspect
import keyword
from pathlib import Path

import click

from moe_lab.cli.labs import render, words_of
from moe_lab.registry import lab_root
from moe_lab.registry.kinds import find_kind, folder_of, kinds, variable_of
from moe_lab.registry.loading import built_in

MODULE = "expert.module.py.jinja"
ESTIMATOR = "expert.estimator.py.jinja"


def check(target: str, kind: str | None, seconds: float) -> int:
    """Print the report card of each plugin that a name or a file means; return the exit code."""
    from moe_lab.registry.checking import check_plugins

    cards = check_plugins(target, kind, seconds=seconds)
    for card in cards:
        click.echo(str(card))
    return int(not all(card.passed for card in cards))


def write_plugin(
    kind: str,
    name: str,
    *,
    source: str | None = None,
    module: bool = False,
    package: bool = False,
) -> list[Path]:
    """Write a plugin that works, and its test.

    Parameters
    ----------
    kind, name : str
    source : str, optional
        The dotted name of a scikit-learn estimator's class to make an expert of.
    module : bool, default=False
        Make an expert of a torch Module.
    package : bool, default=False
        Write a package to be installed, below the working directory, and not into the lab.

    Returns
    -------
    written : list of Path

    Raises
    ------
    ValueError
        If the kind or the name will not do.
    FileExistsError
        If a file is there already; nothing is written then.
    """
    plugins = find_kind(kind)
    _check_name(plugins, name)
    template, more = _template(plugins, source, module)
    word = _word(plugins)
    own = {"kind": word, "variable": variable_of(plugins), "laws": f"{word.upper()}_CHECKS"}
    words = words_of(name) | own | more
    files = _package(plugins, template, words) if package else _drop_in(plugins, template, words)
    taken = next((path for path in files if path.exists()), None)
    if taken is not None:
        raise FileExistsError(
            f"NAME must be new, got {name!r}, of which {taken} is there; choose another name. "
            "Nothing was written."
        )
    texts = {path: render(template, **given) for path, (template, given) in files.items()}
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def say_written(written: list[Path], name: str, package: bool) -> None:
    """Say what was written, and what comes next."""
    for path in written:
        click.echo(f"Wrote {click.format_filename(path)}")
    if package:
        click.echo(f"  pip install -e {click.format_filename(written[0].parent)}")
    click.echo(f"  moe-lab plugins check {name}")


def _check_name(plugins, name):
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise ValueError(
            f"NAME must be a Python name of letters, digits and _, since its file is called so, "
            f"got {name!r}."
        )
    if name in plugins.names():
        raise ValueError(
            f"NAME must be free, got {name!r}, which {plugins.entry(name).origin} has taken; "
            "choose another name."
        )
    if name in built_in(plugins.packages[0]):
        raise ValueError(
            f"NAME must be no file of moe_lab, got {name!r}: {plugins.packages[0]}.{name} is one; "
            "choose another name."
        )


def _template(plugins, source, module):
    """Return the template of the plugin's file, and the words that it alone needs."""
    if (source or module) and _word(plugins) != "expert":
        given = "--from" if source else "--module"
        raise ValueError(f"{given} makes an expert, got the kind {_word(plugins)!r}; leave it out.")
    if source and module:
        raise ValueError("--from and --module exclude each other; give one of them.")
    if source:
        return ESTIMATOR, _of_estimator(source)
    return (MODULE if module else f"{_word(plugins)}.py.jinja"), {}


def _of_estimator(source):
    """Return module, classes and tasks of an estimator, and of its like for the other task."""
    from sklearn.base import ClassifierMixin, RegressorMixin

    module, _, name = source.rpartition(".")
    roles = {"regressor": RegressorMixin, "classifier": ClassifierMixin}
    try:
        home = importlib.import_module(module or "builtins")
        part = next(part for part, role in roles.items() if _is_a(getattr(home, name), role))
    except (ImportError, AttributeError, StopIteration) as error:
        why = str(error) or "which is neither"
        raise ValueError(
            "--from must name a regressor's or a classifier's class, such as "
            f"sklearn.linear_model.HuberRegressor, got {source!r} ({why})."
        ) from error
    (other,) = roles.keys() - {part}
    like = name.replace(part.title(), other.title())
    parts = {part: name}
    if like != name and _is_a(getattr(home, like, None), roles[other]):
        parts[other] = like
    return {"source": source, "module": module, "classes": sorted(parts.values()), "parts": parts}


def _is_a(kind, role):
    return inspect.isclass(kind) and issubclass(kind, role)


def _drop_in(plugins, template, words):
    root = lab_root()
    if root is None:
        raise FileNotFoundError(
            f"moe-lab plugins new must be called in a lab, got none around {Path.cwd()}. "
            "`moe-lab init FOLDER` makes one; --package needs none."
        )
    name, kind = words["name"], words["kind"]
    test = root / "registry" / "tests" / f"test_{name}_{kind}.py"
    file = root / "registry" / folder_of(plugins) / f"{name}.py"
    return {file: (template, words), test: ("test.py.jinja", words)}


def _package(plugins, template, words):
    name, kind = words["name"], words["kind"]
    more = {
        "project": f"moe-lab-{name.replace('_', '-')}",
        "group": plugins.group,
        "entry": f"moe_lab_{name}",
    }
    root = Path.cwd() / more["project"]
    return {
        root / "pyproject.toml": ("package.toml.jinja", words | more),
        root / "README.md": ("package.md.jinja", words | more),
        root / f"{more['entry']}.py": (template, words),
        root / "tests" / f"test_{name}_{kind}.py": ("test.py.jinja", words),
    }


def _word(plugins):
    return next(word for word, listed in kinds().items() if listed is plugins)
