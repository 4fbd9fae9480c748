"""What a run depended on, as its own process tells it."""

import json
import os

import pytest

POINTS = {
    "METADATA": "Metadata-Version: 2.1\nName: toy-plugins\nVersion: 1.2\n",
    "entry_points.txt": "[moe_lab.gate]\nkite = toy_kite.gates:Kite\nball = toy_kite.gates:Ball\n",
}
TOY = {
    "__init__.py": "",
    "gates.py": "from . import wind\nclass Kite:\n    'Flies.'\nclass Ball:\n    'Round.'\n",
    "wind.py": "SPEED = 3\n",
    "unused.py": "",
}
TELL = """
    import json, sys
    from moe_lab.registry import gates
    {before}
    from moe_lab.runs.dependencies import told
    print(told())
    """


@pytest.fixture
def site(tmp_path):
    """A folder on the path with a package that brings plugins."""
    folders = {"toy_plugins-1.2.dist-info": POINTS, "toy_kite": TOY}
    for name, files in folders.items():
        (tmp_path / "site" / name).mkdir(parents=True)
        for file, content in files.items():
            (tmp_path / "site" / name / file).write_text(content)
    return tmp_path / "site"


def depended(lab, before, site):
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    ran = lab.run(TELL.format(before=before), PYTHONPATH=path)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_an_installed_plugin_is_recorded_with_its_files_and_its_version(lab, site):
    told = depended(lab, "gates.create('kite'); gates.names()", site)

    (plugin,) = told["plugins"]
    assert (plugin["kind"], plugin["name"]) == ("gate", "kite")
    assert plugin["origin"] == "entry point kite = toy_kite.gates:Kite of toy-plugins 1.2"
    assert {path.rpartition("/")[2] for path in plugin["files"]} == set(TOY) - {"unused.py"}
    assert all(plugin["files"].values())
    assert told["versions"] == {"toy-plugins": "1.2"}


def test_what_was_only_listed_or_looked_at_is_not_recorded(lab, site):
    lab.drop_in("gate", "mine", "from moe_lab.registry import gates\ngates.register('mine', dict)")
    told = depended(lab, "gates.names(), gates.get('mine'), gates.card('kite')", site)
    assert told["plugins"] == []
    assert not [path for path in told["modules"] if "registry" in path]


def test_a_plugin_brings_what_it_imports_from_its_lab(lab, site):
    lab.drop_in(
        "gate",
        "base_of_mine",
        "from moe_lab.registry import gates\nimport scipy.special\n"
        "@gates.register('base_of_mine')\nclass Base: ...",
    )
    lab.drop_in(
        "gate",
        "mine",
        "def late():\n    from moe_lab.gate.base_of_mine import Base\n"
        "from moe_lab.registry import gates\ngates.register('mine', dict)",
    )
    (lab.root / "helper.py").write_text("")

    told = depended(lab, "import helper\n    gates.create('mine')", site)

    (plugin,) = told["plugins"]
    assert set(plugin["files"]) == {"registry/gate/mine.py", "registry/gate/base_of_mine.py"}
    assert set(told["modules"]) == {"helper.py"}
    assert "scipy" in told["versions"]


@pytest.mark.parametrize("bytecode", [True, False])
def test_a_file_that_was_changed_after_its_import_has_no_hash(lab, site, monkeypatch, bytecode):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "" if bytecode else "1")
    for name in ("same", "changed"):
        (lab.root / f"{name}.py").write_text("x = 1\n")
        os.utime(lab.root / f"{name}.py", (1e9, 1e9))
    change = "import changed, same, os, time; open('changed.py', 'w').write('x = 2\\n')"
    later = "os.utime('changed.py', (time.time() + 9, time.time() + 9))"

    modules = depended(lab, f"{change}; {later}", site)["modules"]

    assert modules["changed.py"] is None
    assert modules["same.py"]
