"""One record a key: who is taken for dead does not publish, and a run done twice is refused."""

import json
import os
from collections import Counter
from contextlib import nullcontext

import pytest

from moe_lab.runs import attempt, read_runs, takeover
from moe_lab.runs.attempt import Job, Settings
from moe_lab.runs.claim import Claim, Watch, claim_text, this_process
from moe_lab.runs.engine import run_all
from moe_lab.runs.lost import Lost
from moe_lab.runs.plan import plan_runs

GONE = 4194399  # above the largest process id of Linux
ELSEWHERE = {"pid": 1, "boot": "of another machine", "namespace": "x"}


@pytest.fixture
def plans(inside):
    """Four runs."""
    path = inside.notebook("exp", "seed = 0")
    return [plan for seed in range(4) for plan in plan_runs(path, {"seed": seed})]


def done_by_key():
    """Return how many finished runs each key has."""
    return Counter(one["key"] for one in read_runs("exp") if one["status"] == "done")


def test_a_key_is_free_for_the_next_number_when_its_owner_is_dead(tmp_path):
    now = [0.0]
    watch = Watch(lambda: now[0])
    assert takeover.free_number(tmp_path, "key", watch) == 1
    claim = takeover.take(tmp_path, "key", 1)
    assert takeover.take(tmp_path, "key", 1) is None
    claim.path.write_text(claim_text(0, ELSEWHERE))
    assert takeover.free_number(tmp_path, "key", watch) is None
    now[0] = 61.0
    assert takeover.free_number(tmp_path, "key", watch) == 2

    second = takeover.take(tmp_path, "key", 2)

    assert takeover.is_owner(second)
    assert not takeover.is_owner(claim)
    assert takeover.take(tmp_path, "key", 1) is None  # a number once passed is not taken again
    takeover.leave(tmp_path, "key", 2)
    assert list(tmp_path.iterdir()) == []
    claim.release()
    second.release()


def test_a_run_that_somebody_is_at_is_waited_for_and_its_result_taken(inside, plans, kernel):
    scratch = inside.root / "results" / ".tmp"
    scratch.mkdir(parents=True)
    claim = Claim(scratch / f"{plans[0].key}.1")
    ended = []

    def other(event):
        if len(kernel.asked) == 3 and not ended:  # it ends when the rest is done
            ended.append(event)
            claim.release()

    came = run_all(plans, on_event=other)

    assert [one.status for one in came] == ["done"] * 4
    assert [one["seed"] for one in kernel.asked] == [1, 2, 3, 0]


def test_claims_of_the_dead_go_with_the_next_look(inside, tmp_path):
    now = [0.0]
    watch = Watch(lambda: now[0])
    dead, live = "0" * 16, "1" * 16
    (tmp_path / f"{dead}.1").write_text(claim_text(3, ELSEWHERE))
    claim = takeover.take(tmp_path, live, 1)
    takeover.drop_dead(tmp_path, watch)
    now[0] = 61.0
    claim.path.write_text(claim_text(1, {**this_process()}))
    takeover.drop_dead(tmp_path, watch)
    assert [path.name for path in tmp_path.glob("?" * 16 + ".*")] == [f"{live}.1"]
    claim.release()


def test_a_run_whose_worker_left_a_claim_alone_is_done_again(inside, plans, monkeypatch):
    monkeypatch.setattr("moe_lab.runs.lost.GRACE", 0.0)
    lost, folder = Lost(), inside.root / "results"
    job = Job(plans[0], Settings(folder, "this", None, [], {}))
    (folder / ".tmp").mkdir(parents=True)
    gone = {**this_process(), "pid": GONE, "sweep": "this"}
    (folder / ".tmp" / f"{job.plan.key}.1").write_text(claim_text(0, gone))
    assert lost.had_begun(job)
    lost.add(job)

    assert list(lost.not_begun()) == []
    assert list(lost.found()) == []  # clears the claim away
    assert list(lost.not_begun()) == [job]
    assert not lost


def late(kernel, scratch, act):
    """Let something happen while the first run is at work."""

    def execute(*told, **settings):
        came = kernel(*told, **settings)
        if len(kernel.asked) == 1:
            act()
        return came

    return execute


def test_an_owner_that_was_taken_for_dead_does_not_publish(inside, plans, kernel, monkeypatch):
    scratch = inside.root / "results" / ".tmp"
    owner = {**this_process(), **ELSEWHERE}

    def taken_over():
        (scratch / f"{plans[0].key}.2").write_text(claim_text(0, owner))

    monkeypatch.setattr(attempt, "execute", late(kernel, scratch, taken_over))

    came = run_all(plans)

    assert [one.status for one in came] == ["failed"] + ["done"] * 3
    assert "saw no sign of life of this one and took it over" in came[0].error
    assert done_by_key() == {plan.key: 1 for plan in plans[1:]}
    assert (scratch / f"{plans[0].key}.2").exists()  # the work of the other is left alone


@pytest.mark.parametrize("broken", ["claims", "claims and generations"])
def test_a_planted_double_execution_is_caught(inside, plans, kernel, monkeypatch, broken):
    scratch = inside.root / "results" / ".tmp"

    def do_it_too():
        for claim in scratch.glob(f"{plans[0].key}.*"):
            os.remove(claim)
        came.extend(run_all(plans[:1]))

    came: list = []
    if broken == "claims and generations":
        monkeypatch.setattr(attempt, "is_owner", lambda claim: True)
    monkeypatch.setattr(attempt, "execute", late(kernel, scratch, do_it_too))

    came += run_all(plans)

    assert len(kernel.asked) == 5  # it was done twice indeed
    assert [one.status for one in came] == ["done", "failed"] + ["done"] * 3
    said = "took it over" if broken == "claims" else "this run was done twice"
    assert said in came[1].error
    assert done_by_key() == {plan.key: 1 for plan in plans}


@pytest.mark.parametrize("harm", ["cut off", "removed", "another key", "text in a number"])
def test_a_folder_edited_by_hand_costs_itself_and_nothing_is_lost(plans, kernel, harm):
    path = run_all(plans)[0].path / "run.json"
    whole = path.read_text()
    record = json.loads(whole)
    path.write_text(
        {
            "cut off": whole[:100],
            "removed": "",
            "another key": json.dumps(record | {"key": "0" * 16}),
            "text in a number": json.dumps(record | {"seconds": "long"}),
        }[harm]
    )
    if harm == "removed":
        path.unlink()

    damaged = harm in ("cut off", "text in a number")
    with pytest.warns(match="is damaged and left out") if damaged else nullcontext():
        again = run_all(plans)
        third = run_all(plans)

    assert [one.status for one in again] == ["done"] + ["skipped"] * 3
    assert again[0].path.name == f"{plans[0].key}-2"
    assert path.parent.exists()
    assert [one.found for one in third] == ["done"] * 4


def test_a_disk_that_turns_read_only_fails_the_run_and_not_the_sweep(plans, kernel, monkeypatch):
    publish = attempt.publish
    broken = [OSError(30, "Read-only file system", "results/exp")]

    def refuse(*told):
        if broken:
            raise broken.pop()
        return publish(*told)

    monkeypatch.setattr(attempt, "publish", refuse)

    came = run_all(plans)

    assert [one.status for one in came] == ["failed"] + ["done"] * 3
    assert came[0].error == "Read-only file system: results/exp"
    assert [one.status for one in run_all(plans)] == ["done"] + ["skipped"] * 3
