"""Inspection: asking a fitted mixture who is trusted where, why, and whether it pays."""

from moe_lab.inspection.bootstrap import bootstrap_intervals
from moe_lab.inspection.coefficients import coefficients
from moe_lab.inspection.diagnosis import Diagnosis, diagnose
from moe_lab.inspection.importance import routing_importance
from moe_lab.inspection.retelling import Retelling, retell
from moe_lab.inspection.selection import select_n_experts
from moe_lab.inspection.trust import error_by_region, gate_entropy, usage

__all__ = [
    "Diagnosis",
    "Retelling",
    "bootstrap_intervals",
    "coefficients",
    "diagnose",
    "error_by_region",
    "gate_entropy",
    "retell",
    "routing_importance",
    "select_n_experts",
    "usage",
]
