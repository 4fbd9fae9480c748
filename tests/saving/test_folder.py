"""Model folders: one that is committed, and what is said of damaged, foreign and newer ones."""

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import moe_lab
from moe_lab.saving import save
from moe_lab.saving.files import FilesIn
from moe_lab.testing import example_table

SAVED = Path(__file__).parent.parent / "data" / "model"  # by tests/data/make_model.py
SAYS = [
    [0.054592, 0.919984, 0.025424],
    [0.024178, 0.835776, 0.140046],
    [0.972547, 0.025553, 0.0019],
    [3.3e-05, 0.013642, 0.986324],
    [0.99378, 0.006017, 0.000203],
]


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(SAVED, tmp_path / "model"))


def change(folder, **told):
    """Change the manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))


def told(folder, name):
    return json.loads((folder / "manifest.json").read_text())[name]


def test_the_committed_model_says_what_it_said():
    moe = moe_lab.load(SAVED)
    np.testing.assert_allclose(moe.predict_proba(example_table(60).head()), SAYS, atol=2e-5)
    assert moe.expert_names_ == ["line", "light", "extreme", "cat", "forest", "net"]
    assert sum(file.stat().st_size for file in SAVED.iterdir()) < 300_000


def test_the_manifest_names_every_file_with_its_format():
    files = told(SAVED, "files")
    assert {entry["format"] for entry in files.values()} == {
        *("json", "npz", "skops", "safetensors", "lightgbm", "xgboost", "catboost")
    }
    assert {*files, "manifest.json"} == {file.name for file in SAVED.iterdir()}


def test_nothing_is_unpickled(monkeypatch):
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, None)
    moe_lab.load(SAVED)


def swap(folder):
    (folder / "arrays.npz").rename(folder / "numbers.npz")


def empty_out(folder):
    (folder / "arrays.npz").unlink()
    (folder / "arrays.npz").mkdir()


def link(folder):
    outside = folder.parent / "outside.npz"
    (folder / "arrays.npz").rename(outside)
    (folder / "arrays.npz").symlink_to(outside)


def link_manifest(folder):
    (folder / "manifest.json").rename(folder.parent / "manifest.json")
    (folder / "manifest.json").symlink_to(folder.parent / "manifest.json")


def append(name, data=b"\n"):
    def harm(folder):
        (folder / name).write_bytes((folder / name).read_bytes() + data)

    return harm


def name_file(name, **entry):
    def harm(folder):
        entries = told(folder, "files")
        change(folder, files={**entries, name: {**entries["arrays.npz"], **entry}})

    return harm


def say(**told):
    return lambda folder: change(folder, **told)


def write(text):
    return lambda folder: (folder / "manifest.json").write_text(text)


NEWER = {"moe_lab": "7.1.0", "scikit-learn": "1.9.1"}
HARMS = {
    "no folder": (shutil.rmtree, FileNotFoundError, "no such folder"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), FileNotFoundError, "none in"),
    "no file": (lambda f: (f / "arrays.npz").unlink(), FileNotFoundError, "arrays.npz must be in"),
    "renamed file": (swap, FileNotFoundError, "got numbers.npz instead"),
    "folder for a file": (empty_out, ValueError, "a link or no file"),
    "link": (link, ValueError, "must lie in its folder"),
    "linked manifest": (link_manifest, FileNotFoundError, "must be what save wrote"),
    "altered model": (append("model.json"), ValueError, "model.json must be what save wrote"),
    "altered arrays": (append("arrays.npz"), ValueError, "sha256"),
    "altered booster": (append("lightgbm_0.txt"), ValueError, "lightgbm_0.txt must be"),
    "path above": (name_file("../arrays.npz"), ValueError, "no file in the folder"),
    "absolute path": (name_file("/etc/passwd"), ValueError, "no file in the folder"),
    "path below": (name_file("deep/arrays.npz"), ValueError, "no file in the folder"),
    "path of Windows": (name_file("C:\\arrays.npz"), ValueError, "no file in the folder"),
    "dots": (name_file(".."), ValueError, "no file in the folder"),
    "itself": (name_file("manifest.json"), ValueError, "no file in the folder"),
    "unknown file": (name_file("model.pkl", format="pickle"), ValueError, "model.pkl is of the"),
    "unknown format": (name_file("arrays.npz", format="pickle"), ValueError, "format 'pickle'"),
    "wrong format": (name_file("arrays.npz", format="skops"), ValueError, "arrays.npz is of"),
    "no hash": (name_file("arrays.npz", sha256=None), ValueError, "has no sha256"),
    "short hash": (name_file("arrays.npz", sha256="ab"), ValueError, "has no sha256"),
    "no JSON": (write("{"), ValueError, "must be what save wrote"),
    "no object": (write("[]"), ValueError, "format is None"),
    "not even text": (
        lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"),
        ValueError,
        "must be what save wrote",
    ),
    "deep": (write("[" * 100_000), ValueError, "must be what save wrote"),
    "newer format": (say(format=2), ValueError, "format 2.*pip install -U moe_lab"),
    "newer package": (say(versions=NEWER), ValueError, "got 7.1.0.*pip install -U moe_lab"),
    "newer patch": (
        say(versions={"moe_lab": f"{moe_lab.__version__}.1"}),
        ValueError,
        "no newer moe_lab",
    ),
    "format no number": (say(format="1"), ValueError, "format is '1'"),
    "no files": (say(files=None), ValueError, "files is None"),
    "plugin elsewhere": (
        say(plugins={"a.B": {"module": "os", "file": "os.py", "sha256": "0" * 64}}),
        ValueError,
        "plugin 'a.B' is",
    ),
}


@pytest.mark.parametrize(("harm", "error", "message"), HARMS.values(), ids=HARMS)
def test_a_damaged_folder_is_refused_with_a_sentence_before_any_file_is_read(
    folder, harm, error, message, monkeypatch
):
    monkeypatch.setattr(FilesIn, "reading", None)  # what opens any file but the manifest
    harm(folder)
    with pytest.raises(error, match=f"(?s){message}") as raised:
        moe_lab.load(folder)
    assert str(raised.value).endswith(".")


def alter_model(folder, old, new):
    """Alter model.json and its hash, as somebody would who knows the format."""
    data = (folder / "model.json").read_bytes()
    assert old in data
    (folder / "model.json").write_bytes(data.replace(old, new))
    files = told(folder, "files")
    files["model.json"]["sha256"] = hashlib.sha256(data.replace(old, new)).hexdigest()
    change(folder, files=files)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"class": "moe_lab.table.prepared.Prepared"', b'"class": "subprocess.Popen"'),
        (b'"class": "moe_lab.table.prepared.Prepared"', b'"class": "moe_lab.experts.mine.Mine"'),
        (b'"class": "moe_lab.table.prepared.Prepared"', b'"class": ["os.system"]'),
        (b'"scales_": null', b'"scales_": {"name": "os.system"}'),
    ],
)
def test_a_model_names_no_class_that_is_not_on_the_list(folder, old, new):
    alter_model(folder, old, new)
    with pytest.raises(ValueError, match=r"must be built in or among its plugins, got .*Load it"):
        moe_lab.load(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"file": "lightgbm_0.txt"', b'"file": "../other.txt"'),
        (b'{"array": "a0"}', b'{"array": "a9999"}'),
        (b'"scales_": null', b'"scales_": {"ref": 9999}'),
        (b'"scales_": null', b'"scales_": {"pickle": "gASVBAAAAAAAAAB9lC4="}'),
        (b'"objects": [{', b'"objects": [7, {'),
        (b'{"model": {"ref": 0}', b'{"nothing": 0'),
    ],
)
def test_a_model_that_is_none_gets_a_sentence(folder, old, new):
    alter_model(folder, old, new)
    with pytest.raises(ValueError, match=r"(?s)[Mm]odel.*\.$"):
        moe_lab.load(folder)


def test_another_minor_version_of_scikit_learn_gets_a_sentence(folder):
    change(folder, versions={**told(folder, "versions"), "scikit-learn": "1.2.3"})
    with pytest.warns(UserWarning, match="saved with scikit-learn 1.2.3 and is loaded with"):
        moe_lab.load(folder)


def test_a_file_beside_the_model_does_no_harm(folder):
    (folder / "README.md").write_text("For the marketing department.")
    moe_lab.load(str(folder))


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_a_folder_that_exists_is_left_alone(tmp_path, make):
    make(tmp_path / "model")
    before = os.lstat(tmp_path / "model")
    with pytest.raises(FileExistsError, match=r"must be new.*exists.*remove it first"):
        save([1], tmp_path / "model")
    assert os.lstat(tmp_path / "model") == before
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    from moe_lab.saving import folder

    def full(path, data):
        path.write_bytes(data[:1])
        raise OSError("No space left on device")

    monkeypatch.setattr(folder, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        save([1], tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_folders_above_are_made_and_home_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save([1, 2], "~/models/first")
    assert moe_lab.load(tmp_path / "models" / "first") == [1, 2]
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["first"]
