"""The study of joint training: equal sizes, honest differences."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from moe_lab.bench.lineup import line_up
from moe_lab.registry import datasets
from moe_lab.studies.gradient import differences, lineup, main


def n_parameters(*nets):
    return sum(one.numel() for net in nets for one in net.parameters() if one.requires_grad)


@pytest.mark.parametrize("name", ["piecewise", "switching", "credit_status"])
def test_the_ensemble_has_no_fewer_parameters_than_the_mixture(name):
    data = datasets.create(name)
    X, y = data.X.iloc[:300], np.unique(data.y.iloc[:300], return_inverse=True)[1]
    built = line_up(lineup(), data.task)
    ensemble, mixture, _ = (
        one.build(data.task, n_classes=2, random_state=0).fit(X, y) for one in built.values()
    )
    experts = [expert.net_ for expert in mixture.experts_]
    members = [member.net_ for _, member in ensemble.experts_]
    assert n_parameters(*experts) < n_parameters(*members)
    assert n_parameters(mixture.gate_.net_, *experts) <= n_parameters(*members)


def test_differences_are_per_cent_over_the_ensemble():
    rows = [
        {"method": method, "seed": seed, "score": score}
        for method, scores in (("ensemble", (10.0, 20.0)), ("likelihood", (9.0, 16.0)))
        for seed, score in enumerate(scores)
    ]
    fixed = {"dataset": "d", "task": "regression", "metric": "rmse", "n_folds": 1, "fold": 0}
    table = differences(pd.DataFrame(rows).assign(**fixed, n_train=50, n_test=50))
    assert table.loc["d", "ensemble"] == "15"
    assert table.loc["d", "likelihood"] == "-15.0 ± 5.0"


@pytest.mark.slow
def test_the_command_writes_scores_and_table(tmp_path):
    out = tmp_path / "study"
    arguments = ["--datasets", "piecewise", "--n-train", "60", "--seeds", "2", "--out", str(out)]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert (out / "table.md").read_text() in done.output
    assert set(pd.read_csv(out / "scores.csv")["method"]) == {"ensemble", "likelihood", "pooled"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--datasets", "piecewise,switchin"], "Did you mean 'switching'"),
        (["--seeds", "0"], "0 is not in the range x>=2"),
    ],
)
def test_wrong_arguments_are_named_before_the_first_fit(arguments, message, monkeypatch):
    monkeypatch.setattr("moe_lab.studies.gradient.compare", None)
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code != 0
    assert message in done.output + str(done.exception)
