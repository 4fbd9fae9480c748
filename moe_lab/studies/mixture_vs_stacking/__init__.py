"""The study "mixture against stacking": all that notebook 04 calls, and the sum over its runs."""

from moe_lab.studies.mixture_vs_stacking.methods import FOUR, fit_unseen, lineup
from moe_lab.studies.mixture_vs_stacking.tables import differences, goals, per_set

__all__ = ["FOUR", "differences", "fit_unseen", "goals", "lineup", "per_set"]
