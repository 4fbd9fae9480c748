"""Reading a notebook file without a kernel: its code and the defaults of its parameters."""

import ast
import json
from pathlib import Path

__all__ = ["code_cells", "parameter_cell"]


def code_cells(notebook) -> list:
    """Return (source, tags) of every code cell of a notebook file."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"A notebook must be an .ipynb file of format 4, got {notebook}: {error}."
        ) from error
    return [
        ("".join(cell["source"]), cell.get("metadata", {}).get("tags", []))
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def parameter_cell(notebook) -> dict:
    """Read the defaults of a notebook's parameters without running it.

    Returns
    -------
    parameters : dict
        Name -> literal, from the cell tagged `parameters`; empty where there is none.

    Raises
    ------
    ValueError
        If the cell holds anything but assignments of literals.
    """
    found = next((src for src, tags in code_cells(notebook) if "parameters" in tags), "")
    parameters = {}
    for statement in ast.parse(found).body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        target = statement.target if isinstance(statement, ast.AnnAssign) else target
        try:
            parameters[target.id] = ast.literal_eval(statement.value)
        except (AttributeError, ValueError) as error:
            raise ValueError(
                "The parameters cell must hold assignments of literals alone, got "
                f"{ast.unparse(statement)!r} in {notebook}; move it to a cell below."
            ) from error
    return parameters
