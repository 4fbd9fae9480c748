"""moe-lab plugins new, check: a first plugin, its test, its report card; mistakes in a sentence."""

import subprocess
import sys

import pytest

from moe_lab.testing import EXPERT_CHECKS

HUBER = "sklearn.linear_model.HuberRegressor"


def test_a_new_plugin_keeps_the_laws_and_so_says_its_test(moe_lab, lab):
    made = moe_lab("plugins", "new", "expert", "huber", "--from", HUBER)
    test = lab.root / "registry" / "tests" / "test_huber_expert.py"
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [
        f"Wrote {lab.root / 'registry' / 'experts' / 'huber.py'}",
        f"Wrote {test}",
        "  moe-lab plugins check huber",
    ]
    checked = moe_lab("plugins", "check", "huber")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("expert 'huber' from ")
    assert f"keeps its {len(EXPERT_CHECKS) + 2} laws" in checked.stdout
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    ran = subprocess.run(command, cwd=lab.root, capture_output=True, text=True)
    assert f"{len(EXPERT_CHECKS) + 1} passed" in ran.stdout, ran.stdout
    told = moe_lab("lab").stdout
    assert "broken plugins: none" in told
    assert "is not loaded" not in told  # registry/tests/ is no place for plugins


BEGINNINGS = [
    ("experts", {"source": "sklearn.ensemble.ExtraTreesClassifier"}, "regressor=ExtraTreesReg"),
    ("expert", {"module": True}, "return nn.Sequential"),
    ("pool", {}, "class NPooler(WeightedPooler)"),
    ("data set", {}, "@datasets.register("),
]


def test_each_kind_has_a_beginning_that_is_found(lab, monkeypatch):
    from moe_lab.cli.plugins import write_plugin

    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    written = []
    for number, (kind, options, words) in enumerate(BEGINNINGS):
        file, _ = write_plugin(kind, f"n_{number}", **options)
        assert words.replace("NPooler", f"N{number}Pooler") in file.read_text()
        written.append(str(file))
    found = lab.run(
        f"""
        from moe_lab.registry.kinds import find_kind
        for number, kind in enumerate({[kind for kind, *_ in BEGINNINGS]}):
            print(find_kind(kind).card(f"n_{{number}}").origin)
        """
    )
    assert found.stdout.splitlines() == written, found.stderr


MISTAKES = [
    (["gte", "mine"], "Unknown kind of plugin 'gte'. Did you mean 'gate'?"),
    (["gate", "5x"], "NAME must be a Python name of letters, digits and _, since its file is"),
    (["gate", "class"], "NAME must be a Python name"),
    (["gate", "softmax"], "NAME must be free, got 'softmax', which moe_lab.gate.softmax has taken"),
    (["gate", "base"], "NAME must be no file of moe_lab, got 'base': moe_lab.gate.base is one"),
    (["gate", "mine", "--module"], "--module makes an expert, got the kind 'gate'; leave it out."),
    (["gate", "there"], "NAME must be new, got 'there', of which"),
    (["expert", "mine", "--from", "sklearn.linear_model.Hubr"], "has no attribute 'Hubr'"),
    (["expert", "mine", "--from", "sklearn.cluster.KMeans"], "(which is neither)"),
    (["expert", "mine", "--from", HUBER, "--module"], "--from and --module exclude each other"),
]


@pytest.fixture
def mistaken(lab, monkeypatch):
    """Call the command in this process: it says the same, and sooner."""
    from click.testing import CliRunner

    from moe_lab.cli import main

    monkeypatch.setenv("MOE_LAB_ROOT", str(lab.root))
    return lambda given: CliRunner().invoke(main, ["plugins", "new", *given])


@pytest.mark.parametrize(("given", "message"), MISTAKES, ids=[one[1][:30] for one in MISTAKES])
def test_a_mistake_is_a_sentence_and_writes_nothing(mistaken, lab, given, message):
    there = lab.root / "registry" / "tests" / "test_there_gate.py"
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    ran = mistaken(given)
    assert ran.exit_code == 1
    assert ran.stderr.startswith("Error: ")
    assert message in ran.stderr
    assert [path for path in lab.root.rglob("*.py") if path != there] == []
    assert there.read_text() == "mine"


def test_outside_of_a_lab_new_says_how_to_make_one(command, tmp_path):
    ran = command("plugins", "new", "gate", "mine", cwd=tmp_path)
    assert ran.returncode == 1
    assert "must be called in a lab, got none around" in ran.stderr
    assert "--package needs none" in ran.stderr
