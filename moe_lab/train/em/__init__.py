"""EM: rounds of an E-step and an M-step on the mixture likelihood."""

from moe_lab.train.em.divider import LinearEMDivider
from moe_lab.train.em.trainer import EM

__all__ = ["EM", "LinearEMDivider"]
