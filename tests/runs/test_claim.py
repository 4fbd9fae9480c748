"""Who is at work: a counter that moves decides, a process id only at home."""

import json
import os
import time

import pytest

from moe_lab.runs import claim as claims
from moe_lab.runs import store
from moe_lab.runs.claim import Claim, Watch, claim_text, this_process
from moe_lab.runs.store import drop_scratch, new_scratch, publish

GONE = 4194399  # above the largest process id of Linux


@pytest.fixture
def clock():
    """A clock that stands until it is moved."""

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def test_a_claim_is_held_by_one_and_moves_until_it_is_released(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT", 0.01)
    beats = []
    claim = Claim(tmp_path / "key.1", each_beat=lambda: beats.append(1))
    start = claim.path.read_text()

    with pytest.raises(FileExistsError):
        Claim(tmp_path / "key.1")
    while len(beats) < 3:
        time.sleep(0.01)
    moved = claim.path.read_text()
    assert int(moved.split()[0]) >= 2
    assert len(moved) == len(start)  # a full disk does not stop it
    assert json.loads(moved[21:]).items() >= this_process().items()
    assert claim.is_held()
    claim.release()
    assert not claim.path.exists()


def test_a_claim_is_dead_when_its_counter_stood_for_a_minute_of_the_observer(tmp_path, clock):
    path, watch = tmp_path / "key.1", Watch(clock)
    owner = {"pid": 1, "boot": "another", "namespace": "x"}
    path.write_text(claim_text(0, owner))

    assert not watch.is_dead(path)
    clock.now = 59.0
    assert not watch.is_dead(path)
    path.write_text(claim_text(1, owner))
    clock.now = 100.0
    assert not watch.is_dead(path)
    clock.now = 161.0
    assert watch.is_dead(path)
    assert not Watch(clock).is_dead(path)  # another observer has not seen it stand yet


@pytest.mark.parametrize(
    ("changed", "dead"),
    [
        ({"pid": GONE}, True),
        ({"pid": GONE, "boot": "of another machine"}, False),
        ({"pid": GONE, "namespace": "pid:[another container]"}, False),
        ({}, False),
        ({"pid": "text"}, False),
    ],
)
def test_a_process_id_counts_only_with_the_same_boot_and_namespace(tmp_path, changed, dead):
    path = tmp_path / "claim"
    path.write_text(claim_text(5, this_process() | changed))
    assert Watch().is_dead(path) is dead


@pytest.mark.parametrize("content", ["", "no json\n", claim_text(0, [1]), "1" * 30])
def test_a_claim_that_cannot_be_read_waits_for_its_minute(tmp_path, clock, content):
    path, watch = tmp_path / "claim", Watch(clock)
    path.write_text(content)
    assert not watch.is_dead(path)
    clock.now = 60.0
    assert watch.is_dead(path)


def other_machine(scratch, claim=True):
    """Leave what a run on a machine of the same host name leaves, with an id unknown here."""
    folder = scratch / f"{store._host()}-{GONE}-abcdef01"
    folder.mkdir(parents=True)
    (folder / "scores.csv").write_text("its work")
    if claim:
        owner = this_process() | {"pid": GONE, "boot": "of another machine"}
        (folder / ".claim").write_text(claim_text(7, owner))
    return folder


@pytest.mark.parametrize("claim", [True, False])
def test_another_machine_of_the_same_name_keeps_its_run(inside, monkeypatch, clock, claim):
    monkeypatch.setattr(store, "_watch", Watch(clock))
    live = other_machine(inside.root / "results" / ".tmp", claim)

    drop_scratch(new_scratch("results"))
    assert (live / "scores.csv").exists()
    clock.now = 61.0
    drop_scratch(new_scratch("results"))
    assert not live.exists()
    assert not (inside.root / "results" / ".tmp").exists()


def test_a_run_clears_the_dead_away_while_it_works(inside, monkeypatch, clock):
    monkeypatch.setattr(claims, "BEAT", 0.01)
    monkeypatch.setattr(store, "_watch", Watch(clock))
    dead = other_machine(inside.root / "results" / ".tmp")
    mine = new_scratch("results")

    clock.now = 61.0
    end = time.monotonic() + 30
    while dead.exists() and time.monotonic() < end:
        time.sleep(0.01)

    assert not dead.exists()
    assert mine.exists()
    drop_scratch(mine)


def test_a_run_that_was_taken_for_dead_does_not_publish(inside):
    folder = new_scratch("results")
    os.rename(folder, inside.root / "grave")

    with pytest.raises(FileNotFoundError, match="saw no sign of life of this one"):
        publish(folder, "exp", {"status": "done", "key": None, "parameters": {}})

    assert not list((inside.root / "results" / "exp" / "runs").iterdir())
