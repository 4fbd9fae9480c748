"""What an expert is: one model per subtask."""

from abc import ABC, abstractmethod

from sklearn.base import BaseEstimator

from moe_lab.registry import experts

__all__ = ["Expert", "experts", "is_stacker"]


class Expert(ABC, BaseEstimator):
    """Builds one model for one subtask.

    A stacker is an expert that depends on the others: with ``depends_on = "experts"``, on the class
    and on what it builds, ``fit(X, y, sample_weight, predictions=...)`` and the predict methods get
    what the plain experts say, (n_samples, n_experts, n_outputs): in fit of rows that they did not
    see. Only a trainer that cross-fits can train it.
    """

    tasks = ("regression", "classification")
    depends_on = None

    @abstractmethod
    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
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
            Optional powers: ``log_prob(X, y)`` (nats), ``scale_``, ``n_parameters_``,
            ``parametric``; ``cross_fit(X, y, folds, sample_weight)``, which predicts every row out
            of fold, and ``refit(X, y, sample_weight)``, which is called on the same instance after
            it, fits all rows with what was found or made, and drops that. A network has
            ``learn_features(X, sample_weight)``, ``learn_target(y, sample_weight)``,
            ``module(Z, n_outputs)`` and ``net_``, by which ``train="gradient"`` trains it together
            with others; `NetExpert` has them all.
        """


def is_stacker(expert):
    """Say whether an expert, or what it built, is fitted to what the other experts say."""
    return getattr(expert, "depends_on", None) == "experts"
