"""The learned pool: its objective, its recipe, and what it does where it cannot learn."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import log_softmax

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.likelihood.stacks import LinearStack, LogLinearStack
from moe_lab.pool.learned import LearnedPooler
from moe_lab.testing import example_table, example_target

POOL = ["linear", ("extra_trees", {"n_estimators": 20})]


def told(task, n_samples=300, seed=0, n_classes=3):
    """Return predictions, gate weights that vary, a target and a table."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 2))
    weights = rng.dirichlet(np.ones(3), size=n_samples)
    if task == "regression":
        y = 2.0 + X[:, 0]
        return y[:, None, None] / 2 + 0.3 * rng.normal(size=(n_samples, 3, 1)), weights, y, X
    y = rng.integers(n_classes, size=n_samples)
    right = np.eye(n_classes)[y][:, None] + 0.5
    noisy = right * rng.gamma(1.0, size=(n_samples, 3, n_classes))
    return noisy / noisy.sum(axis=2, keepdims=True), weights, y, X


def objective(beta, bias, predictions, weights, y, pull):
    mean, n = weights.mean(axis=0), weights.shape[1]
    prior = pull * n * np.sum((beta * mean - 1 / n) ** 2)
    if predictions.shape[2] == 1:
        pooled = np.einsum("nk,nk->n", weights, predictions[:, :, 0])
        unit = np.min(np.mean((predictions[:, :, 0] - y[:, None]) ** 2, axis=0))
        return np.sum((y - bias[0] - beta * pooled) ** 2) / unit + prior
    pooled = np.einsum("nk,nkc->nc", weights, np.log(np.clip(predictions, 1e-4, 1)))
    log_p = log_softmax(beta * pooled + bias, axis=1)
    return -log_p[np.arange(len(y)), y].sum() + prior / 2 + bias @ bias / 2


@pytest.mark.parametrize("pull", [0.0, 3.0, 300.0])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_beta_and_biases_minimise_the_penalised_loss_of_the_stack(task, pull):
    predictions, weights, y, X = told(task)
    pool = LearnedPooler(0, pull=pull).fit(predictions, weights, y, X=X)
    rows = predictions, weights, y, pull
    least = objective(pool.beta_, pool.bias_, *rows)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = 1e-2 * rng.normal(size=1 + len(pool.bias_))
        assert objective(pool.beta_ + step[0], pool.bias_ + step[1:], *rows) > least - 1e-5


@pytest.mark.parametrize(
    ("task", "stack"), [("regression", LinearStack), ("classification", LogLinearStack)]
)
def test_where_weights_do_not_vary_the_pool_is_the_stack_itself(task, stack):
    predictions, _, y, X = told(task)
    fitted = stack().fit(X, y, predictions=predictions)
    beta = fitted.weights_.sum()
    same = np.tile(fitted.weights_ / beta, (len(y), 1))
    pool = LearnedPooler(0, anchor=(beta, fitted.bias_)).fit(predictions, same, y, X=X)
    assert_allclose(pool.pool(predictions, same), fitted.answer(predictions), rtol=1e-12)
    anew = LearnedPooler(0).fit(predictions, same, y, X=X)  # the same minimum, found anew
    assert_allclose(anew.beta_, beta, rtol=1e-2)


def test_experts_that_know_nothing_leave_the_mean():
    _, weights, y, X = told("regression")
    rng = np.random.default_rng(1)
    predictions = rng.normal(size=(300, 3, 1)) - 5 * y[:, None, None]
    pool = LearnedPooler(0, anchor=(0.0, [y.mean()])).fit(predictions, weights, y, X=X)
    assert_allclose(pool.pool(predictions, weights), y.mean())


def test_the_recipe_of_the_correction_is_pinned():
    """All experts say the same: what is added is the trees alone. Trees twice as strong fail."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(1000, 2))
    weights, step = np.full((1000, 2), 0.5), X[:, 0] > 0
    mean = LearnedPooler(anchor=(1.0, [0.0]))
    mean.fit(np.zeros((1000, 2, 1)), weights, step - 0.5, X=X, random_state=0)
    added = mean.pool(np.zeros((1000, 2, 1)), weights, X=X)[:, 0]
    assert mean.correction_.booster_.num_trees() == 100
    assert_allclose([added[step].mean(), added[~step].mean()], [0.23, -0.23], atol=0.015)
    half = np.full((1000, 2, 2), 0.5)
    odds = LearnedPooler(anchor=(1.0, [0.0, 0.0]))
    odds.fit(half, weights, step.astype(int), X=X, random_state=0)
    added = odds.pool(half, weights, X=X)[:, 1]
    assert odds.correction_.booster_.num_trees() == 50
    assert_allclose([added[step].mean(), added[~step].mean()], [0.84, 0.16], atol=0.03)
    three = LearnedPooler().fit(*told("classification")[:3], X=told("classification")[3])
    assert three.correction_.booster_.num_trees() == 150
    settings = mean.correction_.booster_.params
    assert settings["num_leaves"] == 4
    assert (settings["learning_rate"], settings["lambda_l2"]) == (0.05, 10.0)
    assert settings["min_data_in_leaf"] == 25


@pytest.mark.parametrize("n_classes", [31, 200])
def test_many_classes_grow_no_trees(n_classes):
    predictions, weights, y, X = told("classification", 400, n_classes=n_classes)
    pool = LearnedPooler().fit(predictions, weights, y, X=X)
    assert pool.correction_.booster_ is None
    assert_allclose(pool.pool(predictions, weights).sum(axis=1), 1)


def test_unfitted_it_is_the_plain_pool():
    predictions, weights, *_ = told("regression")
    mean = np.einsum("nk,nko->no", weights, predictions)
    assert_allclose(LearnedPooler().pool(predictions, weights), mean)


def test_a_correction_asks_for_the_table():
    predictions, weights, y, X = told("regression")
    pool = LearnedPooler().fit(predictions, weights, y, X=X)
    with pytest.raises(ValueError, match="X must be given to a pool with a correction"):
        pool.pool(predictions, weights)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pool": "learned", "train": "em"}, "pool must not learn for EM"),
        (
            {"pool": "learned", "experts": "lightgbm", "n_experts": 2, "train": "boosting"},
            "pool must not learn for",
        ),
        ({"pool": "learned", "experts": [*POOL, "stacker"]}, "where stacker stacks the experts"),
        ({"pool": ("learned", {"pull": -1})}, "pull must be at least 0"),
        ({"pool": ("learned", {"n_estimators": -1})}, "n_estimators must be at least 0"),
    ],
)
def test_what_it_cannot_do_is_told(settings, message):
    X = example_table(60)
    settings = {"experts": POOL, **settings}
    with pytest.raises(ValueError, match=message):
        MoERegressor(**settings).fit(X, example_target(X, "regression"))


@pytest.mark.parametrize("gate", ["softmax", "constant", "shrunk_softmax", "auto"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_it_follows_every_gate_that_is_fitted_out_of_fold(task, gate):
    X = example_table(150)
    y = example_target(X, task)
    kind = MoERegressor if task == "regression" else MoEClassifier
    moe = kind(POOL, gate=gate, pool="learned", random_state=0).fit(X, y)
    answer = moe.predict if task == "regression" else moe.predict_proba
    assert_allclose(answer(X.iloc[[7]]), answer(X)[[7]], rtol=1e-9)
    assert np.isfinite(moe.score_samples(X, y)).all()
    if task == "classification":
        chosen = moe.predict_proba(X)[np.arange(150), np.searchsorted(moe.classes_, y)]
        assert_allclose(moe.score_samples(X, y), np.log(chosen))
    else:
        assert_allclose(moe.predict_distribution(X).mean, moe.predict(X), rtol=1e-8)


def test_one_expert_or_two_identical_ones_are_calibrated():
    X = example_table(150)
    y = example_target(X, "regression")
    one = MoERegressor(["linear"], pool="learned", random_state=0).fit(X, y)
    assert one.gate_weights(X).tolist() == [[1.0]] * 150
    two = MoERegressor(["linear", ("linear", {})], random_state=0).fit(X, y)
    assert_allclose(two.gate_weights(X), 0.5, atol=1e-3)
    alone = MoERegressor(["linear"], random_state=0).fit(X, y)
    assert two.score(X, y) > alone.score(X, y) - 0.01


def test_a_constant_expert_takes_no_part():
    from sklearn.dummy import DummyRegressor

    X = example_table(200)
    y = example_target(X, "regression")
    moe = MoERegressor(["linear", DummyRegressor()], random_state=0).fit(X, y)
    assert moe.gate_.anchor_[0] > 0.7
    assert moe.score(X, y) > 0.9
