"""Asking for many runs: what is checked before the first kernel, and which runs come of it."""

import pytest

from moe_lab.runs import sweep
from moe_lab.runs.events import Finished, Queued
from moe_lab.runs.sweeps import Sweep, plan_sweep, read_grid, read_sweep

PARAMETERS = 'dataset = "mcycle"\nseed = 0\nrate = 0.5  # a share\ngate = "softmax"  # [gate]'


@pytest.fixture
def notebook(inside):
    return inside.notebook("exp", PARAMETERS, "seed")


def values(plans, *names):
    return [tuple(plan.parameters[name] for name in names) for plan in plans]


def test_a_grid_is_every_combination_less_the_excluded_plus_the_included(notebook):
    asked = Sweep(
        "exp",
        {"rate": 1},
        {"dataset": ["mcycle", "two_lines"], "seed": [0, 1]},
        exclude=[{"dataset": "two_lines", "seed": 1}],
        include=[{"seed": 7, "gate": "constant"}],
    )

    plans = plan_sweep(asked)

    assert values(plans, "dataset", "seed", "gate", "rate") == [
        ("mcycle", 0, "softmax", 1.0),
        ("mcycle", 1, "softmax", 1.0),
        ("two_lines", 0, "softmax", 1.0),
        ("mcycle", 7, "constant", 1.0),
    ]
    assert [plan.name for plan in plans][1] == "exp mcycle seed=1 gate=softmax"
    assert len({plan.key for plan in plans}) == 4


def test_the_command_line_the_file_and_python_ask_for_the_same(notebook, inside, monkeypatch):
    file = inside.root / "grid.toml"
    file.write_text('notebook = "exp"\n[parameters]\nrate = 1\n[grid]\nseed = [0, 1]\n')
    typed = Sweep("exp", {"rate": "1"}, read_grid([("seed", "0,1")]))
    ran = []
    monkeypatch.setattr("moe_lab.runs.engine.run_all", lambda plans, **_: ran.extend(plans))
    sweep("exp", {"seed": range(2)}, parameters={"rate": 1.0}, on_event=print)

    keys = [[plan.key for plan in plan_sweep(one)] for one in (read_sweep(file), typed)]

    assert keys[0] == keys[1] == [plan.key for plan in ran]


def test_a_sweep_may_have_a_name_of_its_own(notebook):
    (plan,) = plan_sweep(Sweep("exp", experiment="rates"))
    assert plan.experiment == "rates"
    assert plan.key == plan_sweep(Sweep("exp"))[0].key


def test_a_run_asked_for_twice_is_one(notebook):
    asked = Sweep("exp", grid={"seed": [0, 0]}, include=[{"seed": 0}])
    assert len(plan_sweep(asked)) == 1


def test_data_and_code_are_read_once_however_many_runs_name_them(notebook, monkeypatch):
    from moe_lab.runs import plan

    calls = []
    for name in ("fingerprint", "code_parts"):
        told = getattr(plan, name)
        monkeypatch.setattr(
            plan, name, lambda it, name=name, told=told: calls.append(name) or told(it)
        )
    keys = {one.key for one in plan_sweep(Sweep("exp", grid={"seed": list(range(5))}))}
    assert len(keys) == 5
    assert sorted(calls) == ["code_parts", "fingerprint"]


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"grid": {"sed": [1]}}, ValueError, "Unknown parameter 'sed'.*Did you mean 'seed'"),
        ({"grid": {"seed": []}}, ValueError, "grid.seed must list a value at least, got none"),
        ({"grid": {"seed": 3}}, TypeError, "grid.seed must be a list, got 3"),
        ({"grid": {"seed": "01"}}, TypeError, "grid.seed must be a list, got '01'"),
        ({"grid": {"seed": [0, "x"]}}, ValueError, "Parameter seed must be int"),
        ({"grid": {"gate": ["softmax", "sofmax"]}}, ValueError, "Did you mean 'softmax'"),
        ({"grid": {"dataset": ["mcycle", "mcicle"]}}, ValueError, "Did you mean 'mcycle'"),
        ({"grid": {"seed": [1]}, "parameters": {"seed": 1}}, ValueError, "fixed or in the grid"),
        ({"grid": {"seed": [1]}, "exclude": [{"seed": 2}]}, ValueError, "must match a run"),
        ({"grid": {"seed": [1]}, "exclude": [{"seed": 1}]}, ValueError, "must leave a run"),
        ({"include": [{"rat": 1}]}, ValueError, "Did you mean 'rate'"),
        ({"grid": {"seed": range(1000), "rate": [0.1] * 100}}, ValueError, "got 100,000"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_kernel(notebook, kernel, asked, error, message):
    with pytest.raises(error, match=message):
        plan_sweep(Sweep("exp", **asked))
    assert kernel.asked == []


def test_a_notebook_without_parameters_cannot_be_swept(inside):
    path = inside.notebook("bare", "seed = 0")
    path.write_text(path.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(ValueError, match="must have a cell tagged `parameters`"):
        plan_sweep(Sweep("bare", grid={"seed": [1]}))
    assert len(plan_sweep(Sweep("bare"))) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('notebok = "exp"', "Unknown key 'notebok'.*Did you mean 'notebook'"),
        ("[grid]\nseed = [1]", "must name its notebook"),
        ("notebook = ", "must be a TOML file"),
        ('notebook = "exp"\ngrid = 3', "grid must be a table"),
        ('notebook = "exp"\ninclude = {seed = 1}', r"write \[\[include\]\]"),
    ],
)
def test_a_file_that_is_no_sweep_is_told(notebook, inside, text, message):
    file = inside.root / "grid.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_sweep(file)


def test_a_grid_typed_twice_or_no_list_is_told():
    with pytest.raises(ValueError, match="must come once"):
        read_grid([("seed", "1"), ("seed", "2")])
    with pytest.raises(ValueError, match="must be a list of literals"):
        read_grid([("seed", "[1,")])


def test_a_sweep_tells_its_events_and_publishes_each_run(notebook, kernel, inside):
    told = []
    came = sweep("exp", {"seed": [0, 1]}, experiment="two", on_event=told.append)

    assert [outcome.status for outcome in came] == ["done", "done"]
    assert [type(event) for event in told if type(event) is Queued] == [Queued] * 2
    assert sum(isinstance(event, Finished) for event in told) == 2
    assert len(list((inside.root / "results" / "two" / "runs").iterdir())) == 2


def test_the_public_name_is_the_function_whatever_was_imported_before(lab):
    code = "import moe_lab.runs.sweeps, moe_lab.runs.loading; from moe_lab import runs; "
    ran = lab.run(code + "print(callable(runs.sweep), callable(runs.load))")
    assert ran.stdout.split() == ["True", "True"]
