"""Shrunk softmax gate: constant weights unless held-out rows confirm more."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.gate import ConstantGate, ShrunkSoftmaxGate, SoftmaxGate, shrunk_softmax
from moe_lab.registry import datasets
from moe_lab.testing import example_table

CV = 5


@pytest.fixture
def fits(monkeypatch):
    """Count the fits of softmax coefficients, and note the rows of each."""
    noted = []
    for name in ("fit_softmax", "fit_pooled_mean", "fit_mixing"):
        fit = getattr(shrunk_softmax, name)

        def noting(Z, *given, fit=fit, **settings):
            noted.append(len(Z))
            return fit(Z, *given, **settings)

        monkeypatch.setattr(shrunk_softmax, name, noting)
    return noted


def two_experts(n_samples=400, apart=True, seed=0):
    """What two experts say of rows: each right on its side of x0 = 0, or both alike."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(n_samples, 3)), rng.normal(size=n_samples)
    noise = rng.normal(size=(n_samples, 2))
    if apart:
        noise *= np.where(np.column_stack([X[:, 0] < 0, X[:, 0] > 0]), 0.1, 2.0)
    return X, (y[:, None] + noise)[:, :, None], y


@pytest.mark.parametrize("seed", range(5))
def test_weights_stay_constant_where_neither_expert_is_the_better_one_anywhere(seed):
    X, predictions, y = two_experts(apart=False, seed=seed)
    gate = ShrunkSoftmaxGate().fit_pooled(X, predictions, y, "squared_error")
    constant = ConstantGate().fit_pooled(X, predictions, y, "squared_error")
    assert gate.C_ <= 0.01
    assert_allclose(gate.predict_proba(X), constant.predict_proba(X), atol=0.1)


def test_weights_vary_where_each_expert_has_its_side():
    X, predictions, y = two_experts()
    gate = ShrunkSoftmaxGate().fit_pooled(X, predictions, y, "squared_error")
    new, predictions, y = two_experts(seed=1)
    assert gate.C_ > 0
    right = gate.predict_proba(new).argmax(axis=1) == (new[:, 0] >= 0)
    assert np.mean(right) > 0.95


def test_constant_weights_are_the_constant_gates():
    X, predictions, y = two_experts(apart=False)
    weight = np.random.default_rng(1).uniform(size=len(y))
    gates = [
        gate.fit_pooled(X, predictions, y, "squared_error", weight)
        for gate in (ShrunkSoftmaxGate(), ConstantGate())
    ]
    assert gates[0].C_ == 0
    assert gates[0].n_parameters_ == gates[1].n_parameters_ == 1
    assert_allclose(gates[0].predict_proba(X), gates[1].predict_proba(X))


def test_the_strength_is_the_smallest_that_cannot_be_told_from_the_best():
    X, predictions, y = two_experts(200)
    gate = ShrunkSoftmaxGate().fit_pooled(X, predictions, y, "squared_error")
    table = gate.losses_
    assert table.index.tolist() == list(shrunk_softmax.PATH)
    assert table["above"].min() == 0
    smaller = table[table.index < gate.C_]
    assert (smaller["above"] > smaller["se"]).all()
    assert table.loc[gate.C_, "above"] <= table.loc[gate.C_, "se"] + 1e-12


def test_steps_along_the_path_end_at_the_softmax_gate_of_that_strength():
    rng = np.random.default_rng(0)
    X = 3 * rng.normal(size=(300, 4))
    responsibilities = np.eye(3)[(X[:, :3] + rng.gumbel(size=(300, 3))).argmax(axis=1)]
    gate = ShrunkSoftmaxGate().fit(X, responsibilities)
    assert gate.C_ >= 0.1
    peer = SoftmaxGate(C=gate.C_).fit(X, responsibilities)
    assert_allclose(gate.predict_proba(X), peer.predict_proba(X), atol=1e-6)


def test_log_loss_finds_the_sides_too():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 2)), rng.integers(2, size=400)
    right = np.where(np.column_stack([X[:, 0] < 0, X[:, 0] > 0]), 0.9, 0.4)[:, :, None]
    predictions = np.where(y[:, None, None] == np.arange(2), right, 1 - right)
    gate = ShrunkSoftmaxGate().fit_pooled(X, predictions, y, "log_loss")
    assert gate.C_ > 0
    assert np.mean(gate.predict_proba(X).argmax(axis=1) == (X[:, 0] > 0)) > 0.95


@pytest.mark.parametrize("power", ["fit", "fit_pooled"])
def test_the_choice_costs_a_path_for_each_fold_on_few_rows(fits, monkeypatch, power):
    monkeypatch.setattr(shrunk_softmax, "MOST_ROWS", 100)
    X, predictions, y = two_experts(400)
    gate = ShrunkSoftmaxGate(cv=CV)
    if power == "fit":
        gate.fit(X, np.eye(2)[(X[:, 0] > 0).astype(int)])
    else:
        gate.fit_pooled(X, predictions, y, "squared_error")
    steps = len(shrunk_softmax.PATH)
    each = shrunk_softmax.NEWTON_STEPS if power == "fit" else 1
    final = shrunk_softmax.PATH.index(gate.C_)
    path = [80] + [80] * each * (steps - 1)
    assert fits == path * CV + [400] * (1 + each * final)


def test_rows_for_the_choice_are_spread_over_all(monkeypatch):
    monkeypatch.setattr(shrunk_softmax, "MOST_ROWS", 200)
    X, predictions, y = two_experts(2000)
    X[:1000, 0], y[:1000] = 0.0, predictions[:1000].mean(axis=1)[:, 0]  # no regimes in this half
    assert ShrunkSoftmaxGate().fit_pooled(X, predictions, y, "squared_error").C_ > 0


def test_a_mixture_of_lines_routes_piecewise_data_and_leaves_friedman1_alone():
    chosen = {}
    for name in ("piecewise", "friedman1"):
        data = datasets.create(name, n_samples=500)
        pool, divide = (["linear"] * 3, "kmeans") if name == "piecewise" else (["linear"] * 2, None)
        moe = MoERegressor(pool, divide=divide, gate="shrunk_softmax", random_state=0)
        chosen[name] = moe.fit(data.X, data.y).gate_.C_
    assert chosen["piecewise"] > 0
    assert chosen["friedman1"] == 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_classes_by_em_and_out_of_fold():
    data = datasets.create("switching", n_samples=400)
    for train in ("em", "out_of_fold"):
        moe = MoEClassifier("linear", 2, gate="shrunk_softmax", train=train, random_state=0)
        moe.fit(data.X, data.y)
        assert np.isfinite(moe.predict_proba(data.X)).all()


def test_one_row_has_constant_weights():
    X = example_table(1)
    gate = ShrunkSoftmaxGate().fit(X, np.array([[0.7, 0.3]]))
    assert gate.C_ == 0
    assert_allclose(gate.predict_proba(X), [[0.7, 0.3]])


def test_the_unit_of_y_does_not_matter():
    X, predictions, y = two_experts(200)
    gates = [
        ShrunkSoftmaxGate().fit_pooled(X, unit * predictions, unit * y, "squared_error")
        for unit in (1.0, 1e4)
    ]
    assert gates[0].C_ == gates[1].C_
    assert_allclose(gates[0].predict_proba(X), gates[1].predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    ("gate", "loss", "message"),
    [
        (ShrunkSoftmaxGate(), "hinge", "loss must be 'log_loss' or 'squared_error', got 'hinge'"),
        (ShrunkSoftmaxGate(cv=1), "squared_error", "cv must be at least 2, .* got cv=1"),
        (ShrunkSoftmaxGate(columns=[7]), "squared_error", "column 7"),
    ],
    ids=["loss", "cv", "columns"],
)
def test_what_cannot_be_fitted_is_said(gate, loss, message):
    with pytest.raises(ValueError, match=message):
        gate.fit_pooled(*two_experts(40), loss)
