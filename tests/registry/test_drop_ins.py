"""Drop-ins of a lab: found, pickled, sent to workers, and set aside where they are broken."""

import pickle
import subprocess
import textwrap

import pytest

FIRST = """
    "The first expert answers."
    from moe_lab.pool.base import Pooler, poolers


    @poolers.register("first")
    class FirstPooler(Pooler):
        "The first expert's prediction, whatever the gate says."

        card_notes = ("A control.",)

        def __init__(self, factor=1.0):
            self.factor = factor

        def pool(self, predictions, gate_weights, scales=None):
            import os

            return self.factor * predictions[:, 0], os.getpid()
    """


def last_line(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_drop_in_is_a_plugin_like_any_other(lab):
    path = lab.drop_in("pool", "first", FIRST)
    below = lab.root / "notebooks" / "deep"
    below.mkdir(parents=True)
    card = lab.run(
        """
        from moe_lab.registry import poolers
        assert "first" in poolers.names() and "linear" in poolers.names()
        assert type(poolers.create("first", factor=2.0)).__module__ == "moe_lab.pool.first"
        print(poolers.card("first").origin, poolers.card("first").notes)
        """,
        cwd=below,
    )
    assert last_line(card) == f"{path} ('A control.',)"


def test_a_drop_in_goes_to_workers_and_to_fresh_processes(lab, tmp_path):
    lab.drop_in("pool", "first", FIRST)
    pickled = tmp_path / "first.pickle"
    workers = lab.run(
        f"""
        import os, pickle
        import numpy as np
        from joblib import Parallel, delayed
        from moe_lab.registry import poolers

        pooler = poolers.create("first", factor=3.0)
        calls = [delayed(pooler.pool)(np.ones((1, 2)), None) for _ in range(2)]
        answers = Parallel(n_jobs=2)(calls)
        assert all(value == 3.0 and pid != os.getpid() for value, pid in answers), answers
        with open({str(pickled)!r}, "wb") as file:
            pickle.dump(pooler, file)
        """
    )
    assert workers.returncode == 0, workers.stderr
    load = f"import pickle; print(pickle.load(open({str(pickled)!r}, 'rb')).factor)"
    assert last_line(lab.run(load, cwd=tmp_path, MOE_LAB_ROOT=str(lab.root))) == "3.0"
    assert last_line(lab.run(load)) == "3.0"
    lost = lab.run(load, cwd=tmp_path)
    message = lost.stderr.splitlines()[-1]
    assert message.startswith("ModuleNotFoundError: No module named 'moe_lab.pool.first'")
    assert "set MOE_LAB_ROOT to the lab whose registry/pool/first.py defines it" in message
    assert "MOE_LAB_ROOT is not set" in message


def test_a_one_line_drop_in_is_an_expert(lab):
    lab.drop_in(
        "experts",
        "ridge",
        """
        from sklearn.linear_model import Ridge
        from moe_lab.registry import experts
        experts.register("ridge", regressor=Ridge)
        """,
    )
    done = lab.run(
        """
        import pickle
        from moe_lab.registry import experts
        expert = pickle.loads(pickle.dumps(experts.create("ridge", alpha=2.0)))
        print(expert.regressor, expert.tasks)
        """
    )
    assert last_line(done) == "Ridge(alpha=2.0) ('regression',)"


def test_every_folder_extends_its_list(lab):
    lists = {
        "divide": "dividers",
        "experts": "experts",
        "gate": "gates",
        "pool": "poolers",
        "train": "trainers",
        "methods": "methods",
        "datasets": "datasets",
    }
    for folder, registry in lists.items():
        lab.drop_in(
            folder,
            "mine",
            f"from moe_lab.registry import {registry}\n{registry}.register('mine', dict)\n",
        )
    done = lab.run(
        f"""
        from moe_lab import registry
        print([name for name in {list(lists.values())} if "mine" not in getattr(registry, name)])
        """
    )
    assert last_line(done) == "[]"


BROKEN = {
    "raises": "x = 1\n1 / 0",
    "wrong": "def (",
    "leaves": "import sys\nsys.exit(3)",
    "silent": "x = 1",
    "half": "from moe_lab.registry import poolers\npoolers.register('half', dict)\n1 / 0",
    "linear": "raise RuntimeError('never imported: a built-in file shadows it')",
    "no-name": "x = 1",
    "other": "from moe_lab.registry import gates\ngates.register('other', dict)",
    "lacking": (
        "from moe_lab.pool.base import Pooler, poolers\n"
        "@poolers.register('lacking')\nclass Lacking(Pooler): ..."
    ),
    "hanging": "import time\nwhile True:\n    try: time.sleep(60)\n    except Exception: pass",
    "thief": (
        "from moe_lab.registry import poolers\n"
        "poolers.register('thief', dict)\npoolers.register('argmax', dict)"
    ),
}


@pytest.fixture
def broken_lab(lab):
    lab.drop_in("pool", "first", FIRST)
    lab.drop_in("pool", "_private", "1 / 0  # only imported by whoever needs it")
    for name, code in BROKEN.items():
        lab.drop_in("pool", name, code)
    return lab


def test_a_broken_drop_in_is_named_once_and_leaves_the_rest(broken_lab):
    done = broken_lab.run(
        """
        from moe_lab.registry import gates, poolers
        assert "other" not in gates
        poolers.names(), poolers.names()
        assert not {"raises", "wrong", "leaves", "silent", "half", "thief"} & set(poolers.names())
        assert {"first", "linear", "argmax"} <= set(poolers.names())
        assert poolers.get("linear").__module__ == "moe_lab.pool.linear"
        print(sorted(poolers.broken))
        """,
        MOE_LAB_IMPORT_SECONDS="5",
    )
    assert last_line(done) == str(sorted(BROKEN))
    folder = broken_lab.root / "registry" / "pool"
    reasons = {
        "raises": "ZeroDivisionError",
        "wrong": "SyntaxError",
        "leaves": "SystemExit",
        "silent": "must register 'silent' as pooler",
        "half": "ZeroDivisionError",
        "linear": "must not be named like a built-in one",
        "no-name": "must be a Python name",
        "other": "must register 'other' as pooler",
        "thief": "moe_lab.pool.argmax has taken",
        "lacking": "must have the method pool, got the class Lacking without pool; write what "
        "moe_lab.pool.base asks for",
        "hanging": "must be imported within 5 s",
    }
    for name, reason in reasons.items():
        warned = [
            line for line in done.stderr.splitlines() if f"{folder / name}.py is left" in line
        ]
        assert len(warned) == 1, (name, done.stderr)
        assert reason in warned[0]


def test_a_broken_drop_in_raises_its_own_traceback_when_asked_for(broken_lab):
    done = broken_lab.run(
        """
        import traceback
        from moe_lab.registry import poolers
        for name in ("raises", "raises", "wrong", "leaves", "silent"):
            try:
                poolers.create(name)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)
                names = [frame.filename.rpartition("/")[2] for frame in where]
                print(name, type(error).__name__, names[-1], len(where))
        """,
        MOE_LAB_IMPORT_SECONDS="1",
    )
    assert done.returncode == 0, done.stderr
    once, again, wrong, leaves, silent = (line.split() for line in done.stdout.splitlines())
    assert once[:3] == ["raises", "ZeroDivisionError", "raises.py"]
    assert again == once  # the traceback does not grow
    assert wrong[:2] == ["wrong", "SyntaxError"]
    assert leaves[:2] == ["leaves", "ImportError"]
    assert silent[:2] == ["silent", "ValueError"]


def test_what_a_drop_in_prints_is_a_warning_and_not_in_the_output(lab):
    path = lab.drop_in("pool", "first", "print('hello')\nprint('again')\n" + textwrap.dedent(FIRST))
    done = lab.run("from moe_lab.registry import poolers; print('first' in poolers)")
    assert done.stdout == "True\n"
    assert f"{path} must not print when it is imported, got 'hello'; take the call" in done.stderr


def test_a_limit_that_is_no_number_is_named(lab):
    lab.drop_in("pool", "first", FIRST)
    code = "from moe_lab.registry import poolers; poolers.get('first')"
    done = lab.run(code, MOE_LAB_IMPORT_SECONDS="soon")
    assert done.stderr.splitlines()[-1].startswith(
        "ValueError: MOE_LAB_IMPORT_SECONDS must be a positive number of seconds, got 'soon'"
    )


def test_strict_raises_at_once(lab):
    lab.drop_in("pool", "raises", BROKEN["raises"])
    done = lab.run("from moe_lab.registry import poolers; poolers.names()", MOE_LAB_STRICT="1")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_a_name_taken_by_a_drop_in_is_refused_to_a_cell(lab):
    path = lab.drop_in("pool", "first", FIRST)
    done = lab.run("from moe_lab.registry import poolers; poolers.register('first', dict)")
    assert f"which {path} has taken; choose another name" in done.stderr.splitlines()[-1]


def test_nothing_is_loaded_from_an_unmarked_folder(lab):
    lab.drop_in("pool", "first", FIRST)
    (lab.root / "pyproject.toml").write_text("[project]\nname = 'not_moe_lab'\n")
    done = lab.run("from moe_lab.registry import poolers; print('first' in poolers)")
    assert last_line(done) == "False"


def test_the_lab_root_is_found_handed_on_and_checked(lab, tmp_path):
    code = """
        import os
        from moe_lab.registry import lab_root
        print(lab_root(), os.environ.get("MOE_LAB_ROOT"))
        """
    assert last_line(lab.run(code)) == f"{lab.root} {lab.root}"
    assert last_line(lab.run(code, cwd=tmp_path)) == "None None"
    assert last_line(lab.run(code, cwd=tmp_path, MOE_LAB_ROOT="lab")) == f"{lab.root} {lab.root}"
    wrong = lab.run(code, MOE_LAB_ROOT="/no/such/folder")
    assert wrong.stderr.splitlines()[-1] == (
        "NotADirectoryError: MOE_LAB_ROOT must name the folder of a lab, got '/no/such/folder', "
        "which is no folder; correct it, or unset it to use the lab around the working directory."
    )


def test_a_marked_pyproject_that_is_no_toml_is_an_error(lab):
    (lab.root / "pyproject.toml").write_text("[tool.moe_lab\n")
    done = lab.run("from moe_lab.registry import lab_root; lab_root()")
    assert "must be valid TOML" in done.stderr.splitlines()[-1]


def test_a_pickle_of_a_built_in_plugin_needs_no_lab(lab, tmp_path):
    done = lab.run(
        """
        import pickle, sys
        from moe_lab.registry import poolers
        sys.stdout.write(pickle.dumps(poolers.create("linear"), protocol=0).decode())
        """
    )
    assert done.returncode == 0, done.stderr
    assert type(pickle.loads(done.stdout.encode())).__module__ == "moe_lab.pool.linear"
