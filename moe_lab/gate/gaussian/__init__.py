"""Gaussian gate: a density of the input for each expert."""

from moe_lab.gate.gaussian.gate import GaussianGate

__all__ = ["GaussianGate"]
