"""Extra-trees expert: a forest with random splits."""

from typing import Any

from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared


class Forest(Prepared):
    """A forest: a good part of its seconds is spent on each tree anyway."""

    takes_reading = True
    growth = 0.75


@experts.register("extra_trees")
class ExtraTreesExpert(Expert):
    """Extremely randomised trees of scikit-learn (Geurts, Ernst & Wehenkel, 2006).

    A category is one column of level numbers: no worse than one column per level, and faster.

    Parameters
    ----------
    n_estimators : int, default=100
        Trees.
    min_samples_leaf : int or float, default=1
        Least rows in a leaf.
    """

    def __init__(self, n_estimators: int = 100, min_samples_leaf: int | float = 1):
        self.n_estimators = n_estimators
        self.min_samples_leaf = min_samples_leaf

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        forest = ExtraTreesRegressor if task == "regression" else ExtraTreesClassifier
        model = forest(
            n_estimators=self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            random_state=random_state,
            n_jobs=n_jobs,
        )
        return Forest(NumericTable(scale=False, one_hot=False, calendar=True), model)
