"""Who moved an answer: sums, signs, units; and experts that fall silent."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LinearRegression

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.testing import example_table, example_target

POOL = ["linear", ("extra_trees", {"n_estimators": 20}), ("lightgbm", {"n_estimators": 20})]


def fitted(task, n_classes=3, **settings):
    X = example_table(160)
    y = example_target(X, task)
    if n_classes == 2:
        y = np.minimum(y, 1)
    if task == "classification":
        y = np.array(["high", "low", "mid"])[y]
    kind = MoERegressor if task == "regression" else MoEClassifier
    return kind(POOL, random_state=0, **settings).fit(X, y), X


def test_a_row_of_trust_sums_to_the_answer_minus_the_plain_average():
    moe, X = fitted("regression")
    trust, said = moe.trust(X), moe.expert_predictions(X)[:, :, 0]
    assert trust.columns.tolist() == ["linear", "extra_trees", "lightgbm", "correction"]
    assert_allclose(trust.sum(axis="columns"), moe.predict(X) - said.mean(axis=1), atol=1e-8)
    share = moe.pooler_.beta_ * moe.gate_weights(X)
    expected = share * (said - said.mean(axis=1, keepdims=True))
    assert_allclose(trust.iloc[:, :3], expected, atol=1e-8)


@pytest.mark.parametrize(("n_classes", "label"), [(2, None), (3, None), (3, "low"), (3, "high")])
def test_trust_in_a_class_is_in_log_odds(n_classes, label):
    moe, X = fitted("classification", n_classes)
    p, logs = moe.predict_proba(X), np.log(np.clip(moe.expert_predictions(X), 1e-4, 1))
    rows, chosen = np.arange(len(p)), p.argmax(axis=1)
    if n_classes == 2:
        chosen[:] = 1
    if label is not None:
        chosen[:] = moe.classes_.tolist().index(label)
    other = np.where(chosen == 0, 1 + p[:, 1:].argmax(axis=1), 0)
    plain = (logs[rows, :, chosen] - logs[rows, :, other]).mean(axis=1)
    score = np.log(p[rows, chosen] / p[rows, other])
    trust = moe.trust(X, label=label)
    assert_allclose(trust.sum(axis="columns"), score - plain, atol=1e-8)
    if n_classes == 2:  # against the first class instead of the second
        assert_allclose(moe.trust(X, label="high"), -trust, atol=1e-12)


@pytest.mark.parametrize("pool", ["linear", "top_k", "argmax"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_weighted_pools_have_trust_without_correction(task, pool):
    moe, X = fitted(task, gate="softmax", pool=pool)
    trust, weights = moe.trust(X), moe.pooler_.weights(moe.gate_weights(X))
    assert (trust["correction"] == 0).all()
    assert (trust.iloc[:, :3].to_numpy()[weights == 0] == 0).all()
    said = moe.expert_predictions(X)
    answer = moe.predict(X) if task == "regression" else moe.predict_proba(X)
    chosen = 0 if task == "regression" else answer.argmax(axis=1)
    answer = answer if task == "regression" else answer.max(axis=1)
    plain = said[np.arange(160), :, chosen].mean(axis=1)
    assert_allclose(trust.sum(axis="columns"), answer - plain, atol=1e-8)


def test_other_pools_and_unknown_labels_are_told():
    moe, X = fitted("classification", gate="softmax", pool="vote")
    with pytest.raises(
        ValueError, match=r"pool must be a sum over experts.*learned, linear, top_k"
    ):
        moe.trust(X)
    moe, X = fitted("classification")
    with pytest.raises(ValueError, match="seen in fit"):
        moe.trust(X, label="nobody")
    moe, X = fitted("regression")
    with pytest.raises(ValueError, match="label must be None in regression"):
        moe.trust(X, label=1)


class Silent(LinearRegression):
    """Says nothing about the first rows once it is told to be silent."""

    rows = 0

    def predict(self, X):
        said = super().predict(X)
        said[: self.rows] = np.nan
        return said


@pytest.mark.parametrize("pool", ["auto", "linear", "argmax", "top_k", "median", "log_linear"])
def test_where_an_expert_is_silent_the_others_answer(pool, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + 0.1 * rng.normal(size=200)
    gate = "auto" if pool == "auto" else "softmax"
    moe = MoERegressor([Silent(), *POOL[1:]], gate=gate, pool=pool, random_state=0).fit(X, y)
    whole = moe.predict(X)
    monkeypatch.setattr(Silent, "rows", 5)
    with pytest.warns(RuntimeWarning, match="NaN was predicted by Silent for 5 of 200 rows"):
        answer = moe.predict(X)
    assert np.isfinite(answer).all()
    assert np.abs(answer[:5] - y[:5]).max() < 1.5
    assert_allclose(answer[5:], whole[5:])
    if pool == "auto":
        with pytest.warns(RuntimeWarning, match="NaN was predicted"):
            weights = moe.gate_weights(X)
        assert (weights[:5, 0] == 0).all()
        assert_allclose(weights.sum(axis=1), 1)


def test_a_row_of_which_nobody_says_anything_is_an_error(monkeypatch):
    X = np.random.default_rng(0).normal(size=(100, 3))
    moe = MoERegressor([Silent(), Silent(positive=True)], random_state=0).fit(X, X[:, 0])
    monkeypatch.setattr(Silent, "rows", 2)
    with pytest.raises(ValueError, match="NaN from all of them for 2 of 100 rows"):
        moe.predict(X)
