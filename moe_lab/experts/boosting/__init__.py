"""What all boosters share."""

from moe_lab.experts.boosting.boosted import BoostedClassifier, BoostedRegressor
from moe_lab.experts.boosting.trees import Trees, check_stopping, checked_params

__all__ = ["BoostedClassifier", "BoostedRegressor", "Trees", "check_stopping", "checked_params"]
