"""What the laws are checked on: a small table as it comes, and a target."""

import numpy as np
import pandas as pd

from moe_lab.experts.base import Expert, is_stacker
from moe_lab.mixture import MoEClassifier, MoERegressor

N_CLASSES = 3
POOL = ("linear", ("extra_trees", {"n_estimators": 30}), ("lightgbm", {"n_estimators": 30}))


def example(registry, name):
    """Create a plugin with the parameters that its class gives for tests.

    A method of the pool "auto" gets a small one; a stacker comes in a mixture, since it cannot be
    fitted alone.
    """
    plugin = registry.create(name, **getattr(registry.get(name), "example_params", {}))
    if "experts" in plugin.get_params(deep=False) and plugin.experts == "auto":
        plugin.set_params(experts=list(POOL))
    return Stacked(plugin) if is_stacker(plugin) else plugin


class Stacked(Expert):
    """Two plain experts and a stacker behind an anchored gate, as one expert.

    Parameters
    ----------
    stacker : Expert
    """

    def __init__(self, stacker):
        self.stacker = stacker

    @property
    def tasks(self):
        return self.stacker.tasks

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        kind = MoERegressor if task == "regression" else MoEClassifier
        plain = ["linear", ("extra_trees", {"n_estimators": 30})]
        return kind([*plain, self.stacker], random_state=random_state, device=device)


def example_table(n_samples=120, random_state=0):
    """Make a table as it comes: numbers, a category, strings, missing values.

    Returns
    -------
    X : DataFrame with columns x0, x1 (floats), group (category), word (strings); 5 % missing in x1
    and word
    """
    rng = np.random.default_rng(random_state)
    X = pd.DataFrame(rng.normal(size=(n_samples, 2)), columns=["x0", "x1"])
    X["group"] = pd.Categorical(rng.choice(["a", "b", "c"], n_samples))
    X["word"] = rng.choice(["red", "green"], n_samples)
    X.loc[rng.random(n_samples) < 0.05, "x1"] = np.nan
    X.loc[rng.random(n_samples) < 0.05, "word"] = None
    return X


def example_target(X, task):
    """Return a learnable target: floats, or codes of three classes."""
    score = X["x0"].to_numpy() + (X["group"] == "b").to_numpy()
    score += 0.05 * np.sin(100 * X["x0"].to_numpy())  # so that no model fits without error
    return score if task == "regression" else np.digitize(score, [-0.3, 0.8])
