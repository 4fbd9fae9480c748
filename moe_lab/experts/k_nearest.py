"""Nearest-neighbours expert: rows like this one vote."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.neighbors import NearestNeighbors

from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared

# shapes: (n)samples, (k)neighbours, (o)utputs


@experts.register("k_nearest")
class KNearestExpert(Expert):
    """Nearest neighbours on standardised columns; how many is found by leave-one-out loss.

    Among rows at the same distance, duplicates for example, a seeded draw decides which ones vote.

    Parameters
    ----------
    n_neighbors : tuple of int, default=(5, 10, 20, 40)
        Numbers to choose from, each with equal votes and with votes by 1 / distance. Numbers above
        the rows that there are count as all rows.
    prior_votes : float, default=1.0
        Votes that the class shares of all rows have beside the neighbours', so that no probability
        is 0.
    """

    def __init__(self, n_neighbors: tuple[int, ...] = (5, 10, 20, 40), prior_votes: float = 1.0):
        self.n_neighbors = n_neighbors
        self.prior_votes = prior_votes

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        if task == "regression":
            model = KNearestRegressor(self.n_neighbors)
        else:
            model = KNearestClassifier(self.n_neighbors, self.prior_votes)
        model.set_params(random_state=random_state, n_jobs=n_jobs)
        return Prepared(NumericTable(scale=True), model)


class _KNearest(BaseEstimator):
    """What both share: one neighbour query, from which every choice is scored."""

    growth = 1.3

    def _fit(self, X, targets, sample_weight):
        numbers = sorted({int(number) for number in np.atleast_1d(self.n_neighbors)})
        if not numbers or numbers[0] < 1:
            raise ValueError(
                "n_neighbors must be positive numbers to choose from, got "
                f"n_neighbors={self.n_neighbors!r}. The default is (5, 10, 20, 40)."
            )
        weight = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, float)
        # The search takes ties in the order of the rows, which may be that of the target.
        there = np.random.default_rng(self.random_state).permutation(np.flatnonzero(weight > 0))
        self.weight_ = weight[there] / weight[there].mean()
        self.targets_ = targets[there]  # (n, o)
        self.prior_ = np.average(self.targets_, axis=0, weights=self.weight_)
        self.index_ = NearestNeighbors(n_jobs=self.n_jobs).fit(X[there])
        most = len(self.targets_) - 1  # a row is no neighbour of itself
        numbers = sorted({min(number, most) for number in numbers})
        if numbers[-1] == 0:  # one row: the prior
            self.chosen_, self.losses_ = (0, False), {}
            return self
        distances, rows = self.index_.kneighbors(n_neighbors=numbers[-1])
        self.losses_ = {
            (number, by_distance): self._loss(self._vote(distances, rows, number, by_distance))
            for number in numbers
            for by_distance in (False, True)
        }
        self.chosen_ = min(self.losses_, key=self.losses_.get)
        return self

    def _vote(self, distances, rows, number, by_distance):
        """Return the weighted mean target of the nearest rows, with the prior's votes; (n, o)."""
        rows = rows[:, :number]
        votes = self.weight_[rows]
        if by_distance:
            votes = votes * _closeness(distances[:, :number])
        total = np.zeros((len(rows), self.targets_.shape[1]))
        for k in range(number):  # one neighbour at a time: (n, k, o) may not fit into memory
            total += votes[:, [k]] * self.targets_[rows[:, k]]
        prior_votes = getattr(self, "prior_votes", 0.0)
        total += prior_votes * self.prior_
        return total / (votes.sum(axis=1, keepdims=True) + prior_votes)

    def _outputs(self, X):
        number, by_distance = self.chosen_
        if number == 0:
            return np.tile(self.prior_, (len(X), 1))
        distances, rows = self.index_.kneighbors(X, n_neighbors=number)
        return self._vote(distances, rows, number, by_distance)


def _closeness(distances):
    """Votes by 1 / distance that sum to the number of neighbours; at distance 0 only those vote."""
    nearest = distances[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        close = np.where(nearest > 0, nearest / distances, distances == 0)
    return close * (close.shape[1] / close.sum(axis=1, keepdims=True))


class KNearestRegressor(RegressorMixin, _KNearest):
    """Weighted mean of the neighbours' targets; ``n_neighbors`` by squared error."""

    def __init__(
        self,
        n_neighbors: tuple[int, ...] = (5, 10, 20, 40),
        random_state: int | None = None,
        n_jobs: int | None = None,
    ):
        self.n_neighbors = n_neighbors
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        return self._fit(X, np.asarray(y, dtype=float)[:, None], sample_weight)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self._outputs(X)[:, 0]

    def _loss(self, predictions):
        return np.average((predictions - self.targets_)[:, 0] ** 2, weights=self.weight_)


class KNearestClassifier(ClassifierMixin, _KNearest):
    """Weighted shares of the neighbours' classes; ``n_neighbors`` by log-loss."""

    def __init__(
        self,
        n_neighbors: tuple[int, ...] = (5, 10, 20, 40),
        prior_votes: float = 1.0,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ):
        self.n_neighbors = n_neighbors
        self.prior_votes = prior_votes
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        if self.prior_votes <= 0:
            raise ValueError(
                f"prior_votes must be above 0, got prior_votes={self.prior_votes}; with 0 a "
                "probability could be 0."
            )
        if sample_weight is not None:  # classes of weight 0 are absent
            X, y, sample_weight = (part[sample_weight > 0] for part in (X, y, sample_weight))
        self.classes_, codes = np.unique(y, return_inverse=True)
        return self._fit(X, np.eye(len(self.classes_))[codes], sample_weight)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self._outputs(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.classes_[self._outputs(X).argmax(axis=1)]

    def _loss(self, predictions):
        own = predictions[self.targets_.astype(bool)]
        return -np.average(np.log(own), weights=self.weight_)
