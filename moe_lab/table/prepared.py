"""A model with its table preparation in front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags, TargetTags, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from moe_lab.table.reading import Reading, learn_table, transformed

if TYPE_CHECKING:
    import numpy as np

    from moe_lab.table.forms import Table


def _model_has(name):
    return lambda self: hasattr(getattr(self, "model_", self.model), name)


def tags_of(model: Any) -> Tags:
    """Return what an estimator says of itself; of one that is none of scikit-learn's, nothing."""
    try:
        return get_tags(model)
    except (AttributeError, TypeError):
        kind = getattr(model, "_estimator_type", None)
        return Tags(estimator_type=kind, target_tags=TargetTags(required=True))


class Prepared(BaseEstimator):
    """A model that reads the table through a transformer.

    Like a pipeline of two, but sample weights reach both steps and the model's powers show.

    Parameters
    ----------
    table : transformer
        `NumericTable` or `CategoryTable`, say. It is cloned.
    model : estimator
        Likewise.

    Attributes
    ----------
    table_, model_ : the fitted two
    classes_, scale_, n_parameters_, parametric, growth
        The model's, where it has them.
    """

    takes_reading = True  # and hands on what its table takes

    def __init__(self, table: Any, model: Any):
        self.table = table
        self.model = model

    @classmethod
    def of_fitted(cls, table: Any, model: Any) -> Prepared:
        """Put a fitted table and a model that was fitted on its output together."""
        prepared = cls(clone(table), clone(model))
        prepared.table_, prepared.model_ = table, model
        return prepared

    def fit(self, X: Table | Reading, y: Any, sample_weight: np.ndarray | None = None) -> Self:
        """Fit the table, then the model on its output."""
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if weights and not has_fit_parameter(self.model, "sample_weight"):
            raise TypeError(
                "sample_weight must be None for a model whose fit does not take it, got weights "
                f"for {self.model!r}."
            )
        self.table_, Z = learn_table(self.table, X, **weights)
        self.model_ = clone(self.model).fit(Z, y, **weights)
        return self

    @available_if(_model_has("cross_fit"))
    def cross_fit(
        self, X: Table, y: np.ndarray, folds: list[tuple], sample_weight: np.ndarray | None = None
    ) -> np.ndarray:
        """Prepare the table once, then let the model cross-fit itself on it.

        Parameters
        ----------
        folds : list of (train, test) pairs of index arrays

        Returns
        -------
        predictions : ndarray of shape (n_samples, n_outputs), out of fold
        """
        model = clone(self.model)
        table, Z = learn_table(self.table, X, sample_weight)
        self.crossed_ = table, model, Z
        return model.cross_fit(Z, y, folds, sample_weight)

    @available_if(_model_has("refit"))
    def refit(self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Fit to all rows after ``cross_fit`` on the same rows, with what that found or made."""
        if "crossed_" not in vars(self):
            raise ValueError("refit must follow cross_fit on the same instance; call fit instead.")
        table, model, Z = self.crossed_
        Z = transformed(table, X) if Z is None else Z
        self.table_, self.model_ = table, model.refit(Z, y, sample_weight)
        del self.crossed_
        return self

    def __getstate__(self):
        state = super().__getstate__()
        if "crossed_" in state:  # the table can be made again from X
            state = {**state, "crossed_": (*self.crossed_[:2], None)}
        return state

    def predict(self, X: Table | Reading, **params: Any) -> np.ndarray:
        """Predict; ``params`` such as ``return_std`` are the model's."""
        check_is_fitted(self)
        return self.model_.predict(transformed(self.table_, X), **params)

    @available_if(_model_has("predict_proba"))
    def predict_proba(self, X: Table | Reading) -> np.ndarray:
        check_is_fitted(self)
        return self.model_.predict_proba(transformed(self.table_, X))

    @available_if(_model_has("log_prob"))
    def log_prob(self, X: Table | Reading, y: np.ndarray) -> np.ndarray:
        """Log-probability of each y in nats, shape (n_samples,)."""
        check_is_fitted(self)
        return self.model_.log_prob(transformed(self.table_, X), y)

    @available_if(_model_has("predict_distribution"))
    def predict_distribution(self, X: Table) -> Any:
        """Return what the model says of y, for every row."""
        check_is_fitted(self)
        return self.model_.predict_distribution(transformed(self.table_, X))

    @property
    def classes_(self) -> np.ndarray:
        return self._fitted("classes_")

    @property
    def scale_(self) -> float:
        return self._fitted("scale_")

    @property
    def n_parameters_(self) -> int:
        return self._fitted("n_parameters_")

    @property
    def n_features_in_(self) -> int:
        return self.table_.n_features_in_

    @property
    def parametric(self) -> bool:
        return getattr(self.model, "parametric", False)

    @property
    def growth(self) -> float | None:
        return getattr(self.model, "growth", None)

    def _fitted(self, name):
        if "model_" not in vars(self):
            raise AttributeError(f"{name} is there after fit.")
        return getattr(self.model_, name)

    def __sklearn_is_fitted__(self):
        return "model_" in vars(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        of_model = tags_of(self.model)
        tags.estimator_type = of_model.estimator_type
        tags.classifier_tags = of_model.classifier_tags
        tags.regressor_tags = of_model.regressor_tags
        tags.target_tags = of_model.target_tags
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        return tags
