"""Step 4, pool: one answer from many."""

from moe_lab.pool.base import Pooler

__all__ = ["Pooler"]
