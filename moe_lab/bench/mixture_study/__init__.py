"""The study "mixture against stacking": all that notebook 04 calls, and the sum over its runs."""

from moe_lab.bench.mixture_study.methods import FOUR, fit_unseen, lineup
from moe_lab.bench.mixture_study.tables import differences, goals, per_set

__all__ = ["FOUR", "differences", "fit_unseen", "goals", "lineup", "per_set"]
