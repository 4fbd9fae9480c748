"""Explaining fitted mixtures: who is trusted where, why, with what error, and whether it pays."""

from moe_lab.explain.diagnosis import Diagnosis, diagnose
from moe_lab.explain.importance import routing_importance
from moe_lab.explain.retelling import Retelling, retell
from moe_lab.explain.trust import error_by_region, gate_entropy, usage

__all__ = [
    "Diagnosis",
    "Retelling",
    "diagnose",
    "error_by_region",
    "gate_entropy",
    "retell",
    "routing_importance",
    "usage",
]
