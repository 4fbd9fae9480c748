"""Mixtures of experts as scikit-learn estimators."""

from moe_lab.mixture.estimators import MoEClassifier, MoERegressor

__all__ = ["MoEClassifier", "MoERegressor"]
