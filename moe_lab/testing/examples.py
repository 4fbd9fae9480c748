"""What the laws are checked on: a small table as it comes, and a target."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moe_lab.experts.base import Expert, is_stacker
from moe_lab.mixture import MoEClassifier, MoERegressor
from moe_lab.testing.simplifying import simplified

if TYPE_CHECKING:
    from moe_lab.registry.plugins import Registry

N_CLASSES = 3
POOL = ("linear", ("extra_trees", {"n_estimators": 30}), ("lightgbm", {"n_estimators": 30}))


def example(registry: Registry, name: str) -> Any:
    """Create a plugin with the parameters that its class gives for tests.

    A method of the pool "auto" gets a small one; a stacker comes in a mixture, since it cannot be
    fitted alone.
    """
    plugin = create(registry, name)
    params = plugin.get_params(deep=False) if hasattr(plugin, "get_params") else {}
    if isinstance(params.get("experts"), str) and params["experts"] == "auto":
        plugin.set_params(experts=list(POOL))
    return Stacked(plugin) if is_stacker(plugin) else plugin


def create(plugins: Registry, name: str) -> Any:
    """Create a plugin with the parameters that its class gives for tests."""
    plugin = plugins.get(name)
    given = getattr(plugin, "example_params", {})
    needed = [
        one
        for one, default in plugins.card(name).parameters.items()
        if default is inspect.Parameter.empty
    ]
    missing = [one for one in needed if one not in given]
    if missing:
        raise TypeError(
            f"{plugins.kind} {name!r} must be made without parameters, got no default for "
            f"{', '.join(missing)}; give one, or say in example_params = {{...}}, on the class, "
            "what to test it with."
        )
    return plugins.create(name, **given)


class Stacked(Expert):
    """Two plain experts and a stacker behind an anchored gate, as one expert.

    Parameters
    ----------
    stacker : Expert
    """

    def __init__(self, stacker: Expert):
        self.stacker = stacker

    @property
    def tasks(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.stacker.tasks

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        kind = MoERegressor if task == "regression" else MoEClassifier
        plain = ["linear", ("extra_trees", {"n_estimators": 30})]
        return kind([*plain, self.stacker], random_state=random_state, device=device)


def example_table(n_samples: int = 120, random_state: int = 0) -> pd.DataFrame:
    """Make a table as it comes: numbers, a category, strings, missing values.

    Returns
    -------
    X : DataFrame with columns x0, x1 (floats), group (category), word (strings); 5 % missing in x1
    and word
    """
    simple = simplified()
    n_samples = min(n_samples, simple.rows or n_samples)
    rng = np.random.default_rng(random_state)
    X = pd.DataFrame(rng.normal(size=(n_samples, 2)), columns=["x0", "x1"])
    X["group"] = pd.Categorical(rng.choice(["a", "b", "c"], n_samples) if simple.levels else "a")
    X["word"] = rng.choice(["red", "green"], n_samples) if simple.levels else "red"
    if simple.missing:
        X.loc[rng.random(n_samples) < 0.05, "x1"] = np.nan
        X.loc[rng.random(n_samples) < 0.05, "word"] = None
    return X


def example_target(X: pd.DataFrame, task: str, counts: bool = False) -> np.ndarray:
    """Return a learnable target: floats, or codes of three classes; or whole numbers from 1 on."""
    score = X["x0"].to_numpy() + (X["group"] == "b").to_numpy()
    score += 0.05 * np.sin(100 * X["x0"].to_numpy())  # so that no model fits without error
    if counts:
        return 1 + np.round(3 * np.exp(score))
    return score if task == "regression" else np.digitize(score, [-0.3, 0.8])
