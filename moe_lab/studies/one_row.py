"""What the prediction of one row costs, against another copy of the package.

``python -m moe_lab.studies.one_row --against FOLDER`` fits the default mixture in two processes,
one for this package and one for the copy in FOLDER (of an older commit, say), and times one-row
predictions in both by turns, so that a busy machine slows both alike. Times are CPU milliseconds.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
HERE = Path(__file__).resolve()


class Side:
    """A process of its own that fits the default mixture once and then predicts when told to.

    Parameters
    ----------
    folder : Path
        Whose ``moe_lab`` it imports.
    dataset : str
    n_train : int
    python : str
        The interpreter.
    """

    def __init__(self, folder: Path, dataset: str, n_train: int, python: str = sys.executable):
        command = [python, "-P", str(HERE)]  # -P: this folder's modules are not on the path
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(folder)}
        self.process: Any = subprocess.Popen(  # Any: with pipes, always
            [*command, dataset, str(n_train)],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.fit_seconds = self._answer()

    def turn(self) -> float:
        """Return the median CPU milliseconds of one turn's predictions."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"The process must answer, got its end: {self.process.args}.")
        return float(line)

    def close(self) -> None:
        self.process.communicate()


def compare_turns(sides: dict[str, Side], n_turns: int) -> pd.DataFrame:
    """Time the sides by turns.

    Returns
    -------
    turns : DataFrame, one row a turn, one column a side, CPU milliseconds
    """
    turns = [{name: side.turn() for name, side in sides.items()} for _ in range(n_turns)]
    return pd.DataFrame(turns).rename_axis("turn")


def _serve(dataset, n_train, n_rows=20):
    """Fit, say how many CPU seconds that took, and time one-row predictions at each line read."""
    import time
    import warnings

    from moe_lab import MoEClassifier, MoERegressor
    from moe_lab.registry import datasets

    warnings.simplefilter("ignore")
    data = datasets.create(dataset)
    model = MoERegressor if data.task == "regression" else MoEClassifier
    began = time.process_time()
    mixture = model(random_state=0).fit(data.X.iloc[:n_train], data.y.iloc[:n_train])
    _say(time.process_time() - began)
    rows = [data.X.iloc[[-i]] for i in range(1, n_rows + 1)]
    mixture.predict(rows[0])
    for _ in sys.stdin:
        times = []
        for row in rows:
            began = time.process_time()
            mixture.predict(row)
            times.append(time.process_time() - began)
        _say(1e3 * np.median(times))


def _say(number):
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


@click.command(help=__doc__.split("\n\n")[0], context_settings={"show_default": True})
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dataset", default="ames")
@click.option("--n-train", default=1500, type=click.IntRange(min=1), help="Training rows.")
@click.option("--turns", default=15, type=click.IntRange(min=1))
@click.option("--python", default=sys.executable, help="The interpreter of the other copy.")
def main(against, dataset, n_train, turns, python):
    sides = {"this": Side(HERE.parents[2], dataset, n_train)}
    if against is not None:
        sides["other"] = Side(against.resolve(), dataset, n_train, python)
    for name, side in sides.items():
        click.echo(f"{name}: fit {side.fit_seconds:.1f} CPU seconds")
    table = compare_turns(sides, turns)
    for name in sides:
        sides[name].close()
        click.echo(f"{name}: one row {table[name].median():.2f} CPU ms")
    if against is not None:
        click.echo(f"this / other: {(table['this'] / table['other']).median():.3f}")


if __name__ == "__main__":
    main() if len(sys.argv) != 3 else _serve(sys.argv[1], int(sys.argv[2]))
