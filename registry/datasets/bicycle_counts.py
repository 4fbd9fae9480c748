"""Bicycle counts: a small table in a file beside this one, as a data set."""

from pathlib import Path

import pandas as pd

from moe_lab.datasets.base import from_table
from moe_lab.registry import datasets


@datasets.register("bicycle_counts")
def bicycle_counts():
    """How many riders pass in an hour? Regression, 600 rows, 2+2 columns; a made-up count."""
    table = pd.read_csv(Path(__file__).with_suffix(".csv"))
    note = "Made up: on workdays two rush hours, at weekends one long noon; rain thins both."
    return from_table(
        "bicycle_counts", table, "riders", task="regression", source="made up", note=note
    )
