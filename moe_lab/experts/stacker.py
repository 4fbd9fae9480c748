"""Stacker: one weight for every other expert, learnt from what they say out of fold."""

from typing import Any

from moe_lab.experts.base import Expert, experts
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack


@experts.register("stacker")
class StackerExpert(Expert):
    """A pool with one non-negative weight for each other expert, the same for every row.

    Regression: a weighted sum of their means, and an intercept. Classification: their log-linear
    pool, ``log p(c) = sum_k w_k log p_k(c) + b_c`` up to a constant: one weight an expert and one
    bias a class, however many classes there are. It is the anchor of the default mixture.

    Parameters
    ----------
    pull : float, default=3.0
        Strength of the pull towards equal weights that sum to 1: precision of a Gaussian prior
        on each weight, times the number of experts.

    References
    ----------
    Wolpert (1992) and Breiman (1996) for stacking with non-negative weights; Genest & Zidek (1986)
    for the log-linear pool.
    """

    depends_on = "experts"

    def __init__(self, pull: float = 3.0):
        self.pull = pull

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        if not self.pull >= 0:
            raise ValueError(f"pull must be at least 0, got pull={self.pull!r}.")
        return LinearStack(self.pull) if task == "regression" else LogLinearStack(self.pull)
