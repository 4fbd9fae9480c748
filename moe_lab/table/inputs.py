"""What a fit or predict is given: tables, targets, weights, checked in one place."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_sample_weight,
    check_consistent_length,
    column_or_1d,
)

from moe_lab.table.forms import checked, is_frame, named_as
from moe_lab.table.frames import as_numpy_backed, as_pandas
from moe_lab.table.reading import Reading, rows_of, text_columns
from moe_lab.table.remarks import remark_on

FEW_ROWS = 10  # that weights must count as, for each expert, to outweigh its penalties


class TakesTables:
    """Tells scikit-learn that categories, strings and missing values are welcome."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def check_table(estimator, X, *, reset):
    """Return X as a DataFrame, or a float array where it is a plain array of numbers.

    Parameters
    ----------
    estimator : estimator
        Gets, or has, ``n_features_in_`` and ``feature_names_in_``.
    X : DataFrame or array-like of shape (n_samples, n_features)
        Missing values are allowed; that infinite ones are not is seen when it is read.
    reset : bool
        True in fit.

    Returns
    -------
    X : DataFrame or float64 ndarray of shape (n_samples, n_features)

    Raises
    ------
    TypeError
        If X is sparse.
    ValueError
        If X is empty, not two-dimensional, or has other columns than in fit.
    """
    X = checked(X)
    _check_feature_names(estimator, X, reset=reset)
    _check_n_features(estimator, X, reset=reset)
    _check_other_names(estimator, X, reset=reset)
    if reset:
        return X
    names, kinds = (getattr(estimator, name, None) for name in ("feature_names_in_", "kinds_"))
    return named_as(X, names, text_columns(kinds))


def _check_other_names(estimator, X, *, reset):
    """Do for names that are no strings what scikit-learn does for strings alone; the numbers
    0, 1, ... are no names where the columns were called otherwise."""
    noted = vars(estimator).get("column_names_")
    names = list(X.columns) if is_frame(X) and not hasattr(estimator, "feature_names_in_") else None
    if reset:
        estimator.column_names_ = names
        return
    if noted is None or names is None or names == noted:
        return
    unnamed = list(range(len(names)))
    if set(names) == set(noted) or unnamed not in (names, noted):
        raise ValueError(
            "The feature names should match those that were passed during fit, in their order: "
            f"{noted}, got {names}. Take X[{noted}]."
        )


def read_training(estimator, X):
    """Return the Reading of a checked table; the estimator keeps what kinds its columns are."""
    X = Reading(X)
    _refuse_infinite(X)
    estimator.kinds_ = X.kinds
    _remark(X)
    return X


def _remark(X):
    """Warn of columns of text that were read as something else, or hardly tell anything."""
    for j, kind in enumerate(X.kinds) if is_frame(X.table) else ():
        remark = remark_on(X.table.iloc[:, j], kind)
        if remark:
            warnings.warn(remark, UserWarning, stacklevel=5)


def read_table(estimator, X):
    """Return the Reading of X by the kinds of the fit, checked; one that was read before as it
    is."""
    kinds = getattr(estimator, "kinds_", None)  # None: put together by hand
    if isinstance(X, Reading):
        return Reading.of(X, kinds)
    X = Reading(check_table(estimator, X, reset=False), kinds)
    _refuse_infinite(X)
    return X


def _refuse_infinite(X):
    infinite = np.isinf(X.numbers).sum(axis=0)
    if any(infinite):
        j = int(np.flatnonzero(infinite)[0])
        position = int(X.number_columns[j])
        name = X.names[position] if X.has_names else position
        raise ValueError(
            f"X must not contain infinity, got {infinite[j]} infinite values in column {name!r}. "
            "Replace them by missing values or finite numbers."
        )


def check_target(X, y):
    """Return y as a 1-D array as long as X."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    y = one_column(y, warn=True)
    check_consistent_length(X, y)
    return y


def one_column(values: Any, *, warn: bool = False) -> np.ndarray:
    """Return targets or groups as a 1-D array of their own type, from whatever library they are."""
    values = as_pandas(values)
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = _of_own_type(values.iloc[:, 0])[:, None]
    elif isinstance(values, pd.Series | pd.Index | ExtensionArray):
        values = _of_own_type(pd.Series(values))
    return column_or_1d(values, warn=warn)


def _of_own_type(column):
    column = as_numpy_backed(column)
    own = getattr(column.dtype, "numpy_dtype", None)  # of the nullable types
    if own is None:
        return column.to_numpy()
    return column.to_numpy(own if column.notna().all() else object, na_value=None)


def as_numbers(y):
    """Return the target of a regression as floats.

    Raises
    ------
    ValueError
        If y holds labels, missing or infinite values.
    """
    try:
        numbers = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"y must be numbers for regression, got dtype {y.dtype}. For labels use a classifier."
        ) from error
    bad = np.sum(~np.isfinite(numbers))
    if bad:
        raise ValueError(
            f"y must not contain NaN or infinity, got {bad} such values in {len(y)} rows. Drop "
            f"those rows."
        )
    return numbers


def as_codes(y):
    """Return the class codes of a classification target, and the classes.

    Raises
    ------
    ValueError
        If y holds missing values, numbers that are no classes, or fewer than two classes.
    """
    missing = np.sum(pd.isna(y))
    if missing:
        raise ValueError(
            f"y must not contain NaN, got {missing} missing values in {len(y)} rows. Drop those "
            f"rows."
        )
    kinds = {type(value).__name__ for value in y} if np.asarray(y).dtype == object else {"str"}
    if len(kinds) > 1 and "str" in kinds:
        raise ValueError(
            f"y must hold classes of one type, got {', '.join(sorted(kinds))}. Convert them, by "
            "astype(str), say."
        )
    check_classification_targets(y)
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    if len(encoder.classes_) < 2:
        raise ValueError(
            f"y must have at least two classes, got one class: {encoder.classes_.tolist()[0]!r}. "
            "Check the target column."
        )
    return codes, encoder.classes_


def codes_of(y, classes):
    """Return the codes of labels seen in fit.

    Raises
    ------
    ValueError
        If a label was not seen.
    """
    codes = pd.Index(classes).get_indexer(one_column(y))
    if (codes < 0).any():
        unseen = pd.unique(one_column(y)[codes < 0])[:5].tolist()
        raise ValueError(f"y must hold classes seen in fit ({classes.tolist()}), got {unseen}.")
    return codes


def weighted_rows(X, y, sample_weight, groups):
    """Return X, y, sample_weight and groups without the rows of weight 0, which are as if
    absent."""
    if groups is not None:
        groups = one_column(groups)
        check_consistent_length(X, groups)
    if sample_weight is None:
        return X, y, np.ones(len(y)), groups
    sample_weight = as_pandas(sample_weight)
    if not np.asarray(sample_weight, dtype=np.float64).any():
        raise ValueError(
            "sample_weight must be positive for at least one row, "
            f"got {np.size(sample_weight)} zeros."
        )
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    kept = np.flatnonzero(weight > 0)
    if len(kept) < len(y):
        X, y, weight = rows_of(X, kept), y[kept], weight[kept]
        groups = None if groups is None else groups[kept]
    return X, y, weight, groups


def rows_of_weight(sample_weight):
    """Return the numbers of the rows that ``weighted_rows`` keeps, or None where it keeps all."""
    if sample_weight is None or np.all(np.asarray(sample_weight) > 0):
        return None
    return np.flatnonzero(np.asarray(sample_weight) > 0)


def warn_of_light_weights(weight, n_experts=1):
    """Warn where weights, each of which counts as so many rows, leave an expert less than a few.

    Parameters
    ----------
    weight : ndarray of shape (n_samples,)
    n_experts : int, default=1
    """
    total, mean = float(np.sum(weight)), float(np.mean(weight))
    if total < min(FEW_ROWS * n_experts, len(weight) / 2):
        warnings.warn(
            f"sample_weight must count rows, a weight of 2 as two of them, got {len(weight)} "
            f"weights whose sum is {total:.3g}: the penalties of experts and gate outweigh so few "
            f"rows, and criteria count them so. Divide sample_weight by its mean, {mean:.3g}.",
            stacklevel=3,
        )


def count_distinct(X, y=None, *, enough):
    """Count the distinct rows of X, and of y beside it; those of the first rows where they are
    enough.

    Parameters
    ----------
    X : Reading, DataFrame or ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,), optional
    enough : int

    Returns
    -------
    n_distinct : int

    Examples
    --------
    >>> count_distinct(np.array([[1.0], [1.0], [2.0]]), enough=3)
    2
    """
    X = np.hstack([X.numbers, X.codes]) if isinstance(X, Reading) else X
    for n_rows in (100 * enough, len(X)):
        rows = pd.DataFrame(X[:n_rows]).set_axis(range(X.shape[1]), axis=1)
        if y is not None:
            rows = rows.assign(target=y[:n_rows])
        n_distinct = int(np.sum(~rows.duplicated()))
        if n_distinct >= enough:
            break
    return n_distinct
