"""Gradient: networks and their gate trained jointly, in minibatches."""

from moe_lab.train.gradient.trainer import Gradient

__all__ = ["Gradient"]
