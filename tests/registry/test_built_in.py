"""The plugins that come with the package: all there, none broken, each with a card."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import moe_lab
from moe_lab import registry

LISTS = {
    name: found for name, found in vars(registry).items() if isinstance(found, registry.Registry)
}
# Every built-in by name: a file that no package imports would vanish without a word.
PROMISED = {
    "dividers": """
        column gaussian_mixture kmeans linear_em random rules tree
    """,
    "experts": """
        catboost extra_trees k_nearest lightgbm linear linear_leaves linear_mixture linear_start mlp
        residual_stacker sparse_moe stacker tabm xgboost
    """,
    "gates": """
        anchored boosted column constant gaussian hierarchical mlp rules shrunk_softmax softmax
        tree
    """,
    "poolers": """
        argmax confident learned linear log_linear median top_k vote
    """,
    "trainers": """
        boosting em gradient out_of_fold
    """,
    "methods": """
        average greedy_selection log_odds_stacking matched_ensemble moe moe_boosting moe_constant
        moe_em moe_em_linear moe_gradient stacking stacking_variance
    """,
    "datasets": """
        abalone ames breast_cancer concrete credit_status diamonds digits flights friedman1
        hpc_jobs hypothyroid lending_club lightgbm_moe mcycle nass_crash piecewise puma32h
        robot_arm s_curve satimage segment switching telco_churn two_lines two_spirals vowel
    """,
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_plugins_are_there_and_none_is_broken(name):
    plugins = LISTS[name]
    assert plugins.broken == {}
    built_in = {one for one in plugins.names() if plugins.card(one).origin.startswith("moe_lab.")}
    assert built_in == set(PROMISED[name].split())


@pytest.mark.parametrize(
    ("file", "line", "kind", "plugin"),
    [
        ("train/em/__init__.py", "divider import LinearEMDivider", "dividers", "linear_em"),
        ("pool/median.py", "@poolers.register", "poolers", "median"),
    ],
)
def test_a_plugin_that_vanishes_is_missed_by_name(tmp_path, file, line, kind, plugin):
    """The proof that the test above sees a file that a subpackage no longer imports."""
    here = Path(moe_lab.__file__).parent
    shutil.copytree(here, tmp_path / "moe_lab", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "moe_lab" / file
    text = path.read_text()
    assert line in text
    path.write_text("\n".join(one for one in text.splitlines() if line not in one))
    test = f"{__file__}::{test_promised_plugins_are_there_and_none_is_broken.__name__}[{kind}]"
    command = [sys.executable, "-m", "pytest", "-vv", "-p", "no:cacheprovider", test]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "1 failed" in done.stdout, done.stdout + done.stderr
    assert f"'{plugin}'" in done.stdout


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
