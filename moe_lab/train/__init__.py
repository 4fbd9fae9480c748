"""How gate and experts are trained together."""

from moe_lab.train.base import Trainer, TrainingData
from moe_lab.train.boosting import Boosting
from moe_lab.train.em import EM
from moe_lab.train.gradient import Gradient
from moe_lab.train.out_of_fold import OutOfFold

__all__ = ["EM", "Boosting", "Gradient", "OutOfFold", "Trainer", "TrainingData"]
