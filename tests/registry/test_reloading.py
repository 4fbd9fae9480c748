"""A drop-in that was edited is taken up without a restart; instances made before work on."""

GATE = '''
import numpy as np
from moe_lab.gate._parts import LEVEL
from moe_lab.gate.base import Gate, gates


def level():
    return {level}


@gates.register("flat")
class FlatGate(Gate):
    """{words}"""

    def fit(self, X, responsibilities, sample_weight=None):
        return self

    def predict_proba(self, X):
        return np.full((len(X), 1), level())
'''


def told(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_edited_drop_in_is_taken_up_and_instances_made_before_work_on(lab):
    lab.drop_in("gate", "_parts", "LEVEL = 1.0")
    path = lab.drop_in("gate", "flat", GATE.format(level="LEVEL", words="One."))
    code = f"""
    import os
    from joblib import Parallel, delayed
    from moe_lab.registry import gates, reload_plugins

    def write(name, code):
        file = {str(path.parent)!r} + "/" + name
        open(file, "w").write(code)
        os.utime(file, (1, 1))  # by its time nothing has changed

    def said(gate):
        (one,) = Parallel(n_jobs=2)([delayed(gate.predict_proba)([0])])
        return gate.predict_proba([0]).item(), one.item()

    os.utime({str(path)!r}, (1, 1))
    first = gates.create("flat")
    print(said(first), reload_plugins())
    write("flat.py", {GATE.format(level="LEVEL + 1", words="Two.")!r})
    print(*reload_plugins())
    second = gates.create("flat")
    print(said(first), said(second), gates.card("flat").summary)
    write("_parts.py", "LEVEL = 5.0")
    print(*reload_plugins())
    print(said(first), said(second), said(gates.create("flat")))
    write("flat.py", "1 / 0")
    print(*reload_plugins())
    print(gates.create("flat").predict_proba([0]).item(), gates.broken)
    """
    lines = told(lab.run(code))
    assert lines[0] == "(1.0, 1.0) []"
    assert lines[1] == lines[3] == f"{path} is loaded again."
    assert lines[2] == "(1.0, 1.0) (2.0, 2.0) Two."
    assert lines[4] == "(1.0, 1.0) (2.0, 2.0) (6.0, 6.0)"
    assert lines[5] == (
        f"{path} cannot be loaded, so that its plugin stays as it was: "
        "ZeroDivisionError: division by zero"
    )
    assert lines[6] == "6.0 {}"


def test_new_mended_and_removed_drop_ins_are_taken_up(lab):
    lab.drop_in("gate", "_parts", "LEVEL = 1.0")
    flat = lab.drop_in("gate", "flat", "def (")
    code = f"""
    import shutil
    from moe_lab.registry import gates, reload_plugins
    print(sorted(gates.broken))
    print(*reload_plugins())
    open({str(flat)!r}, "w").write({GATE.format(level="LEVEL", words="One.")!r})
    shutil.copytree({str(flat.parent)!r}, {str(flat.parent)!r} + "/../pool")
    print(*reload_plugins(), sep="|")
    print(gates.broken, "flat" in gates)
    shutil.rmtree({str(flat.parent)!r})
    print(*reload_plugins()[:1], "flat" in gates)
    """
    lines = told(lab.run(code))
    assert lines[0] == "['flat']"
    assert lines[1].startswith(f"{flat} is left out: SyntaxError: invalid syntax")
    loaded, misplaced = lines[2].split("|")
    assert loaded == f"{flat} is loaded."
    assert misplaced.startswith(f"{lab.root}/registry/pool/flat.py is left out: ValueError: name")
    assert lines[3] == "{} True"
    assert lines[4] == f"{flat} is gone, and so is what it registered. False"
