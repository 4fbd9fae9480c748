"""Plugins that other installed packages bring by entry points."""

import sys
import textwrap

import pytest

from moe_lab.registry import Registry

GROUP = "moe_lab.toys"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package: its modules, and its entry points in GROUP."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def install(entry_points, **modules):
        for name, code in modules.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
        info = tmp_path / "toy_plugins-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugins\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n" + "\n".join(entry_points))
        return Registry("toy", group=GROUP)

    yield install
    for name in set(sys.modules) - before:
        if name.startswith("toy_"):
            del sys.modules[name]


def test_an_entry_point_is_a_plugin_imported_when_asked_for(installed):
    toys = installed(["ball = toy_ball:Ball"], toy_ball="class Ball:\n    'Round.'")
    assert toys.names() == ["ball"]
    assert "toy_ball" not in sys.modules
    assert type(toys.create("ball")).__name__ == "Ball"
    assert toys.card("ball").origin == "entry point ball = toy_ball:Ball of toy-plugins 1.2"


def test_the_seven_lists_have_a_group_each():
    from moe_lab import registry

    found = [part for part in vars(registry).values() if isinstance(part, Registry)]
    steps = ("divide", "experts", "gate", "pool", "train", "methods", "datasets")
    assert sorted(part.group for part in found) == sorted(f"moe_lab.{step}" for step in steps)


def test_an_entry_point_may_register_itself(installed, monkeypatch):
    toys = installed(
        ["ball = toy_ball"],
        toy_ball="""
            from toy_registry import toys

            @toys.register("ball")
            class Ball:
                "Round."
            """,
    )
    monkeypatch.setitem(sys.modules, "toy_registry", type(sys)("toy_registry"))
    sys.modules["toy_registry"].toys = toys
    assert toys.card("ball").summary == "Round."
    assert toys.card("ball").origin == "entry point ball = toy_ball of toy-plugins 1.2"
    assert toys.entry("ball").dist.version == "1.2"  # a run records it
    assert toys.broken == {}


def test_an_entry_point_whose_module_is_imported_first_is_no_conflict(installed, monkeypatch):
    toys = installed(
        ["ball = toy_ball:Ball"],
        toy_ball="""
            from toy_registry import toys

            @toys.register("ball")
            class Ball:
                "Round."
            """,
    )
    monkeypatch.setitem(sys.modules, "toy_registry", type(sys)("toy_registry"))
    sys.modules["toy_registry"].toys = toys
    import toy_ball

    assert toys.get("ball") is toy_ball.Ball
    assert toys.entry("ball").dist.version == "1.2"
    assert toys.broken == {}


def test_a_broken_entry_point_raises_its_own_traceback_and_leaves_the_rest(installed):
    toys = installed(
        ["ball = toy_ball:Ball", "kite = toy_kite:Kite", "top = toy_top"],
        toy_ball="class Ball: ...",
        toy_kite="class Kite: ...\nraise RuntimeError('no wind')",
        toy_top="",
    )
    with (
        pytest.warns(UserWarning, match="toy_kite:Kite of toy-plugins 1.2 is left out.*no wind"),
        pytest.raises(RuntimeError, match="no wind") as raised,
    ):
        toys.create("kite")
    assert raised.traceback[-1].path.name == "toy_kite.py"
    with pytest.warns(UserWarning, match="must register 'top' as toy"):
        assert set(toys.broken) == {"kite", "top"}
    assert toys.names() == ["ball"]


def test_an_entry_point_does_not_take_a_registered_name(installed):
    toys = installed(["ball = toy_ball:Ball"], toy_ball="class Ball: ...")
    toys._entries["ball"] = entry = installed_by_moe_lab()
    with pytest.warns(UserWarning, match="choose another name"):
        assert toys.get("ball") is entry.obj
    assert "toy-plugins" in toys.broken["ball"][0]


def test_a_cell_does_not_take_the_name_of_an_entry_point(installed):
    toys = installed(["ball = toy_ball:Ball"], toy_ball="class Ball: ...")
    with pytest.raises(ValueError, match="toy_ball:Ball of toy-plugins 1.2 has taken"):
        toys.register("ball", dict)


def test_what_an_entry_point_prints_is_a_warning_and_one_that_hangs_is_left_out(
    installed, monkeypatch, capsys
):
    toys = installed(
        ["ball = toy_ball:Ball", "kite = toy_kite:Kite"],
        toy_ball="print('bounce')\nclass Ball: ...",
        toy_kite="import time\ntime.sleep(60)",
    )
    monkeypatch.setenv("MOE_LAB_IMPORT_SECONDS", "0.2")
    with pytest.warns(UserWarning, match="toy-plugins 1.2 must not print .*, got 'bounce'"):
        assert toys.get("ball").__name__ == "Ball"
    with pytest.warns(UserWarning, match="left out"), pytest.raises(TimeoutError, match="no end"):
        toys.get("kite")
    assert toys.names() == ["ball"]
    assert capsys.readouterr().out == ""


def test_strict_stops_at_a_broken_entry_point(installed, monkeypatch):
    toys = installed(["kite = toy_kite:Kite"], toy_kite="raise RuntimeError('no wind')")
    monkeypatch.setenv("MOE_LAB_STRICT", "1")
    with pytest.raises(RuntimeError, match="no wind"):
        toys.names()


def installed_by_moe_lab():
    from moe_lab.registry.plugins import Entry

    return Entry(dict, "moe_lab.toys.ball", "dict", "moe_lab.toys.ball")
