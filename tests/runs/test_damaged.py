"""A damaged run costs itself: it is named and left out, the others are read."""

import pytest

from moe_lab.runs import read_runs, read_scores, write_report

pytestmark = pytest.mark.usefixtures("inside")
RECORDS = {
    "empty": b"",
    "half": b'{"status": "done", "fini',
    "a list": b"[1, 2]",
    "binary": b"\xff\xfe\x00",
    "no time": b'{"status": "done"}',
    "wrong time": b'{"status": "done", "finished": "yesterday"}',
    "local time": b'{"status": "done", "finished": "2026-01-01T00:00:00"}',
    "wrong kind": b'{"status": "done", "finished": "2026-01-01T00:00:00+00:00", "parameters": 5}',
}
COLUMNS = b"dataset,task,method,n_folds,seed,fold,metric,score\n"
SCORES = {
    "empty": b"",
    "another table": b"a,b\n1,2\n",
    "binary": b"\xff\xfe\x00\n",
    "words": COLUMNS + b"d,regression,moe,4,0,0,rmse,x\n",
    "a fit of nothing": COLUMNS + b"d,,moe,4,0,0,rmse,1\n",
}


@pytest.mark.parametrize("content", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_is_named_and_left_out(table, save, content):
    whole, damaged = save(table()), save(table(moe=1.0))
    (damaged / "run.json").write_bytes(content)

    with pytest.warns(UserWarning, match=f"{damaged.name}/run.json is damaged and left out"):
        assert [run["folder"] for run in read_runs("exp")] == [whole]
    with pytest.warns(UserWarning, match="is damaged and left out"):
        assert "is damaged and left out" in write_report("exp").read_text()


@pytest.mark.parametrize("content", SCORES.values(), ids=SCORES)
def test_damaged_scores_are_named_and_left_out(table, save, content):
    whole, damaged = save(table()), save(table(moe=1.0))
    (damaged / "scores.csv").write_bytes(content)

    with pytest.warns(UserWarning, match=f"{damaged.name}/scores.csv is damaged and left out"):
        assert set(read_scores("exp")["run"]) == {whole.name}


def test_scores_that_break_off_are_left_out(table, save):
    whole, damaged = save(table()), save(table(moe=1.0))
    path = damaged / "scores.csv"
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.warns(UserWarning, match="it breaks off"):
        assert set(read_scores("exp")["run"]) == {whole.name}


def test_a_record_that_says_less_is_read(table, save):
    folder = save(table())
    (folder / "run.json").write_text('{"status": "done", "finished": "2026-01-01T00:00:00+00:00"}')
    assert len(read_runs("exp")) == 1
    assert "moe has the best rmse" in write_report("exp").read_text()


def test_a_run_goes_on_beside_a_damaged_one(inside, kernel, run, save):
    inside.notebook("exp", "seed = 0")
    (save() / "run.json").write_text("{")
    with pytest.warns(UserWarning, match="is damaged and left out"):
        assert [one.status for one in run()] == ["done"]
