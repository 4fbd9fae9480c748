"""Step 1, divide: who starts with which rows."""

from moe_lab.divide.base import Divider

__all__ = ["Divider"]
