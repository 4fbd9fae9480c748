"""Runs as one table: complete, quick, from a cache that may go and that never lies."""

import json
import re
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from moe_lab.runs import load, read_runs, store
from moe_lab.runs.garbage import garbage, remove
from moe_lab.runs.loading import CACHE

pytestmark = pytest.mark.usefixtures("inside")


def test_a_row_is_a_score_with_all_that_the_run_was_asked(table, save):
    save(table(), parameters={"seed": 3, "rate": 0.5}, seconds=2.0)
    save(None, status="failed", error="E: no", parameters={"seed": 4})

    found = load("exp")

    assert len(found) == 8 + 1
    assert found.query("status == 'done'")["param_seed"].unique().tolist() == [3]
    assert found.query("method == 'moe'")["score"].tolist() == pytest.approx(
        [8.0, 8.01, 8.02, 8.03]
    )
    (failed,) = found.query("status == 'failed'").to_dict("records")
    assert failed["error"] == "E: no"
    assert failed["score"] != failed["score"]


@pytest.mark.parametrize("harm", ["deleted", "overwritten", "truncated", "of another version"])
def test_the_cache_may_be_harmed(table, save, inside, harm):
    save(table())
    before = load("exp")
    cache = inside.root / "results" / "exp" / CACHE
    if harm == "deleted":
        cache.unlink()
    elif harm == "of another version":
        with sqlite3.connect(cache) as file:
            file.execute("PRAGMA user_version = 99")
    else:
        cache.write_bytes(b"no" * 500 if harm == "overwritten" else cache.read_bytes()[:3000])

    assert load("exp").equals(before)
    assert load("exp").equals(before)


def test_a_run_that_is_edited_removed_or_added_is_seen(table, save):
    first = save(table())
    second = save(table(moe=1.0))
    load("exp")
    record = json.loads((first / "run.json").read_text())
    (first / "run.json").write_text(json.dumps(record | {"seconds": 77.0}))
    scores = (second / "scores.csv").read_text()
    (second / "scores.csv").write_text(scores.replace("1.03", "9.25"))

    found = load("exp")
    assert 77.0 in set(found["seconds"])
    assert 9.25 in set(found["score"])
    remove(first)
    assert set(load("exp")["run"]) == {second.name}


def test_a_damaged_run_is_named_each_time_and_the_rest_is_read(table, save):
    save(table())
    (save(table()) / "run.json").write_text("{")
    for _ in range(2):
        with pytest.warns(UserWarning, match="is damaged and left out"):
            assert load("exp")["run"].nunique() == 1


def test_no_runs_are_an_empty_table():
    assert load("nothing").empty


def test_cached_runs_are_read_without_opening_one(table, save, inside, monkeypatch):
    folder = save(table())
    record = (folder / "run.json").read_text()
    for number in range(200):
        copy = folder.with_name(f"copy-{number}")
        copy.mkdir()
        (copy / "run.json").write_text(record)
        (copy / "scores.csv").write_bytes((folder / "scores.csv").read_bytes())
    before = load("exp")
    monkeypatch.setattr(
        "moe_lab.runs.loading._read_run", lambda path: pytest.fail(f"opened {path}")
    )
    assert load("exp").equals(before)


def test_duckdb_reads_the_results_folder_as_documented(table, save):
    duckdb = pytest.importorskip("duckdb")
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (query,) = re.findall(r"```sql\n(.*?)```", readme, re.S)
    save(table(), parameters={"seed": 1}, seconds=2.0)
    save(table(moe=1.0), status="failed", parameters={"seed": 2}, seconds=3.0)

    found = duckdb.sql(query.replace("01_compare", "exp")).df()

    assert dict(zip(found["method"], found["score"], strict=True)) == pytest.approx(
        {"stacking": 10.015, "moe": 8.015}
    )


def test_garbage_is_what_failed_or_was_done_again(table, save):
    old = save(table(), key="k" * 16, parts={"code": "c"}, parameters={"seed": 1})
    failed = save(None, status="failed", error="E", parameters={"seed": 2})
    mended = save(None, status="died", error="E", parameters={"seed": 1})
    new = save(table(), key="k" * 16, parts={"code": "c"}, parameters={"seed": 1})

    found = garbage("exp")

    assert found == [(old, "superseded"), (failed, "failed"), (mended, "superseded")]
    for folder, _ in found:
        remove(folder)
    assert [run["folder"] for run in read_runs("exp")] == [new]
    assert not (new.parents[2] / ".tmp").exists()


def test_stale_is_what_other_code_has_made(table, save, inside):
    notebook = inside.notebook("exp", "seed = 0", "seed")
    save(table(), key="k" * 16, parts={"code": "c", "moe_lab": "m"}, parameters={"seed": 1})
    assert garbage("exp") == []
    ((_, kind),) = garbage("exp", kinds=["stale"], notebook=notebook)
    assert kind == "stale"


def torn(runs, ended):
    """Poll as a reader does; return the folders seen without a record."""
    found = set()
    while not ended.is_set():
        for folder in runs.glob("*"):
            if not (folder / store.RECORD).exists() and folder.exists():
                found.add(folder.name)
    return found


def watch_while_publishing(table, save, inside):
    ended, found = threading.Event(), set()
    runs = inside.root / "results" / "exp" / "runs"
    runs.mkdir(parents=True)
    reader = threading.Thread(target=lambda: found.update(torn(runs, ended)))
    reader.start()
    for _ in range(10):
        save(table())
    ended.set()
    reader.join()
    return found


def test_a_reader_that_polls_never_sees_half_a_run(table, save, inside):
    assert watch_while_publishing(table, save, inside) == set()


def test_such_a_reader_would_catch_a_record_written_after_the_rename(
    table, save, inside, monkeypatch
):
    write, rename, late = store._write_record, store._rename, {}
    monkeypatch.setattr(store, "_write_record", lambda folder, record: late.update(record=record))

    def rename_first(folder, target):
        found = rename(folder, target)
        time.sleep(0.005)
        write(found, late["record"])
        return found

    monkeypatch.setattr(store, "_rename", rename_first)
    assert watch_while_publishing(table, save, inside) != set()
