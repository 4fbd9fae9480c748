"""The plugins that come with the package: all there, none broken, each with a card."""

import os
import subprocess
import sys

import pytest

from moe_lab import registry

LISTS = {
    name: found for name, found in vars(registry).items() if isinstance(found, registry.Registry)
}
PROMISED = {
    "dividers": {"column", "gaussian_mixture", "kmeans", "linear_em", "random", "rules", "tree"},
    "experts": {"extra_trees", "lightgbm", "linear", "linear_mixture", "mlp", "xgboost"},
    "gates": {"boosted", "column", "gaussian", "hierarchical", "rules", "softmax", "tree"},
    "poolers": {"argmax", "confident", "linear", "log_linear", "median", "top_k", "vote"},
    "trainers": {"boosting", "em", "out_of_fold"},
    "methods": {"average", "log_odds_stacking", "matched_ensemble", "moe", "moe_em", "stacking"},
    "datasets": {"ames", "diamonds", "hpc_jobs", "mcycle", "s_curve", "telco_churn"},
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_plugins_are_there_and_none_is_broken(name):
    assert LISTS[name].broken == {}
    assert PROMISED[name] <= set(LISTS[name].names())


@pytest.mark.parametrize("name", PROMISED)
def test_every_plugin_has_a_card_with_a_summary(name):
    for plugin in LISTS[name].names():
        card = LISTS[name].card(plugin)
        assert card.summary.endswith((".", "?")), card
        assert card.summary != "No description."
        assert card.origin.startswith("moe_lab.") or card.origin.endswith(".py"), card


def test_listing_every_plugin_imports_no_heavy_package():
    code = """
import sys
from moe_lab.registry import dividers, experts, gates, poolers, trainers, methods, datasets
for plugins in (dividers, experts, gates, poolers, trainers, methods, datasets):
    assert plugins.names()
print(sorted({"torch", "xgboost", "lightgbm", "matplotlib", "seaborn"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout == "[]\n", done.stderr
