"""Out of fold: the gate learns from what experts say of rows that they did not see."""

from moe_lab.train.out_of_fold.trainer import OutOfFold

__all__ = ["OutOfFold"]
