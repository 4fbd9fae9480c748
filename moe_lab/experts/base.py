"""What an expert is: one model per subtask."""

from abc import ABC, abstractmethod
from typing import Any

from sklearn.base import BaseEstimator

from moe_lab.experts.powers import StacksExperts
from moe_lab.registry import experts
from moe_lab.registry.powers import has_power

__all__ = ["Expert", "experts", "is_stacker"]


class Expert(ABC, BaseEstimator):
    """Builds one model for one subtask.

    A stacker is an expert that depends on the others: with ``depends_on = "experts"``, on the class
    and on what it builds, ``fit(X, y, sample_weight, predictions=...)`` and the predict methods get
    what the plain experts say, (n_samples, n_experts, n_outputs): in fit of rows that they did not
    see. Only a trainer that cross-fits can train it.

    One that takes no negative target, counts for example, says so by scikit-learn's tag
    ``target_tags.positive_only`` of what it builds: it is then tested on such.
    """

    tasks: tuple[str, ...] = ("regression", "classification")
    depends_on: str | None = None

    @abstractmethod
    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        """Build an unfitted estimator with ``fit(X, y, sample_weight)``.

        It takes the table as it comes (DataFrame or array, categories, missing values).

        Parameters
        ----------
        task : {"regression", "classification"}
        n_classes : int, optional
            Number of classes; y is a code in 0..n_classes-1, and some may be missing in a part.
        random_state : int, optional
        device : str, default="cpu"
            "auto", "cpu", "cuda" or "cuda:N".
        n_jobs : int, optional

        Returns
        -------
        estimator : object with ``predict`` (regression) or ``predict_proba`` and ``classes_``
            What it may have besides is in `moe_lab.experts.powers`.
        """


def is_stacker(expert: object) -> bool:
    """Say whether an expert, or what it built, is fitted to what the other experts say."""
    return has_power(expert, StacksExperts)
