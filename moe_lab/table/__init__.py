"""Tables as models want them: numbers and categories, strings, dates and missing values alike."""

from moe_lab.table.category import CategoryTable
from moe_lab.table.numeric import NumericTable, as_float32
from moe_lab.table.predictions import StackedTable, log_odds
from moe_lab.table.prepared import Prepared

__all__ = ["CategoryTable", "NumericTable", "Prepared", "StackedTable", "as_float32", "log_odds"]
