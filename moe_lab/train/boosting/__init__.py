"""Boosting: experts and gate grown together, tree by tree."""

from moe_lab.train.boosting.trainer import Boosting

__all__ = ["Boosting"]
