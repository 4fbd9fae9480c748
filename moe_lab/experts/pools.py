"""What ``experts="auto"`` means, by task, rows, classes and preset: one table."""

from importlib.util import find_spec
from typing import Any, NamedTuple

from moe_lab.registry.spelling import unknown_name

__all__ = ["PRESETS", "TABLE", "check_preset", "pool_of"]

PRESETS = ("fast", "default", "best")  # from quick to strong
FEW_ROWS = 2_000  # where it is not known how many
REGRESSION, CLASSIFICATION = "regression", "classification"
FEW_EPOCHS = {"max_epochs": 40, "patience": 4}


class Place(NamedTuple):
    """One line of the table: an expert, and where it is in the pool."""

    expert: str
    task: str | None = None  # None: both
    least: int = 0  # rows
    below: float = float("inf")  # rows
    most_classes: float = float("inf")
    params: dict | None = None
    first: str = "default"  # the quickest preset that has it; the slower ones have it too

    def pays(self, task: str, n_samples: int, n_classes: int) -> bool:
        """Whether it is worth its time on such a table."""
        of_task = self.task in (None, task)
        return of_task and self.least <= n_samples < self.below and n_classes <= self.most_classes


# Most gain for the time first. Why some are left out: on many rows, neighbours add nothing to a
# classifier and CatBoost nothing to a regressor; of more than two classes CatBoost takes half the
# time of all; a linear mixture of more than ten is one linear model; lines in leaves need rows.
TABLE = (
    Place("lightgbm", first="fast"),
    Place("linear", first="fast"),
    Place("linear_start", first="fast"),
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
SLOW = "tabm"  # strong and slow: in the preset "best", or where a time limit says how long


def pool_of(
    task: str,
    n_samples: int | None = None,
    n_classes: int | None = None,
    *,
    preset: str = "default",
) -> list[Any]:
    """Return the experts of the pool "auto", names or (name, params) pairs.

    Parameters
    ----------
    task : {"regression", "classification"}
    n_samples : int, optional
        Default: few.
    n_classes : int, optional
        Of classification; default: two.
    preset : {"fast", "default", "best"}, default="default"
        Those that are quick; those that pay for their time; all, and `tabm` besides.

    Returns
    -------
    experts : list
        CatBoost only where it is installed.

    Examples
    --------
    >>> pool_of("classification", 20_000, n_classes=26)[-2:]
    ['xgboost', ('mlp', {'max_epochs': 40, 'patience': 4})]
    >>> pool_of("regression", preset="fast")
    ['lightgbm', 'linear', 'linear_start']
    """
    if check_preset(preset) == "best":
        names = list(dict.fromkeys(place.expert for place in TABLE)) + [SLOW]
        return [name for name in names if _is_there(name)]
    table = task, n_samples or FEW_ROWS, n_classes or 0
    return [
        place.expert if place.params is None else (place.expert, dict(place.params))
        for place in TABLE
        if place.pays(*table)
        and PRESETS.index(place.first) <= PRESETS.index(preset)
        and _is_there(place.expert)
    ]


def check_preset(preset: str) -> str:
    """Return the preset.

    Examples
    --------
    >>> check_preset("fats")
    Traceback (most recent call last):
    ValueError: Unknown preset 'fats'. Did you mean 'fast'? Presets: best, default, fast.
    """
    if preset not in PRESETS:
        raise ValueError(unknown_name("preset", preset, PRESETS, listed="Presets"))
    return preset


def _is_there(name):
    return name != "catboost" or find_spec("catboost") is not None
