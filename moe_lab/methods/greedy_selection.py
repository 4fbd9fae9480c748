"""Greedy ensemble selection: experts are added one by one, the same one perhaps many times."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from moe_lab.experts.base import Expert
from moe_lab.methods.base import ClassifierEnsemble, RegressorEnsemble, methods
from moe_lab.methods.log_odds_stacking import OutOfFoldStacking

LEAST_PROBABILITY = 1e-15  # of which the log-loss is taken


class GreedyWeights(BaseEstimator):
    """Weights of experts by forward selection with replacement.

    Every round adds the expert that lowers the loss of the average the most; the average of the
    best round is kept.

    Parameters
    ----------
    rounds : int, default=100

    Attributes
    ----------
    weights_ : ndarray of shape (n_experts,)
        How often each was added; they sum to 1.

    Examples
    --------
    >>> means = np.array([[0.0, 1.0, 9.0], [0.0, 1.0, 9.0]])
    >>> GreedyWeights().fit(means[:, :, None], np.array([0.5, 0.5])).weights_
    array([0.5, 0.5, 0. ])
    """

    def __init__(self, rounds: int = 100):
        self.rounds = rounds

    def fit(
        self, predictions: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> Self:
        """Select on out-of-fold predictions.

        Parameters
        ----------
        predictions : ndarray of shape (n_samples, n_experts, n_outputs)
        y : ndarray of shape (n_samples,)
            Numbers where n_outputs is 1, else class codes.
        sample_weight : ndarray of shape (n_samples,), optional
        """
        n_samples, n_experts, n_outputs = predictions.shape
        weight = np.ones(n_samples) if sample_weight is None else sample_weight
        weight = weight / weight.sum()
        classes = n_outputs > 1
        said = predictions[np.arange(n_samples), :, y if classes else 0]  # (n, e)

        def losses(mean):
            if classes:
                return -weight @ np.log(np.maximum(mean, LEAST_PROBABILITY))
            return weight @ (mean - y[:, None]) ** 2

        total, chosen, best = np.zeros((n_samples, 1)), [], np.inf
        for n_added in range(1, self.rounds + 1):
            loss = losses((total + said) / n_added)
            chosen.append(int(np.argmin(loss)))
            total += said[:, chosen[-1:]]
            if loss[chosen[-1]] < best:
                best, n_best = loss[chosen[-1]], n_added
        self.weights_ = np.bincount(chosen[:n_best], minlength=n_experts) / n_best
        return self


class _Greedy(OutOfFoldStacking):
    """Experts on all rows, averaged with greedy weights of their out-of-fold predictions."""

    def _stacker(self):
        return GreedyWeights(self.rounds)

    def _features(self, predictions):
        return predictions

    def _pool(self, predictions):
        return np.einsum("k,nko->no", self.stacker_.weights_, predictions)


class GreedySelectionRegressor(_Greedy, RegressorEnsemble):
    """Greedy ensemble selection for regression, by the squared error.

    Parameters
    ----------
    experts : "auto" or list of names, (name, params) pairs and estimators, default="auto"
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows.
    rounds : int, default=100
        Experts that are added, one of them perhaps many times.
    device : {"auto", "cpu", "cuda", "cuda:N"}, default="auto"
    n_jobs : int, optional
        Fits at a time.
    random_state : int, RandomState or None

    Attributes
    ----------
    experts_ : list of fitted experts
        Fitted on all rows.
    stacker_ : GreedyWeights
    """

    def __init__(
        self,
        experts: Any = "auto",
        cv: Any = 3,
        rounds: int = 100,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        super().__init__(experts, device=device, n_jobs=n_jobs, random_state=random_state)
        self.cv = cv
        self.rounds = rounds


class GreedySelectionClassifier(_Greedy, ClassifierEnsemble):
    """Greedy ensemble selection for classification, by the log-loss.

    Parameters
    ----------
    experts, cv, rounds, device, n_jobs, random_state
        As in `GreedySelectionRegressor`; classes are spread over the folds.

    Attributes
    ----------
    experts_ : list of fitted experts
        Fitted on all rows and class codes.
    stacker_ : GreedyWeights
    classes_ : ndarray of shape (n_classes,)
    """

    def __init__(
        self,
        experts: Any = "auto",
        cv: Any = 3,
        rounds: int = 100,
        *,
        device: str = "auto",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ):
        super().__init__(experts, device=device, n_jobs=n_jobs, random_state=random_state)
        self.cv = cv
        self.rounds = rounds


@methods.register("greedy_selection")
class GreedySelection(Expert):
    """Greedy ensemble selection of Caruana et al. (2004), out of fold, with replacement.

    Parameters
    ----------
    experts : "auto" or list, default="auto"
        The same pool as the mixture's.
    cv : int, splitter or list of splits, default=3
        Folds; of a number, in the order of the rows.
    rounds : int, default=100
        Experts that are added, one of them perhaps many times.

    References
    ----------
    Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models.
    """

    def __init__(self, experts: Any = "auto", cv: Any = 3, rounds: int = 100):
        self.experts = experts
        self.cv = cv
        self.rounds = rounds

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = GreedySelectionRegressor if task == "regression" else GreedySelectionClassifier
        settings: dict = {"device": device, "n_jobs": n_jobs, "random_state": random_state}
        return kind(self.experts, self.cv, self.rounds, **settings)
