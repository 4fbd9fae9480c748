"""Plugins in saved models: imported only where trusted and as they were; or refused by name."""

import sys
import threading

import numpy as np
import pytest

import moe_lab
from moe_lab import MoERegressor
from moe_lab.saving import SavesState, save
from moe_lab.saving.names import Unsaveable
from moe_lab.saving.trusted import OWN
from moe_lab.testing import example_table, example_target
from moe_lab.testing.saving import assert_same

TABLE = example_table(60)[["x0", "x1"]].fillna(0.0)
Y = example_target(example_table(60), "regression")

MINE = """
from pathlib import Path
import threading
from sklearn.linear_model import LinearRegression
from torch import nn

Path(__file__).with_suffix(".imported").touch()

class Plain(LinearRegression):
    pass

class Locked(LinearRegression):
    def fit(self, X, y, sample_weight=None):
        self.lock_ = threading.Lock()
        return super().fit(X, y, sample_weight)

class Saving(Locked):
    def save_state(self):
        return {**vars(self), "lock_": None}

    def load_state(self, state):
        vars(self).update(state, lock_=threading.Lock())

class Listed(list):
    pass

class Mapped(dict):
    pass

class Pair(tuple):
    pass

class Net(nn.Sequential):
    def __init__(self, n_inputs, n_outputs):
        super().__init__(nn.Linear(n_inputs, 3), nn.GELU(), nn.Linear(3, n_outputs))
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A module of a user's own, in the file tmp_path/code/mine.py."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path / "code")
    import mine

    yield mine
    del sys.modules["mine"]


def forget(tmp_path):
    """Be a process that has not imported the module; return what its import leaves behind."""
    del sys.modules["mine"]
    mark = tmp_path / "code" / "mine.imported"
    mark.unlink()
    return mark


def mixture(expert):
    return MoERegressor([expert], gate="constant", random_state=0).fit(TABLE, Y)


@pytest.mark.parametrize("kind", ["Plain", "Saving"])
def test_a_plugin_comes_back_where_it_is_trusted(tmp_path, mine, kind):
    moe = mixture(getattr(mine, kind)())
    moe.save(tmp_path / "model")
    forget(tmp_path)
    again = moe_lab.load(tmp_path / "model", trusted=[f"mine.{kind}"])
    assert_same(moe.predict(TABLE), again.predict(TABLE))


def test_a_module_of_ones_own_comes_back_where_it_is_trusted(tmp_path, mine):
    moe = MoERegressor(mine.Net, n_experts=2, train=("gradient", {"max_epochs": 2}))
    moe.fit(TABLE, Y).save(tmp_path / "model")
    again = moe_lab.load(tmp_path / "model", trusted=["mine.Net"])
    assert_same(moe.predict(TABLE), again.predict(TABLE))


@pytest.mark.parametrize("trusted", [(), ["mine"], ["mine.Other"], "mine", ["mine.*"]])
def test_a_plugin_that_is_not_trusted_is_not_imported(tmp_path, mine, trusted):
    mixture(mine.Plain()).save(tmp_path / "model")
    mark = forget(tmp_path)
    with pytest.raises(ValueError, match=r"trusted must name.*trusted=\['mine.Plain'\]") as raised:
        moe_lab.load(tmp_path / "model", trusted=trusted)
    assert not mark.exists()
    sys.modules["mine"] = mine
    assert str(tmp_path / "model") in str(raised.value)


def test_a_plugin_that_has_changed_is_not_imported(tmp_path, mine):
    mixture(mine.Plain()).save(tmp_path / "model")
    mark = forget(tmp_path)
    (tmp_path / "code" / "mine.py").write_text(MINE + "\n")
    with pytest.raises(ValueError, match=r"mine.Plain must be what it was .*mine.py .*or fit"):
        moe_lab.load(tmp_path / "model", trusted=["mine.Plain"])
    assert not mark.exists()
    sys.modules["mine"] = mine


def test_a_plugin_whose_file_is_gone_gets_a_sentence(tmp_path, mine):
    mixture(mine.Plain()).save(tmp_path / "model")
    forget(tmp_path)
    (tmp_path / "code" / "mine.py").unlink()
    with pytest.raises(ValueError, match=r"mine.Plain must be there.*Bring the file back"):
        moe_lab.load(tmp_path / "model", trusted=["mine.Plain"])
    sys.modules["mine"] = mine


def test_what_cannot_be_saved_is_refused_by_name_and_nothing_is_written(tmp_path, mine):
    moe = mixture(mine.Locked())
    with pytest.raises(Unsaveable, match=r"got experts_\[0\].*lock_, a _thread.lock: .*save_state"):
        moe.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("kind", ["Listed", "Mapped", "Pair"])
def test_a_container_of_ones_own_is_refused_before_it_loses_its_content(tmp_path, mine, kind):
    with pytest.raises(Unsaveable, match=f"mine.{kind}"):
        save(getattr(mine, kind)([(1, 2)]), tmp_path / "model")


def made_inside():
    class Inside:
        pass

    return Inside()


class BuiltInButNotListed:
    pass


BuiltInButNotListed.__module__ = "moe_lab.testing.saving"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda x: x, "a live cell, a script or a function"),
        (made_inside(), "a live cell, a script or a function"),
        (threading.Lock(), "neither moe_lab nor skops"),
        (np.matrix([[1]]), "numpy.matrix"),
        (np.array([1], dtype=np.dtypes.StringDType()), "numpy.ndarray"),
        (iter([1]), "list_iterator"),
        (sys, "builtins.module"),
        ([1, {"deep": [threading]}], r"\[1\]\['deep'\]\[0\], a builtins.module"),
        (np.sum, "numpy.*sum|_ArrayFunctionDispatcher"),
        (open, "open"),
    ],
)
def test_other_values_are_refused_by_name(tmp_path, value, words):
    with pytest.raises(Unsaveable, match=words):
        save(value, tmp_path / "model")


def test_a_built_in_that_is_not_listed_is_refused_and_says_where_to_list_it(tmp_path, monkeypatch):
    import moe_lab.testing.saving as package

    monkeypatch.setattr(package, "BuiltInButNotListed", BuiltInButNotListed, raising=False)
    with pytest.raises(Unsaveable, match=r"not listed in moe_lab/saving/trusted.py; add it"):
        save(BuiltInButNotListed(), tmp_path / "model")


def test_the_power_is_that_of_plugins(mine):
    from moe_lab.registry.powers import has_power

    assert has_power(mine.Saving(), SavesState)
    assert not has_power(mine.Plain(), SavesState)


DROP_IN = """
from sklearn.linear_model import HuberRegressor
from moe_lab.experts.base import Expert, experts

class Robust(HuberRegressor):
    pass

@experts.register("linear_robust")
class RobustExpert(Expert):
    tasks = ("regression",)

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        return Robust()
"""
SAVE = """
from moe_lab import MoERegressor
from moe_lab.testing import example_table, example_target
X = example_table(60)[["x0"]]
moe = MoERegressor(["linear_robust", "linear"], gate="constant", random_state=0)
moe.fit(X, example_target(example_table(60), "regression")).save("model")
print(moe.predict(X).sum().hex())
"""
LOAD = """
import sys
import moe_lab
try:
    moe_lab.load("model")
except ValueError as error:
    print(error)
print("moe_lab.experts.linear_robust" in sys.modules)
from moe_lab.testing import example_table
moe = moe_lab.load("model", trusted=["moe_lab.experts.linear_robust.Robust"])
print(moe.predict(example_table(60)[["x0"]]).sum().hex())
"""


def test_a_drop_in_is_no_built_in_though_its_module_is_called_so(lab):
    """Its module is moe_lab.experts.NAME; another process of the lab loads it where trusted."""
    path = lab.drop_in("experts", "linear_robust", DROP_IN)
    saved = lab.run(SAVE)
    assert saved.returncode == 0, saved.stderr
    loaded = lab.run(LOAD)
    assert loaded.returncode == 0, loaded.stderr
    refused, imported, total = loaded.stdout.splitlines()
    assert "trusted=['moe_lab.experts.linear_robust.Robust']" in refused
    assert imported == "False"
    assert total == saved.stdout.strip()
    path.write_text(path.read_text() + "# changed\n")
    changed = lab.run(LOAD)
    assert "must be what it was when the model was saved" in changed.stderr


def test_no_name_of_the_list_can_be_a_drop_in():
    """A drop-in named like a built-in file is shadowed by it."""
    from importlib.util import find_spec
    from pathlib import Path

    here = Path(moe_lab.__file__).parent
    for module in {name.rpartition(".")[0] for name in OWN}:
        assert here in Path(find_spec(module).origin).parents, module
