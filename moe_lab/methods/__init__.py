"""Baselines: what a mixture is held against, with the same fit and predict as a mixture."""

from moe_lab.methods.average import AverageClassifier, AverageRegressor
from moe_lab.methods.greedy_selection import GreedySelectionClassifier, GreedySelectionRegressor
from moe_lab.methods.log_odds_stacking import LogOddsStackingClassifier, LogOddsStackingRegressor
from moe_lab.methods.matched_ensemble import MatchedEnsembleClassifier, MatchedEnsembleRegressor
from moe_lab.methods.stacking import GroupedStackingClassifier, GroupedStackingRegressor
from moe_lab.methods.stacking_variance import StackingVarianceRegressor

__all__ = [
    "AverageClassifier",
    "AverageRegressor",
    "GreedySelectionClassifier",
    "GreedySelectionRegressor",
    "GroupedStackingClassifier",
    "GroupedStackingRegressor",
    "LogOddsStackingClassifier",
    "LogOddsStackingRegressor",
    "MatchedEnsembleClassifier",
    "MatchedEnsembleRegressor",
    "StackingVarianceRegressor",
]
