"""What is not loaded is named; what is loaded may be loaded again."""

import os

import pytest

FIRST = """
    from moe_lab.registry import poolers


    @poolers.register("first")
    class {label}:
        "{words}"
    """


def lines(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_drop_in_may_be_reloaded_and_even_renamed(lab):
    path = lab.drop_in("pool", "first", FIRST.format(label="First", words="One."))
    again = FIRST.format(label="Second", words="Two.")
    done = lab.run(
        f"""
        import importlib, os, textwrap
        from moe_lab.registry import poolers
        print(poolers.card("first").summary)
        import moe_lab.pool.first as module
        importlib.reload(module)
        with open({str(path)!r}, "w") as file:
            file.write(textwrap.dedent({again!r}))
        os.utime(file.name, (1, 1))  # seen as changed within the same second
        importlib.reload(module)
        print(poolers.card("first").summary, poolers.get("first") is module.Second)
        """
    )
    assert lines(done) == ["One.", "Two. True"]


def test_a_broken_drop_in_that_is_mended_is_no_longer_broken(lab):
    path = lab.drop_in("pool", "first", "1 / 0")
    mended = FIRST.format(label="First", words="One.")
    done = lab.run(
        f"""
        import importlib, textwrap
        from moe_lab.registry import poolers
        print(sorted(poolers.broken))
        with open({str(path)!r}, "w") as file:
            file.write(textwrap.dedent({mended!r}))
        importlib.invalidate_caches()
        importlib.import_module("moe_lab.pool.first")
        print(sorted(poolers.broken), "first" in poolers.names())
        """
    )
    assert lines(done) == ["['first']", "[] True"]


def test_two_classes_of_one_file_do_not_share_a_name(lab):
    second = "\n\n    @poolers.register('first')\n    class Other: ...\n"
    lab.drop_in("pool", "first", FIRST.format(label="First", words="One.") + second)
    done = lab.run("from moe_lab.registry import poolers; print(poolers.broken['first'][1])")
    assert "which " in lines(done)[0]
    assert "has taken; choose another name" in lines(done)[0]


MISPLACED = {
    "x.py": "registry/x.py is not loaded: plugins lie in registry/ below divide, experts, gate",
    "expert/hm.py": "registry/expert/hm.py is not loaded: plugins lie in registry/ below divide, "
    "experts, gate, pool, train, methods, datasets. Did you mean 'experts'?",
    "gate/more/deep.py": "registry/gate/more/deep.py is not loaded: registry/gate/more/ has no "
    "__init__.py.",
}


@pytest.fixture
def untidy(lab):
    """A lab with files that lie in the wrong place, and others that may lie there."""
    for name in (*MISPLACED, "gate/_private/part.py", "_notes/x.py", "gate/whole/__init__.py"):
        path = lab.root / "registry" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    lab.drop_in("gate/.ipynb_checkpoints", "x-checkpoint", "1 / 0")
    (lab.root / "registry" / "data").mkdir()
    (lab.root / "registry" / "data" / "t.csv").write_text("x\n1\n")
    for folder in ("gate", "."):
        (lab.root / "registry" / folder / ".#hm.py").symlink_to("somebody@somewhere.1")
    return lab


def test_files_in_the_wrong_place_are_named_once(untidy):
    done = untidy.run(
        """
        from moe_lab.registry import dividers, gates, poolers
        from moe_lab.registry.lab import misplaced_files
        gates.names(), gates.names(), poolers.names(), dividers.names()
        print(*misplaced_files(), sep="\\n")
        """
    )
    told = lines(done)
    assert len(told) == len(MISPLACED)
    for start in MISPLACED.values():
        assert len([line for line in told if line.startswith(start)]) == 1
        assert len([line for line in done.stderr.splitlines() if f"Warning: {start}" in line]) == 1


def test_strict_stops_at_a_file_in_the_wrong_place(untidy):
    done = untidy.run("from moe_lab.registry import gates; gates.names()", MOE_LAB_STRICT="1")
    assert done.returncode == 1
    assert "is not loaded: plugins lie in registry/" in done.stderr.splitlines()[-1]


KITES = {
    "toy_kite": "raise RuntimeError('no wind')",
    "toy_odd": "class Odd:\n    __doc__ = 5\n    card_notes = None\n",
    "toy_ball": "class Ball:\n    'Round.'\n",
}


def test_one_broken_installed_plugin_leaves_the_lists(lab, tmp_path):
    site = tmp_path / "site"
    info = site / "toy_plugins-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-plugins\nVersion: 1.2\n")
    points = "".join(f"{name} = {name}:{name[4:].title()}\n" for name in KITES)
    (info / "entry_points.txt").write_text(f"[moe_lab.experts]\n{points}")
    for name, code in KITES.items():
        (site / f"{name}.py").write_text(code)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    done = lab.run(
        """
        from moe_lab.bench.lineup import find_method, known_methods
        from moe_lab.cli import main
        print(sorted(set(known_methods()) & {"linear", "toy_kite", "toy_ball"}))
        try:
            find_method("no such method")
        except ValueError as error:
            print(str(error)[:31])
        from moe_lab.registry import experts
        experts.create("toy_ball")
        print(experts.entry("toy_ball").dist.version)
        main(["plugins", "list", "expert"], standalone_mode=False)
        """,
        PYTHONPATH=path,
    )
    told = lines(done)
    assert told[:3] == ["['linear', 'toy_ball']", "Unknown method 'no such method'", "1.2"]
    shown = "\n".join(told)
    assert "Round." in shown
    assert "broken expert: toy_kite from entry point toy_kite = toy_kite:Kite" in shown
    assert "broken expert: toy_odd from" in shown
