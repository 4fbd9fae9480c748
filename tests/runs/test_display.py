"""What is seen of a sweep: each run with its innermost progress, in a table or as lines."""

from moe_lab.runs.display import Board, Display
from moe_lab.runs.events import Finished, Progressed, Queued, Skipped, Started, Told

EVENTS = [
    Skipped("k0", "exp a", "done"),
    Queued("k1", "exp <b>"),
    Queued("k2", "exp c"),
    Started("k1", "exp <b>"),
    Progressed("k1", "exp <b>", "moe, fold 2/3"),
    Progressed("k1", "exp <b>", "a line that stays", news=True),
    Started("k2", "exp c"),
    Finished("k2", "exp c", "failed", 3.0, "ValueError: no"),
]


def board():
    now = iter(range(100))
    made = Board(clock=lambda: next(now))
    for event in EVENTS:
        made.heed(event)
    return made


def test_the_table_shows_runs_in_progress_first_then_the_latest():
    made = board()
    assert made.heading() == "3 runs: 1 running, 1 skipped, 1 failed"
    assert [(row[0], row[1], row[3]) for row in made.rows()] == [
        ("exp <b>", "running", "moe, fold 2/3"),
        ("exp c", "failed", "ValueError: no"),
    ]


def test_the_table_of_a_notebook_is_plain_html():
    text = board().html()
    assert "moe, fold 2/3" in text
    assert "exp &lt;b&gt;" in text
    assert "<script" not in text


def test_a_run_again_starts_anew():
    made = board()
    made.heed(Started("k2", "exp c", again="--retry"))
    assert [row[1] for row in made.rows()] == ["running", "running"]


def test_without_a_terminal_each_run_is_one_line(capsys):
    display = Display()
    for event in [*EVENTS, Told("", "", "A worker was lost.")]:
        display.heed(event)
    assert capsys.readouterr().out.splitlines() == [
        "failed   exp c in 3 s: ValueError: no",
        "A worker was lost.",
    ]
