"""Baselines: what a mixture is held against, with the same fit and predict as a mixture."""

from moe_lab.baselines.average import AverageClassifier, AverageRegressor
from moe_lab.baselines.log_odds_stacking import LogOddsStackingClassifier, LogOddsStackingRegressor
from moe_lab.baselines.matched_ensemble import MatchedEnsembleClassifier, MatchedEnsembleRegressor
from moe_lab.baselines.stacking import GroupedStackingClassifier, GroupedStackingRegressor
from moe_lab.baselines.stacking_variance import StackingVarianceRegressor

__all__ = [
    "AverageClassifier",
    "AverageRegressor",
    "GroupedStackingClassifier",
    "GroupedStackingRegressor",
    "LogOddsStackingClassifier",
    "LogOddsStackingRegressor",
    "MatchedEnsembleClassifier",
    "MatchedEnsembleRegressor",
    "StackingVarianceRegressor",
]
