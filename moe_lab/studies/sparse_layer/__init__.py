"""Sparse experts against dense nets on a task of memory: all that 05_sparse_layer calls.

``moe-lab run 05_sparse_layer`` runs it.
"""

from moe_lab.studies.sparse_layer.facts import Facts, draw_facts
from moe_lab.studies.sparse_layer.figures import (
    plot_experts,
    plot_learning,
    plot_loads,
    plot_memory,
)
from moe_lab.studies.sparse_layer.nets import DENSE, METHODS, SPARSE, build, costs
from moe_lab.studies.sparse_layer.specialising import shares_of_topics, specialisation
from moe_lab.studies.sparse_layer.study import FAMILIES, Setting, compare, sizes, tune
from moe_lab.studies.sparse_layer.tables import as_scores, balance, differences, summary
from moe_lab.studies.sparse_layer.training import Trained, train
from moe_lab.studies.sparse_layer.words import in_words

__all__ = [
    "DENSE",
    "FAMILIES",
    "METHODS",
    "SPARSE",
    "Facts",
    "Setting",
    "Trained",
    "as_scores",
    "balance",
    "build",
    "compare",
    "costs",
    "differences",
    "draw_facts",
    "in_words",
    "plot_experts",
    "plot_learning",
    "plot_loads",
    "plot_memory",
    "shares_of_topics",
    "sizes",
    "specialisation",
    "summary",
    "train",
    "tune",
]
