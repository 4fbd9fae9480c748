"""The gate explorer: every message is answered as the mixture itself would answer."""

import json
import subprocess
import sys
from datetime import datetime

import nbformat
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.explore.features import MOST_LEVELS, by_influence, features_of
from moe_lab.table import Reading
from moe_lab.testing import example_table, example_target

POOL = ["linear", ("extra_trees", {"n_estimators": 10}), ("lightgbm", {"n_estimators": 10})]


def fitted(task="regression", experts=POOL, **settings):
    X = example_table(160)
    y = example_target(X, task)
    if task == "classification":
        y = np.array(["high", "low", "mid"])[y]
    kind = MoERegressor if task == "regression" else MoEClassifier
    return kind(experts, random_state=0, **settings).fit(X, y), X


def answered(board, ask, **message):
    """Return the answer to a message, both as they go over the wire."""
    answer = json.loads(
        json.dumps(board.answer({"ask": ask, "id": "a 1", **message}), allow_nan=False)
    )
    assert answer.pop("id") == "a 1"
    assert answer.pop("ask") == ask
    return answer


SETTINGS = [
    ("regression", {}),
    ("classification", {}),
    ("regression", {"gate": "softmax", "pool": "linear"}),
    ("regression", {"experts": "linear", "n_experts": 2, "train": "em"}),
]


@pytest.mark.parametrize(("task", "settings"), SETTINGS)
def test_a_row_is_told_as_the_mixture_tells_it(task, settings):
    moe, X = fitted(task, **settings)
    board, row = moe.explore(X, row=5).board, X.iloc[[5]]
    told = answered(board, "row", row=5)
    code = told["label"] or 0
    assert_allclose(told["weights"], moe.gate_weights(row)[0], atol=1e-9)
    assert_allclose(told["said"], moe.expert_predictions(row)[0, :, code], atol=1e-9)
    assert_allclose(told["trust"], moe.trust(row).iloc[0], atol=1e-9)
    if task == "regression":
        assert_allclose(told["pooled"], moe.predict(row)[0], atol=1e-9)
    else:
        assert told["predicted"] == moe.predict(row)[0] == moe.classes_[code]
        assert_allclose(told["pooled"], moe.predict_proba(row)[0, code], atol=1e-9)


def test_a_moved_feature_is_a_row_of_that_value():
    moe, X = fitted()
    board = moe.explore(X).board
    names = [feature.name for feature in board.features]
    for j, feature in enumerate(board.features):
        place = float(feature.grid(3)[1])
        told = answered(board, "row", row=2, changes={str(j): place})
        moved = X.iloc[[2]].copy()
        value = place if feature.steps is None else feature.steps.iloc[int(place)]
        moved[names[j]] = pd.Series([value], index=moved.index, dtype=X[names[j]].dtype)
        assert told["places"][j] == place
        assert_allclose(told["pooled"], moe.predict(moved)[0], atol=1e-9)


def test_the_map_is_the_gate_over_a_plane_through_the_row():
    moe, X = fitted()
    board = moe.explore(X).board
    answer = answered(board, "map", columns=board.columns, row=7, size=5)
    up, across = answer["shape"]
    assert len(answer["best"]) == up * across
    grids = [board.features[j].grid(5) for j in board.columns]
    cell = 1 * across + 2  # the second from below, the third from the left
    changes = {j: grid[k] for j, grid, k in zip(board.columns, grids, (2, 1), strict=True)}
    weights = moe.gate_weights(board.rows(7, changes, 1))[0]
    assert answer["best"][cell] == weights.argmax()
    assert_allclose(answer["strength"][cell], weights.max(), atol=1e-3)


def test_points_are_the_rows_and_whom_they_trust():
    moe, X = fitted()
    board = moe.explore(X).board
    answer = answered(board, "points", columns=board.columns)
    assert answer["rows"] == list(range(len(X)))
    assert answer["best"] == moe.gate_weights(X).argmax(axis=1).tolist()


class SometimesSilent(LinearRegression):
    """Answers NaN once it is told to."""

    silent = False

    def predict(self, X):
        said = super().predict(X)
        return np.full(len(said), np.nan) if self.silent else said


@pytest.mark.parametrize("settings", [{}, {"gate": "softmax", "pool": "linear"}])
def test_an_expert_switched_off_is_one_that_answers_nan(settings):
    moe, X = fitted(experts=[SometimesSilent(), *POOL[:2]], **settings)
    board = moe.explore(X).board
    on, off = (answered(board, "row", row=4, off=who) for who in ([], [0]))
    over = answered(board, "map", columns=board.columns, row=4, off=[0], size=4)
    assert off["weights"][0] == 0
    assert off["pooled"] != on["pooled"]
    assert 0 not in over["best"]
    SometimesSilent.silent = True
    try:
        with pytest.warns(RuntimeWarning, match="NaN was predicted by"):
            assert_allclose(off["pooled"], moe.predict(X.iloc[[4]])[0], atol=1e-9)
        with pytest.warns(RuntimeWarning, match="NaN was predicted by"):
            assert_allclose(off["trust"], moe.trust(X.iloc[[4]]).iloc[0], atol=1e-9)
    finally:
        SometimesSilent.silent = False


def test_the_class_that_is_told_can_be_chosen():
    moe, X = fitted("classification")
    board = moe.explore(X).board
    told = answered(board, "row", row=3, label=1)
    assert_allclose(told["pooled"], moe.predict_proba(X.iloc[[3]])[0, 1], atol=1e-9)
    assert_allclose(told["trust"], moe.trust(X.iloc[[3]], label="low").iloc[0], atol=1e-9)


@pytest.mark.parametrize("as_array", [False, True])
def test_one_feature_has_lines_instead_of_a_map(as_array):
    X = pd.DataFrame({"size": np.linspace(-1, 1, 80)})
    X = X.to_numpy() if as_array else X
    moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    moe.fit(X, np.abs(np.linspace(-1, 1, 80)))
    explorer = moe.explore(X)
    assert explorer.board.columns == [0]
    answer = answered(explorer.board, "map", columns=[0], row=0, size=10)
    middles = (np.arange(40) + 0.5) / 20 - 1
    assert_allclose(
        np.transpose(answer["weights"]),
        moe.gate_weights(middles[:, None] if as_array else pd.DataFrame({"size": middles})),
        atol=1e-4,
    )
    assert len(explorer.figure().axes) == 4


def test_features_that_move_the_gate_come_first():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 5)))
    X[3] = np.where(X[3] > 0, "high", "low")
    first = 1 / (1 + np.exp(-X[1] - 4 * (X[3] == "high")))
    weights = np.column_stack([first, 1 - first])
    assert by_influence(features_of(Reading(X)), weights)[:2] == [3, 1]


def test_five_hundred_features_have_eight_sliders_and_a_list_of_the_others():
    X = np.random.default_rng(0).normal(size=(60, 500))
    board = MoERegressor(["linear", "k_nearest"], random_state=0).fit(X, X[:, 0]).explore(X).board
    state = board.state()
    assert (len(state["sliders"]), len(state["order"])) == (8, 500)
    assert len(json.dumps(state)) < 100_000
    assert len(answered(board, "row", row=0, changes={"499": 0.5})["places"]) == 500


def test_texts_dates_and_gaps_can_be_moved_or_say_why_not():
    n = 120
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "size": np.where(np.arange(n) % 9 == 0, np.nan, rng.normal(size=n)),
            "colour": rng.choice(["red", "green", "blue"], n),
            "kind": pd.Categorical(rng.choice(["a", "b"], n), categories=["b", "a", "c"]),
            "day": [datetime(2024, 1, 1 + k % 28) for k in range(n)],
            "remark": [f"remark {k}" for k in range(n)],
            "same": 1.0,
            "empty": np.nan,
        }
    )
    y = np.nan_to_num(X["size"].to_numpy())
    with pytest.warns(UserWarning, match="remark"):
        moe = MoERegressor(["linear", "k_nearest"], random_state=0).fit(X, y)
    board = moe.explore(X, columns=("colour", "day")).board
    features = {feature.name: feature for feature in board.features}
    assert features["colour"].labels == ["blue", "green", "red"]
    assert features["kind"].labels == ["a", "b"]
    assert features["day"].labels[0] == "2024-01-01"
    assert features["day"].labels[-1] == "2024-01-28"
    assert features["remark"].fixed == f"holds 120 texts, more than {MOST_LEVELS}"
    assert features["same"].fixed == features["empty"].fixed == "holds one value"
    told = answered(board, "row", row=0, changes={"1": 2})
    assert told["places"][0] is None
    assert_allclose(told["pooled"], moe.predict(X.iloc[[0]].assign(colour="red"))[0], atol=1e-9)
    assert answered(board, "map", columns=board.columns, row=1, size=4)["shape"] == [100, 3]
    with pytest.raises(ValueError, match=r"got 'remark', which holds 120 texts.* Take one of"):
        moe.explore(X, columns="remark")


def test_weights_that_are_the_same_everywhere_are_called_so():
    moe, X = fitted(gate="constant")
    explorer = moe.explore(X)
    assert explorer.board.remark == "The gate's weights are the same for every row."
    assert explorer.board.state()["order"] == list(range(X.shape[1]))
    assert explorer.figure().get_suptitle() == f"row 0. {explorer.board.remark}"


WRONG = [
    ({"row": 160}, "row must be from 0 to 159, got row=160"),
    ({"row": -1}, "row must be from 0 to 159"),
    ({"columns": ["x"]}, "Unknown column 'x'"),
    ({"columns": (0, 0)}, "columns must be one or two features"),
    ({"columns": (0, 1, 2)}, "columns must be one or two features"),
]


def test_what_cannot_be_explored_is_said():
    moe, X = fitted(experts="linear", n_experts=2, train="em")
    for wrong, sentence in WRONG:
        with pytest.raises(ValueError, match=sentence):
            moe.explore(X, **wrong)
    with pytest.raises(ValueError, match="X must have a feature that can be moved, got: "):
        moe.explore(X.iloc[[0]])
    board = moe.explore(X).board
    everybody = answered(board, "row", row=0, off=[0, 1])
    assert everybody["error"].startswith("ValueError: One expert must stay on")
    assert "error" in answered(board, "weather")


def test_an_explorer_is_a_figure_where_no_front_end_listens():
    moe, X = fitted("classification")
    explorer = moe.explore(X)
    assert explorer._repr_png_().startswith(b"\x89PNG")
    assert [axis.get_title().split(" ")[0] for axis in explorer.figure().axes] == [
        "most",
        "gate",
        "probability",
        "moves",
    ]


def test_the_widget_answers_messages():
    moe, X = fitted(experts="linear", n_experts=2, train="em")
    widget, sent = moe.explore(X).widget, []
    widget.send = sent.append
    widget._handle_custom_msg({"ask": "row", "id": "a 1", "row": 3}, [])
    assert_allclose(sent[0]["weights"], moe.gate_weights(X.iloc[[3]])[0], atol=1e-9)
    assert "render" in widget._esm


CELL = """
import numpy as np
from moe_lab import MoERegressor
X = np.random.default_rng(0).normal(size=(80, 2))
moe = MoERegressor("linear", n_experts=2, train="em", random_state=0).fit(X, np.abs(X[:, 0]))
moe.explore(X)
"""


@pytest.mark.slow
def test_an_executed_and_exported_notebook_has_the_figure_and_no_widget(tmp_path):
    cells = [nbformat.v4.new_code_cell(CELL)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "one.ipynb"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "one.html").read_text()
    assert page.count("<img ") == 1
    assert "vnd.jupyter.widget" not in page
    assert "embed-amd.js" not in page
