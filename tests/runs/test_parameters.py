"""Parameters arrive as they were, and are taken for names only where the notebook says so."""

import ast
import math

import pytest

from moe_lab.runs import read_runs
from moe_lab.runs.literals import from_json, literal, to_json
from moe_lab.runs.notebook import read_parameters
from moe_lab.runs.plan import plan_runs

VALUES = [
    (16, 32),
    (1,),
    (),
    {"b", b"a"},
    set(),
    {"layers": [(8, 8), ("a", {1: None})], 2: {3.5}},
    1e999,
    -1e999,
    1 + 2j,
    b"\x00bytes",
    "quotes ' \" and\nlines",
    True,
    [[]],
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_comes_back_as_it_was(value):
    for back in (ast.literal_eval(literal(value)), from_json(*to_json({"a": value}))["a"]):
        assert back == value
        assert literal(back) == literal(value)


def test_equal_sets_are_written_alike():
    upwards, downwards = {f"w{k}" for k in range(50)}, {f"w{k}" for k in range(49, -1, -1)}
    assert literal(upwards) == literal(downwards)


@pytest.mark.parametrize("value", [math.nan, object(), [print]], ids=["nan", "object", "inside"])
def test_what_is_no_literal_is_named(inside, value):
    path = inside.notebook("exp", "value = None")
    with pytest.raises(TypeError, match="Parameter value: A parameter must be a literal of Python"):
        plan_runs(path, {"value": value})


def test_typed_values_reach_the_kernel_and_the_record(inside, kernel, run):
    inside.notebook("exp", "sizes = (8, 8)\nwords = {'a'}\nraw = b'x'\nrate = 0.5\nany = None")

    run(sizes="(16, 32)", words="{'b', 'c'}", rate="inf", any="{1: (2, [(3,)])}")

    told = {"sizes": (16, 32), "words": {"b", "c"}, "raw": b"x", "rate": math.inf}
    told["any"] = {1: (2, [(3,)])}
    assert kernel.asked == [told]
    assert read_runs("exp")[0]["parameters"] == told
    assert [one.status for one in run(**{**told, "rate": "inf"})] == ["skipped"]


OWN = """
train = "share of 0.8"
dataset = "A, B"
pool = "north"
methods = "fast, slow"
baseline = "2019"  # gate, expert, data set: words, no mark
gate = "open"
experts = "linear"  # [text] who was asked
"""


def test_a_parameter_of_ones_own_may_have_any_name(inside, kernel, run):
    inside.notebook("exp", OWN)

    (outcome,) = run(train="half", dataset="B, C", pool="south", experts="Ada", baseline="2020")

    assert outcome.status == "done"
    assert kernel.asked[0]["dataset"] == "B, C"


MARKED = """
one = "softmax"  # [gate]
# [methods] What to compare,
# over two lines.
others = "stacking, linear"
# not beside it

table: str = "mcycle"  # [data set]
both = also = 3
"""


def test_a_mark_says_what_a_parameter_holds(inside, kernel, run):
    found = read_parameters(inside.notebook("exp", MARKED))

    kinds = {name: one.kind for name, one in found.items() if one.kind}
    assert kinds == {"one": "gate", "others": "methods", "table": "data set"}
    assert found["others"].comment == "[methods] What to compare, over two lines."
    assert (found["both"].default, found["also"].default) == (3, 3)
    with pytest.raises(ValueError, match=r"Unknown gate 'sofmax'. Did you mean 'softmax'\?"):
        run(one="sofmax")
    with pytest.raises(ValueError, match=r"Unknown method 'stackin'. Did you mean 'stacking'\?"):
        run(others="stackin")
    assert [one.title for one in run(table="mcycle, two_lines")] == ["exp mcycle", "exp two_lines"]


def test_a_usual_name_with_a_usual_default_is_checked_and_the_way_out_is_told(inside, run):
    inside.notebook("exp", 'gate = "softmax"')
    with pytest.raises(ValueError, match="Unknown gate 'shut'") as raised:
        run(gate="shut")
    assert raised.value.__notes__ == [
        "Is gate a parameter of your own? Mark it: gate = 'softmax'  # [text]"
    ]


@pytest.mark.parametrize(
    ("cell", "came"),
    [
        ("%time", "'%time'"),
        ("a = 1\n!ls", "'!ls'"),
        ("a = (1,\nb = 2", r"'a = \(1,'"),
        ("a = 2 * b", r"'a = 2 \* b'"),
        ("a, b = 1, 2", r"'a, b = \(1, 2\)'"),
        ("a += 1", r"'a \+= 1'"),
        ("import os", "'import os'"),
    ],
)
def test_anything_else_in_the_cell_of_parameters_is_one_sentence(inside, run, cell, came):
    inside.notebook("exp", cell)
    with pytest.raises(
        ValueError, match=f"must hold assignments of literals alone, got {came} in .*exp.ipynb"
    ):
        run()


@pytest.mark.parametrize("timeout", [0, -5, math.inf, math.nan])
def test_a_timeout_must_be_a_time(inside, kernel, run, timeout):
    inside.notebook("exp", "seed = 0")
    with pytest.raises(ValueError, match="--timeout must be a number of seconds above 0, got"):
        run(settings={"timeout": timeout})


def test_paths_typed_start_at_the_shell_those_of_the_cell_at_the_notebook(
    inside, kernel, run, monkeypatch
):
    inside.notebook("exp", 'dataset = "t.csv"  # [data set]\ntarget = "y"\nnotes = "n.txt"')
    shell = inside.root / "shell"
    shell.mkdir()
    rows = "x,y\n" + "".join(f"{k},{k}.5\n" for k in range(30))
    for folder in (shell, inside.root / "notebooks"):
        (folder / "t.csv").write_text(rows + f"{len(folder.name)},0.5\n")
        (folder / "n.txt").write_text(folder.name)
    monkeypatch.chdir(shell)

    run()
    run(dataset="t.csv", notes="n.txt")

    beside = str(inside.root / "notebooks" / "t.csv")
    assert [asked["dataset"] for asked in kernel.asked] == [beside, str(shell / "t.csv")]
    assert [asked["notes"] for asked in kernel.asked] == ["n.txt", str(shell / "n.txt")]
    first, second = read_runs("exp")
    assert first["data"] != second["data"]
    (shell / "n.txt").write_text("changed")
    (again,) = run(dataset="t.csv", notes="n.txt")
    assert again.status == "done"
    assert again.reason == "changed: a file among the parameters"


def test_a_notebook_of_another_language_is_told(inside, run):
    path = inside.notebook("exp", "seed = 0")
    path.write_text(path.read_text().replace('"language": "python"', '"language": "R"'))
    with pytest.raises(ValueError, match="A notebook must be one of Python, got .*exp.ipynb"):
        run()
