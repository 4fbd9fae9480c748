"""What an executed notebook holds: its parameters, and of the outputs what a reader can use."""

from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionError

from moe_lab.runs.literals import literal, to_json
from moe_lab.runs.log import as_seen
from moe_lab.runs.secrets import as_code

__all__ = ["fold_streams", "inject", "keep_error", "shortened"]

KEPT = 500_000  # characters from each end of what a cell prints; the log has more


def inject(nb: Any, given: dict) -> None:
    """Put the parameters behind the cell tagged so, as a cell that papermill would recognise."""
    cells = [cell for cell in nb.cells if "injected-parameters" not in cell.metadata.tags]
    if given:
        lines = (f"{name} = {as_code(name, v) or literal(v)}" for name, v in given.items())
        source = "\n".join(["# Parameters", *lines])
        cell = nbformat.v4.new_code_cell(source)
        cell.metadata.update(tags=["injected-parameters"], papermill={})
        places = [k for k, one in enumerate(cells) if "parameters" in one.metadata.tags]
        cells.insert(places[0] + 1 if places else 0, cell)
    nb.cells = cells
    nb.metadata.papermill["parameters"] = to_json(given)[0]


def keep_error(cell: Any, error: CellExecutionError) -> None:
    """Let a failure that left no error in the cell, as that of a magic, be read there."""
    if any(output.output_type == "error" for output in cell.outputs):
        return
    words = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    last = (words.strip().splitlines() or [str(error)])[-1]
    name, value = error.ename or "CellExecutionError", error.evalue or ""
    if not value:
        name, _, value = last.partition(": ") if ": " in last else (name, "", last)
    cell.outputs.append(
        nbformat.v4.new_output("error", ename=name, evalue=value, traceback=[f"{name}: {value}"])
    )


def fold_streams(cell: Any) -> None:
    """Keep of each stream of a cell what stands there in the end: of a progress bar its last."""
    kept, streams = [], {}
    for output in cell.get("outputs", []):
        if output.output_type != "stream":
            kept.append(output)
        elif output.name not in streams:
            streams[output.name] = [output.text]
            kept.append(output)
        else:
            streams[output.name].append(output.text)
    for output in kept:
        if output.output_type == "stream":
            output.text = shortened(as_seen("".join(streams[output.name])))
    if kept:
        cell.outputs = kept


def shortened(text: str) -> str:
    """Leave out the middle of what no notebook can show."""
    if len(text) <= 2 * KEPT:
        return text
    text = as_seen(text)
    left = len(text) - 2 * KEPT
    if left <= 0:
        return text
    return f"{text[:KEPT]}\n... {left} characters left out, see log.txt ...\n{text[-KEPT:]}"
