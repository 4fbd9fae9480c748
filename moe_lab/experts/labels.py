"""What is said of labels, for those who are fitted to class codes."""

from __future__ import annotations

import inspect
from operator import is_
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator

from moe_lab.table.forms import Table

__all__ = ["OfCodes", "by_code", "of_codes"]

CLASS_WEIGHTS = ("class_weight", "class_weights")


def of_codes(held: Any, classes: np.ndarray, name: str = "") -> Any:
    """Return what is, or holds, classifiers of labels as the same of class codes.

    Parameters
    ----------
    held : estimator, Expert, list, tuple, dict or anything else
        What its parameters hold is translated too; what speaks of no label is returned itself.
    classes : ndarray of shape (n_classes,)
        The labels, in the order of their codes.
    name : str, optional
        The parameter that holds it.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> heavy = [LogisticRegression(class_weight={"yes": 5.0})]
    >>> of_codes(heavy, np.array(["no", "yes"]))
    [LogisticRegression(class_weight={0: 1.0, 1: 5.0})]
    """
    if isinstance(held, FrozenEstimator):
        return FrozenEstimator(OfCodes(held, classes)) if hasattr(held, "classes_") else held
    if isinstance(held, dict):
        if name.rpartition("__")[2] in CLASS_WEIGHTS:
            return by_code(held, classes, name)
        new = _translated(held, classes)
        return {**held, **new} if new else held
    if type(held) in (list, tuple):
        parts = [of_codes(one, classes, name) for one in held]
        return held if all(map(is_, parts, held)) else type(held)(parts)
    if not hasattr(held, "get_params") or inspect.isclass(held):
        return held
    new = _translated(held.get_params(deep=False), classes)
    return clone(held).set_params(**new) if new else held


def _translated(parts, classes):
    """Return those of the named parts that speak of labels, for class codes."""
    new = {key: of_codes(one, classes, str(key)) for key, one in parts.items()}
    return {key: one for key, one in new.items() if one is not parts[key]}


def by_code(weights: dict, classes: np.ndarray, name: str = "class_weight") -> dict[int, float]:
    """Return a dict of weights by label as one by class code, in the order of the codes; a class
    that it does not name weighs 1.

    Examples
    --------
    >>> by_code({"yes": 5.0}, np.array(["no", "yes"]))
    {0: 1.0, 1: 5.0}
    """
    labels = classes.tolist()
    unknown = [label for label in weights if label not in labels]
    if unknown:
        raise ValueError(
            f"{name} must name classes of y ({', '.join(map(repr, labels))}), got {unknown[0]!r}."
        )
    return {code: weights.get(label, 1.0) for code, label in enumerate(labels)}


class OfCodes(ClassifierMixin, BaseEstimator):
    """A fitted classifier of labels as one of class codes.

    Parameters
    ----------
    model : fitted classifier
    classes : ndarray of shape (n_classes,)
        The labels, in the order of their codes.
    """

    def __init__(self, model: Any, classes: np.ndarray):
        self.model = model
        self.classes = classes

    def fit(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        return self

    @property
    def classes_(self) -> np.ndarray:
        labels = self.classes.tolist()
        unknown = [label for label in self.model.classes_.tolist() if label not in labels]
        if unknown:
            raise ValueError(
                f"A fitted expert must know classes of y alone ({', '.join(map(repr, labels))}), "
                f"got {unknown[0]!r} from {self.model!r}."
            )
        return np.array([labels.index(label) for label in self.model.classes_.tolist()])

    def predict_proba(self, X: Table) -> np.ndarray:
        return self.model.predict_proba(X)

    def predict(self, X: Table) -> np.ndarray:
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def __sklearn_is_fitted__(self):
        return True
