"""Reading a notebook file without a kernel: its code, and its parameters with what they hold."""

import ast
import io
import json
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Parameter", "code_cells", "parameter_cell", "parsed", "read_parameters"]

# What a parameter may hold, said by the notebook: gate = "softmax"  # [gate] softmax, tree, ...
KINDS = ("data set", "divider", "experts", "gate", "methods", "path", "pooler", "text", "trainer")
_MARK = re.compile(r"#\s*\[([\w ]+)\]")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a notebook: its name, its default, the words beside it, its kind.

    Parameters
    ----------
    name : str
    default : object
        A literal.
    comment : str, default=""
        The comment on its line, or on the lines above it.
    kind : str or None, default=None
        One of `KINDS`, where the comment starts with it in brackets.
    """

    name: str
    default: object
    comment: str = ""
    kind: str | None = None


def code_cells(notebook: str | Path) -> list:
    """Return (source, tags) of every code cell of a notebook file."""
    try:
        content = json.loads(Path(notebook).read_text(encoding="utf-8"))
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
        language = content.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        found = [("".join(c["source"]), c.get("metadata", {}).get("tags", [])) for c in cells]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"A notebook must be an .ipynb file of format 4, got {notebook}: {error}."
        ) from error
    if str(language).lower() not in ("", "python"):
        raise ValueError(f"A notebook must be one of Python, got {notebook}, which is {language}.")
    return found


def parsed(source: str) -> str:
    """Return what the code of a cell does, without its comments and its spacing.

    Examples
    --------
    >>> parsed("x = 1  # one") == parsed("x=1"), parsed("# nothing")
    (True, '')
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        try:
            tree = ast.parse(_without_magics(source))
        except (SyntaxError, ValueError):  # it will fail in the kernel, and be told there
            return source
    except ValueError:  # null bytes
        return source
    return ast.dump(tree) if tree.body else ""


def _without_magics(source):
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


def parameter_cell(notebook: str | Path) -> dict:
    """Read the defaults of a notebook's parameters without running it: name -> literal."""
    return {name: one.default for name, one in read_parameters(notebook).items()}


def read_parameters(notebook: str | Path) -> dict[str, Parameter]:
    """Read a notebook's parameters, from the cell tagged `parameters`, without running it.

    Returns
    -------
    parameters : dict of str to Parameter
        Empty where there is no such cell.

    Raises
    ------
    ValueError
        If the cell holds anything but assignments of literals.
    """
    source = next((src for src, tags in code_cells(notebook) if "parameters" in tags), "")
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "text", None) or source
        raise ValueError(_no_literals(line.strip().splitlines()[0], notebook, error.args[0])) from (
            error
        )
    comments = _comments(source)
    found = {}
    for statement in statements:
        for name, default in _assigned(statement, notebook):
            comment = _beside(statement, comments)
            mark = _MARK.match(comment)
            kind = mark[1].strip() if mark and mark[1].strip() in KINDS else None
            found[name] = Parameter(name, default, comment.lstrip("# "), kind)
    return found


def _assigned(statement, notebook):
    """Return the names that a statement gives a literal, each with it."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else []
    try:
        value = ast.literal_eval(statement.value)
        if not targets:
            raise ValueError("no assignment")
        return [(target.id, value) for target in targets]
    except (AttributeError, ValueError, TypeError, SyntaxError) as error:
        raise ValueError(_no_literals(ast.unparse(statement), notebook)) from error


def _no_literals(came, notebook, why=""):
    return (
        f"The parameters cell must hold assignments of literals alone, got {came!r} in {notebook}"
        f"{f' ({why})' if why else ''}; move it to a cell below."
    )


def _comments(source):
    """Return line number -> (comment, whether the line holds nothing else)."""
    lines = source.splitlines()
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: (token.string, lines[token.start[0] - 1].lstrip().startswith("#"))
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _beside(statement, comments):
    """Return the comment on a statement's own lines, else the comment lines just above it."""
    for line in range(statement.lineno, statement.end_lineno + 1):
        if line in comments:
            return comments[line][0]
    above, line = [], statement.lineno - 1
    while comments.get(line, ("", False))[1]:
        above.insert(0, comments[line][0])
        line -= 1
    return " ".join([*above[:1], *(comment.lstrip("# ") for comment in above[1:])])
