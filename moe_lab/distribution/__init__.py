"""Predictive distributions: a mixture of Gaussians for every row."""

from moe_lab.distribution.gaussian_mixture import MixtureDistribution
from moe_lab.distribution.nesting import expert_distribution, mix

__all__ = ["MixtureDistribution", "expert_distribution", "mix"]
