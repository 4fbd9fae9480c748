"""What ``experts="auto"`` means, by task, rows and classes."""

from importlib.util import find_spec
from typing import Any, NamedTuple

__all__ = ["pool_of"]

REGRESSION, CLASSIFICATION = "regression", "classification"
FEW_EPOCHS = {"max_epochs": 40, "patience": 4}


class Place(NamedTuple):
    """One line of the table: an expert, and the tables for which it is in the pool."""

    expert: str
    task: str | None = None  # None: both
    least: int = 0  # rows
    below: float = float("inf")  # rows
    most_classes: float = float("inf")
    params: dict | None = None


# Most gain for the time first. Why some are left out: on many rows, neighbours add nothing to a
# classifier and CatBoost nothing to a regressor; of more than two classes CatBoost takes half the
# time of all; a linear mixture of more than ten is one linear model; lines in leaves need rows.
TABLE = (
    Place("lightgbm"),
    Place("linear"),
    Place("linear_start"),
    Place("linear_leaves", REGRESSION, least=8_000),
    Place("extra_trees"),
    Place("linear_mixture", most_classes=10),
    Place("xgboost"),
    Place("k_nearest", REGRESSION),
    Place("k_nearest", CLASSIFICATION, below=16_000),
    Place("mlp", below=20_000),
    Place("mlp", least=20_000, params=FEW_EPOCHS),
    Place("catboost", REGRESSION, below=16_000),
    Place("catboost", CLASSIFICATION, most_classes=2),
)


def pool_of(task: str, n_samples: int, n_classes: int | None = None) -> list[Any]:
    """Return the experts of the default pool, names or (name, params) pairs.

    Parameters
    ----------
    task : {"regression", "classification"}
    n_samples : int
    n_classes : int, optional
        Of classification.

    Returns
    -------
    experts : list
        CatBoost only where it is installed.

    Examples
    --------
    >>> pool_of("classification", 20_000, n_classes=26)[-2:]
    ['xgboost', ('mlp', {'max_epochs': 40, 'patience': 4})]
    """
    return [
        place.expert if place.params is None else (place.expert, dict(place.params))
        for place in TABLE
        if place.task in (None, task)
        and place.least <= n_samples < place.below
        and (n_classes or 0) <= place.most_classes
        and (place.expert != "catboost" or find_spec("catboost"))
    ]
