"""Boosted trees behind scikit-learn's methods: any class codes, early stopping, cross-fitting."""

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from moe_lab.experts.fitting import constant_expert, predict_expert, rows_that_matter, teach_nothing
from moe_lab.table import rows_of
from moe_lab.table.folds import HELD_OUT, MIN_HELD_OUT
from moe_lab.table.forms import Table

LEAST_ON_PART = 5000  # rows of which a part tells the number of trees as well as the folds do


class _Binned:
    """The rows of a table that some part needs, as the library reads them."""

    def __init__(self, trees, X, rows):
        self.rows = rows
        self.data = trees.bin(X if len(rows) == len(X) else rows_of(X, rows))

    def holds(self, rows):
        return np.isin(rows, self.rows, assume_unique=True).all()

    def positions(self, rows):
        return np.searchsorted(self.rows, rows)


class _Grown(NamedTuple):
    model: object  # None: one class
    classes: np.ndarray | None  # None: regression
    losses: np.ndarray
    held_out_weight: float = 0.0


class _Boosted(BaseEstimator):
    """Boosted trees behind scikit-learn's methods.

    Parameters
    ----------
    trees : Trees
        It is cloned by scikit-learn, never changed.
    early_stopping_rounds : int, optional
        Find the number of trees on held-out rows: of the folds in `cross_fit`, else of a part that
        `fit` sets aside; then fit all rows with that number.
    n_classes : int, optional
        Width of what `cross_fit` returns.
    random_state : int, optional
        Draws the part set aside.
    stop_on : {"folds", "part"}, default="folds"
        What tells the number of trees in `cross_fit`: "part" is, from 5000 rows on, a part drawn
        from all rows, as in `fit`. Folds in time order ask what comes next, and there the second
        tree may be too many: what its answer is worth is for the gate to say, not for the booster.

    Attributes
    ----------
    n_trees_ : int
    """

    def __init__(
        self,
        trees,
        early_stopping_rounds=None,
        n_classes=None,
        random_state=None,
        stop_on="folds",
    ):
        self.trees = trees
        self.early_stopping_rounds = early_stopping_rounds
        self.n_classes = n_classes
        self.random_state = random_state
        self.stop_on = stop_on

    @property
    def growth(self) -> float:
        return self.trees.growth

    def fit(self, X, y, sample_weight=None):
        if sample_weight is not None and np.min(sample_weight) <= 0 < np.max(sample_weight):
            there = np.flatnonzero(sample_weight > 0)
            X, y, sample_weight = rows_of(X, there), y[there], sample_weight[there]
        rows = np.arange(len(y))
        binned = _Binned(self.trees, X, rows)
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        n_trees = self._number_on_part(binned, rows, y, weight)
        return self._fit_all(binned, rows, y, sample_weight, n_trees)

    def _number_on_part(self, binned, rows, y, weight):
        """Return the number of trees that is best on a part set aside of the rows."""
        if not self.early_stopping_rounds or int(HELD_OUT * len(rows)) < MIN_HELD_OUT:
            return self.trees.most
        kept, held_out = (rows[part] for part in self._set_aside(y[rows]))
        if not weight[kept].any():
            return self.trees.most
        grown = self._grow(binned, kept, y, weight[kept], self.trees.most, (held_out, weight))
        return self._best_number([grown])

    def _set_aside(self, y):
        """Split a seeded shuffle; classes are spread over both parts."""
        order = np.random.default_rng(self.random_state).permutation(len(y))
        if self._task == "classification":
            order = order[np.argsort(y[order], kind="stable")]
        steps = np.floor(HELD_OUT * np.arange(1, len(y) + 1))
        chosen = np.diff(steps, prepend=0) > 0  # every 7th or so
        return np.sort(order[~chosen]), np.sort(order[chosen])

    @available_if(lambda self: self.trees.shares_bins or self.early_stopping_rounds)
    def cross_fit(self, X, y, folds, sample_weight=None):
        """Predict every row by trees that did not see it, binned once for all folds.

        Returns
        -------
        predictions : ndarray of shape (n_samples, n_outputs)
            NaN where no fold holds the row out.
        """
        sample_weight = np.ones(len(y)) if sample_weight is None else sample_weight
        parts = [self._part(train, sample_weight) for train, _ in folds]
        used = np.unique(np.concatenate([rows for rows, _ in parts]))
        self._binned = _Binned(self.trees, X, used)
        on_part = self.stop_on == "part" and len(used) >= LEAST_ON_PART
        n_trees = self.trees.most
        if on_part:
            n_trees = self._number_on_part(self._binned, used, y, sample_weight)
        grown = [
            None
            if teach_nothing(y[rows], self._task)
            else self._grow(
                self._binned,
                rows,
                y,
                weight,
                n_trees,
                None if on_part else (test, sample_weight),
            )
            for (rows, weight), (_, test) in zip(parts, folds, strict=True)
        ]
        self.n_trees_ = n_trees if on_part else self._best_number(grown)
        predictions = np.full((len(y), self._n_outputs(y)), np.nan)
        for one, (rows, _), (train, test) in zip(grown, parts, folds, strict=True):
            held_out = rows_of(X, test)
            if one is None:
                rows = rows if len(rows) else train
                constant = constant_expert(y, rows, self._task)
                n_classes = predictions.shape[1] if self._task == "classification" else None
                predictions[test] = predict_expert(constant, held_out, n_classes=n_classes)
            else:
                predictions[test] = self._answer(one, held_out, predictions.shape[1])
        return predictions

    @available_if(lambda self: self.trees.shares_bins or self.early_stopping_rounds)
    def refit(self, X, y, sample_weight=None):
        """Fit to all rows after ``cross_fit``, with its bins and its number of trees."""
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        rows, weight = rows_that_matter(weight)
        binned = vars(self).pop("_binned", None)
        if binned is None or not binned.holds(rows):
            binned = _Binned(self.trees, X, rows)
        return self._fit_all(binned, rows, y, weight, self.n_trees_)

    def _part(self, train, sample_weight):
        train = np.sort(train)
        kept, weight = rows_that_matter(sample_weight[train])
        return train[kept], weight

    def _grow(self, binned, rows, y, weight, n_trees, held_out=None):
        """Grow trees on the rows; ``held_out`` is (rows, weights of all rows)."""
        classes, targets = self._targets(y[rows])
        if classes is not None and len(classes) == 1:
            return _Grown(None, classes, np.array([]))
        stop, total = {}, 0.0
        if held_out is not None and self.early_stopping_rounds:
            test, own = self._scored_rows(binned, y, *held_out, classes)
            total = own.sum()
            if len(test):
                targets_there = y[test] if classes is None else np.searchsorted(classes, y[test])
                stop = {"held_out": (binned.positions(test), targets_there, own)}
                stop["patience"] = self.early_stopping_rounds
        n_classes = None if classes is None else len(classes)
        model, losses = self.trees.grow(
            binned.data,
            binned.positions(rows),
            targets,
            weight,
            n_classes=n_classes,
            n_trees=n_trees,
            **stop,
        )
        return _Grown(model, classes, np.asarray(losses), total)

    def _scored_rows(self, binned, y, test, sample_weight, classes):
        """Held-out rows that count: binned, of some weight, of a class that the trees know."""
        test = np.sort(test)
        counts = (sample_weight[test] > 0) & np.isin(test, binned.rows)
        if classes is not None:
            counts &= np.isin(y[test], classes)
        return test[counts], sample_weight[test][counts]

    def _best_number(self, grown):
        """Return the number of trees of least loss over all folds together.

        A fold that stopped earlier counts, and predicts, with the trees that it has.
        """
        scored = [one for one in grown if one is not None and len(one.losses)]
        if not scored:
            return self.trees.most
        longest = max(len(one.losses) for one in scored)
        total = sum(
            one.held_out_weight * np.pad(one.losses, (0, longest - len(one.losses)), mode="edge")
            for one in scored
        )
        return int(np.argmin(total)) + 1

    def _fit_all(self, binned, rows, y, weight, n_trees):
        grown = self._grow(binned, rows, y, weight, n_trees)
        self.model_, self.n_trees_ = grown.model, n_trees
        if grown.classes is not None:
            self.classes_ = grown.classes
        return self

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_binned", None)  # binned again from X
        return state


class BoostedRegressor(RegressorMixin, _Boosted):
    """Boosted trees for a number."""

    _task = "regression"

    def predict(self, X: Table) -> np.ndarray:
        return self.trees.predict(self.model_, X, n_classes=None)

    def _targets(self, y):
        return None, np.asarray(y, dtype=float)

    def _n_outputs(self, y):
        return 1

    def _answer(self, grown, X, n_outputs):
        return self.trees.predict(grown.model, X, n_classes=None, n_trees=self.n_trees_)[:, None]


class BoostedClassifier(ClassifierMixin, _Boosted):
    """Boosted trees for any class codes, with gaps, or for a single class."""

    _task = "classification"

    def predict_proba(self, X: Table) -> np.ndarray:
        if self.model_ is None:
            return np.ones((len(X), 1))
        return self.trees.predict(self.model_, X, n_classes=len(self.classes_))

    def predict(self, X: Table) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _targets(self, y):
        return np.unique(y, return_inverse=True)

    def _n_outputs(self, y):
        return self.n_classes or int(y.max()) + 1

    def _answer(self, grown, X, n_outputs):
        wide = np.zeros((len(X), n_outputs))
        wide[:, grown.classes] = self.trees.predict(
            grown.model, X, n_classes=len(grown.classes), n_trees=self.n_trees_
        )
        return wide
