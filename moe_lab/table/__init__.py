"""Tables as models want them: numbers and categories, strings, dates and missing values alike."""

from moe_lab.table.category import CategoryTable, Coded, CodedTable
from moe_lab.table.numeric import NumericTable, as_float32
from moe_lab.table.predictions import StackedTable, log_odds
from moe_lab.table.prepared import Prepared
from moe_lab.table.reading import (
    Reading,
    given_to,
    learn_table,
    rows_of,
    share_table,
    transformed,
)

__all__ = [
    "CategoryTable",
    "Coded",
    "CodedTable",
    "NumericTable",
    "Prepared",
    "Reading",
    "StackedTable",
    "as_float32",
    "given_to",
    "learn_table",
    "log_odds",
    "rows_of",
    "share_table",
    "transformed",
]
