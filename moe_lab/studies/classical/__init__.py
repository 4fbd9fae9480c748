"""Studies of the classical mixtures, on the problems of the papers: all that 03_classical calls.

``moe-lab run 03_classical`` runs them.
"""

from moe_lab.studies.classical.figures import plot_sizes
from moe_lab.studies.classical.studies import lightgbm_moe, mcycle, robot_arm, two_spirals
from moe_lab.studies.classical.summary import plot_repeats, summary
from moe_lab.studies.classical.words import in_words

__all__ = [
    "in_words",
    "lightgbm_moe",
    "mcycle",
    "plot_repeats",
    "plot_sizes",
    "robot_arm",
    "summary",
    "two_spirals",
]
