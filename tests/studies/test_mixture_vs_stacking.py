"""The study of mixture and stacking: equal base models, and what made-up scores sum up to."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from moe_lab.bench.statistics import sum_up
from moe_lab.experts.spec import as_experts
from moe_lab.registry import datasets, methods
from moe_lab.studies import mixture_vs_stacking as study
from moe_lab.studies.mixture_vs_stacking.__main__ import main, read_sizes
from moe_lab.studies.mixture_vs_stacking.comparisons import COMPARISONS, REGIMES, is_generated
from moe_lab.studies.mixture_vs_stacking.figures import cost_and_quality
from moe_lab.studies.mixture_vs_stacking.tables import against_rivals, rival_goals

TASKS = ("regression", "classification")
SHARED = ("stacking", "log-odds stacking", "one more expert", "mixture", "constant")
FOUR_OF = {"stack + variance": ["regression"]} | dict.fromkeys(SHARED, TASKS)
AUTO = ("stacking (auto)", "log-odds stacking (auto)", "default")


def base_models(label, task):
    """The registered experts of a method and what they build, as parameters."""
    name, params = study.lineup(task, label)[label]
    experts = as_experts(methods.create(name, **params).experts, task)
    built = [expert.build(task, random_state=0, device="cpu", n_jobs=1) for expert in experts]
    return [(type(one).__name__, repr(one.get_params())) for one in built]


@pytest.mark.parametrize(
    ("label", "task"), [(label, task) for label in FOUR_OF for task in FOUR_OF[label]]
)
def test_both_sides_have_the_same_base_models_with_the_same_parameters(label, task):
    if study.lineup(task, label)[label][0] not in methods:
        pytest.skip(f"the method of {label!r} is not registered")
    four = [
        as_experts([name], task)[0].build(task, random_state=0, device="cpu", n_jobs=1)
        for name in study.FOUR
    ]
    expected = [(type(one).__name__, repr(one.get_params())) for one in four]

    found = base_models(label, task)
    assert found[:4] == expected
    assert len(found) == 4 + (label in ("one more expert", "mixture"))


@pytest.mark.parametrize("task", TASKS)
def test_the_auto_pool_is_one_pool(task):
    assert len({str(base_models(label, task)) for label in AUTO}) == 1


def test_an_unknown_label_and_an_unregistered_method_raise():
    with pytest.raises(ValueError, match="Unknown label 'mixtur'. Did you mean 'mixture'"):
        study.lineup("regression", "mixtur")
    with pytest.raises(ValueError, match="Unknown label 'stack \\+ variance'"):
        study.lineup("classification", "stack + variance")


def test_regimes_are_registered_generated_sets():
    assert set(REGIMES) < set(datasets.names())
    assert all(is_generated(name) for name in REGIMES)
    assert not is_generated("abalone")


def made_up(gains, task="regression", seeds=3, n_train=2000, spread=0.1) -> pd.DataFrame:
    """Scores of several methods: the first is 100, the others differ by so many percent a set."""
    rows = []
    for dataset, percents in gains.items():
        for method, percent in percents.items():
            for seed in range(seeds):
                rows.append(
                    {"dataset": dataset, "task": task, "method": method, "n_folds": 1}
                    | {"seed": seed, "fold": 0, "n_train": n_train, "n_test": 4000}
                    | {"metric": "rmse" if task == "regression" else "log_loss"}
                    | {"score": 100.0 + percent + spread * (seed - 1) * bool(percent)}
                    | {"fit_seconds": 2.0, "predict_seconds": 0.1}
                    | {"fit_cpu_seconds": 1.0 if method == "mixture" else 2.0}
                )
    return pd.DataFrame(rows)


def pair(percent):
    return {"stacking": 0.0, "mixture": percent}


SCORES = made_up(
    {"a": pair(-6), "b": pair(-3), "c": pair(0.2), "d": pair(2), "switching": pair(-30)}
)


def test_differences_are_percent_with_a_standard_error_over_seeds():
    table = study.differences(SCORES, "mixture", "stacking", "rmse").set_index("dataset")

    assert table["difference"].to_dict() == pytest.approx(
        {"a": -6.0, "b": -3.0, "c": 0.2, "d": 2.0, "switching": -30.0}
    )
    assert table.loc["a", "se"] == pytest.approx(0.1 / np.sqrt(3))
    assert not len(study.differences(SCORES, "mixture", "stacking", "log_loss"))


def test_seconds_are_compared_as_a_ratio_of_means():
    table = study.differences(SCORES, "mixture", "stacking", "fit_cpu_seconds")

    assert table["difference"].to_numpy() == pytest.approx(0.5)
    assert set(table["unit"]) == {"ratio"}


def test_sets_are_won_tied_lost_and_worse():
    sums = sum_up(
        study.differences(SCORES, "mixture", "stacking", holds=lambda name: name in "abcd")
    )

    assert sums["n_datasets"] == 4
    assert sums["difference"] == pytest.approx(-1.7)
    assert sums["median"] == pytest.approx(-1.4)
    assert (sums["wins"], sums["ties"], sums["losses"]) == (2, 1, 1)
    assert sums["worse"] == ["d"]
    assert sums["p_value"] == pytest.approx(0.625)


def test_a_loss_within_two_standard_errors_of_one_percent_is_not_worse():
    unsure = made_up({"d": pair(2)}, spread=3.0)

    assert sum_up(study.differences(unsure, "mixture", "stacking"))["worse"] == []


def test_goals_hold_real_sets_and_regimes_apart():
    table = study.goals(SCORES).set_index("comparison")

    assert table.loc["RMSE, four", "n_datasets"] == 4
    assert table.loc["RMSE, four", "difference"] == pytest.approx(-1.7)
    assert table.loc["RMSE, four", "goal"] is False  # the mean is there, one set is worse
    assert table.loc["regime data, four", "n_datasets"] == 1
    assert table.loc["regime data, four", "goal"] is True
    assert table.loc["fit CPU seconds, four", "aim"] is True
    assert table.loc["log-loss, four", "goal"] is None  # nothing was run


def test_an_aim_may_be_asked_of_a_share_of_the_sets():
    gains = {"a": -3, "b": -2.5, "c": -0.1, "d": -0.8}
    scores = made_up({k: {"log-odds stacking": 0.0, "mixture": v} for k, v in gains.items()})
    row = study.goals(scores).set_index("comparison").loc["RMSE against ridge, four"]

    assert row["aim_sets"] == pytest.approx(0.5)
    assert (row["goal"], row["aim"]) == (True, True)


def test_the_best_rival_of_each_set_is_the_one_to_come_near():
    rivals = {"stacking": 0.0, "catboost": -10.0, "AutoGluon": -8.0}
    scores = made_up({"a": rivals | {"default": -9.0}, "b": rivals | {"default": -20.0}})
    table, behind = against_rivals(scores)

    assert list(table["baseline"]) == ["stacking", "catboost", "AutoGluon"]
    assert behind["rival"].tolist() == ["catboost", "catboost"]
    assert behind["difference"].tolist() == pytest.approx([100 / 90, -1000 / 90], rel=1e-3)
    reached = rival_goals(table, behind).set_index("asked")["reached"]
    assert reached["mean against stacking <= -8 %"]
    assert not reached["share of sets not won from catboost <= .2"]  # better on one of two
    assert reached["farthest behind the best rival <= 3 %"]


def test_a_rival_that_was_not_run_is_neither_reached_nor_missed():
    table, behind = against_rivals(made_up({"a": {"stacking": 0.0, "default": -9.0}}))
    reached = rival_goals(table, behind).set_index("asked")["reached"]

    assert reached["CPU seconds <= 1 x AutoGluon's"] is None
    assert reached["mean against stacking <= -8 %"] is True


def test_cost_and_quality_keeps_kinds_of_sets_apart():
    table = cost_and_quality(SCORES).set_index("sets")

    assert table["n_datasets"].to_dict() == {"generated": 1, "regression": 4}
    assert table["fit_ratio"].to_numpy() == pytest.approx(0.5)


@pytest.fixture
def store(tmp_path):
    """A results folder with runs of two numbers of rows."""
    for number, (n_train, scores) in enumerate(
        [(2000, SCORES), (500, made_up({"a": pair(-1)}, n_train=500))]
    ):
        run = tmp_path / "04_mixture_vs_stacking" / "runs" / f"run{number}"
        run.mkdir(parents=True)
        scores.to_csv(run / "scores.csv", index=False)
        record = {"status": "done", "parameters": {"n_train": n_train}, "git_commit": "abcdef012"}
        record |= {"finished": f"2026-01-0{number + 1}T00:00:00+00:00", "key": None}
        (run / "run.json").write_text(json.dumps(record))
    return tmp_path


def test_runs_are_read_by_their_rows(store):
    sizes = read_sizes("04_mixture_vs_stacking", store)

    assert list(sizes) == [2000, 500]  # the one with the most sets first
    assert sizes[500]["n_train"].unique() == [500]


def test_rivals_from_elsewhere_join_the_runs_of_their_rows(store):
    rival = made_up({"a": {"AutoGluon": -2.0}}).assign(asked=2000)
    sizes = read_sizes("04_mixture_vs_stacking", store, rivals=rival)

    assert "AutoGluon" in set(sizes[2000]["method"])
    assert "AutoGluon" not in set(sizes[500]["method"])


def test_the_page_tells_tables_and_figures(store):
    out = store / "page"
    done = CliRunner().invoke(main, ["--results-dir", str(store), "--write", str(out)])

    assert done.exit_code == 0, done.output
    page = (out / "README.md").read_text()
    assert page.strip() == done.output.strip()
    (line,) = [line for line in page.splitlines() if line.startswith("| RMSE, four | 4 |")]
    assert "| 2/1/1 | d |" in line
    assert line.endswith("| missed | missed |")
    assert "| RMSE, four | 500 | 1 | -1 |" in page
    assert {path.name for path in out.glob("*.png")} >= {"cost.png", "rmse_four.png"}
    assert len(pd.read_csv(out / "scores.csv")) == len(SCORES) + 6


def test_an_experiment_without_runs_is_told(tmp_path):
    done = CliRunner().invoke(main, ["--results-dir", str(tmp_path)])

    assert done.exit_code == 1
    assert "must have a finished run with scores" in done.output


def test_titles_of_comparisons_differ():
    assert len({comparison.title for comparison in COMPARISONS}) == len(COMPARISONS)
