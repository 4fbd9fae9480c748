"""What `moe-lab report` and its kin say, in this process: sentences, names, widths."""

import io

import pandas as pd
import pytest
from click.testing import CliRunner

from moe_lab.cli import main
from moe_lab.runs import open_run
from moe_lab.runs.store import new_scratch, publish


@pytest.fixture(autouse=True)
def inside(lab, monkeypatch):
    """Work in a lab of our own, not under a runner."""
    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    monkeypatch.delenv("MOE_LAB_RUN_FOLDER", raising=False)


def save(dataset="ames", metrics=("rmse", "mae"), **methods) -> None:
    rows = [
        {"method": method, "metric": metric, "fold": fold, "score": score * (1 + 0.01 * fold)}
        for method, score in (methods or {"stacking": 10.0, "moe": 8.0}).items()
        for metric in metrics
        for fold in range(3)
    ]
    task = "regression" if "rmse" in metrics else "classification"
    fixed = {"dataset": dataset, "data": dataset, "task": task, "n_folds": 3, "seed": 0}
    seconds = {"fit_seconds": 123.456, "fit_cpu_seconds": 1234.567, "predict_seconds": 0.1}
    run = open_run(parameters={"dataset": dataset}, notebook="exp")
    run.save_scores(pd.DataFrame(rows).assign(**fixed, **seconds, n_train=75, n_test=25))
    run.publish()


def moe_lab(*arguments):
    """Return exit code and what was said."""
    ran = CliRunner().invoke(main, list(map(str, arguments)))
    return ran.exit_code, ran.output


def fail(status, key, **parameters):
    record = {"status": status, "key": key, "parameters": parameters, "error": "ValueError: no"}
    return publish(new_scratch("results"), "exp", record).name


def test_a_misspelt_baseline_or_metric_is_an_error(lab):
    save()
    code, said = moe_lab("report", "exp", "--baseline", "stackin")
    assert code == 1
    assert "Unknown baseline 'stackin'. Did you mean 'stacking'? Methods compared:" in said
    code, said = moe_lab("report", "exp", "--metric", "mea")
    assert code == 1
    assert "Unknown metric 'mea'. Did you mean 'mae'? Measured: mae, rmse." in said
    assert not (lab.root / "results" / "exp" / "report.html").exists()


def test_without_stacking_a_report_ranks_and_compares_with_nothing(lab):
    save(average=10.0, moe=8.0)
    code, said = moe_lab("report", "exp")
    assert code == 0, said
    assert said.splitlines()[0].strip() == "ames: rmse"
    assert "against" not in said
    assert said.splitlines()[-1].endswith("report.html")


def test_a_report_by_another_metric_leaves_out_where_it_was_not_measured(lab):
    save()
    save("telco", metrics=("log_loss", "auc"))
    code, said = moe_lab("report", "exp", "--metric", "mae", "--baseline", "moe")
    assert code == 0, said
    assert "ames: mae against moe" in said
    assert said.count("Warning: Left out, since mae was not measured: telco.") == 1
    page = (lab.root / "results" / "exp" / "report.html").read_text()
    assert "<th>mae</th>" in page
    assert "<th>rmse</th>" not in page


def test_a_report_may_be_asked_for_by_the_notebook(lab):
    save()
    code, said = moe_lab("report", "notebooks/exp.ipynb")
    assert code == 0, said
    assert said.splitlines()[-1] == f"report: {lab.root}/results/exp/report.html"


def test_a_report_without_scores_says_what_there_is(lab):
    fail("failed", "k", seed=0)
    fail("died", "k", seed=1)
    code, said = moe_lab("report", "exp")
    assert code == 1
    assert "Its runs: 1 failed, 1 died, none with scores." in said
    assert "The last error: ValueError: no" in said


def test_a_failure_that_was_mended_is_not_listed(lab):
    mended, other = fail("failed", "old", dataset="ames"), fail("died", "k", dataset="telco")
    save()
    moe_lab("report", "exp")
    page = (lab.root / "results" / "exp" / "report.html").read_text()
    assert mended not in page
    assert f"{other}: died. ValueError: no" in page


def test_names_are_shown_as_they_are(lab):
    save("data[bold].csv", **{"stacking": 10.0, "moe(experts=[red]a[/])": 9.0, ":cat:": 9.5})
    code, said = moe_lab("report", "exp")
    assert code == 0, said
    for name in ("data[bold].csv: rmse", "moe(experts=[red]a[/])", ":cat:"):
        assert name in said


def test_in_a_narrow_terminal_names_fold_and_digits_stay(lab, monkeypatch):
    from moe_lab.cli import showing

    long = "moe(experts=linear+lightgbm+extra_trees, gate=softmax, train=em)"
    save(stacking=1234.5, **{long: 1200.25})
    text = io.StringIO()
    consoles = showing.Console
    monkeypatch.setattr(
        showing, "Console", lambda **kw: consoles(**kw | {"width": 80, "file": text})
    )
    showing.show_report("exp", "results")

    table = text.getvalue().split("report:")[0]
    for digits in ("1247 ± 10", "1212 ± 9.8", "123.46", "1234.57", "0.00", "-2.7"):
        assert digits in table, table
    assert "…" not in table
    pieces = [line.split("│")[1].strip() for line in table.splitlines() if line.startswith("│")]
    assert long.replace(" ", "") in "".join(pieces).replace(" ", "")


def test_nothing_has_no_sign(lab):
    save(stacking=10.0, moe=10.0 - 1e-6, moe_constant=10.0)
    code, said = moe_lab("report", "exp")
    assert code == 0, said
    page = (lab.root / "results" / "exp" / "report.html").read_text()
    for text in (said, page):
        assert "0.0" in text
        assert not [
            word for word in text.split() if word.lstrip("(").startswith(("-0.0 ", "-0.00"))
        ]
        assert "-0.0 ±" not in text
        assert "-0.00 ±" not in text


@pytest.mark.parametrize("timeout", ["0", "-5", "inf", "nan"])
def test_a_timeout_must_be_a_time(lab, timeout):
    lab.notebook("exp", "seed = 0")
    code, said = moe_lab("run", "exp", f"--timeout={timeout}")
    assert code == 1
    assert f"Error: --timeout must be a number of seconds above 0, got {float(timeout):g}" in said


def test_a_damaged_run_is_one_line(lab):
    save()
    run = next((lab.root / "results" / "exp" / "runs").iterdir())
    save()
    (run / "run.json").write_text("{")
    code, said = moe_lab("report", "exp")
    assert code == 0
    assert said.count(f"Warning: {run}/run.json is damaged and left out: ") == 1


def test_files_in_the_wrong_place_are_listed(lab):
    lab.drop_in("expert", "hm", "")
    code, said = moe_lab("plugins", "list", "gate")
    assert code == 0
    assert "registry/expert/hm.py is not loaded" in said
