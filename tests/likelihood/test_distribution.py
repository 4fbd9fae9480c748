"""Predictive distributions: laws of the Gaussian mixture, and what a mixture of experts says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import BayesianRidge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from moe_lab import MoERegressor
from moe_lab.experts import LinearExpert
from moe_lab.likelihood.distribution import MixtureDistribution
from moe_lab.mixture.density import expert_distribution
from moe_lab.registry import poolers

LEVELS = [1e-12, 1e-4, 0.025, 0.1, 0.5, 0.8, 0.975, 1 - 1e-9]


def random_mixture(n_samples=40, n_components=4, ratio=1e3, seed=0):
    """Scales from 1 / ratio to ratio, means as far apart, some weights 0."""
    rng = np.random.default_rng(seed)
    shape = n_samples, n_components
    weights = rng.dirichlet(np.full(n_components, 0.7), n_samples)
    weights[weights < 0.02] = 0
    scales = ratio ** rng.uniform(-1, 1, shape)
    means = rng.normal(size=shape) * ratio ** rng.uniform(-1, 1, (n_samples, 1))
    return MixtureDistribution(weights / weights.sum(axis=1, keepdims=True), means, scales)


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = np.sort(rng.uniform(-1, 1, (150, 1)), axis=0)
    return X, np.abs(X[:, 0]) + rng.normal(size=150) * (0.05 + 0.2 * (X[:, 0] > 0))


@pytest.fixture(scope="module")
def moe(rows):
    settings = {"n_init": 2, "tol": 1e-6}
    return MoERegressor("linear", n_experts=3, train=("em", settings), random_state=0).fit(*rows)


@pytest.fixture(scope="module")
def nested(rows):
    settings = {"n_init": 2, "max_iter": 20, "tol": 1e-3}
    inner = MoERegressor("linear", n_experts=2, train=("em", settings))
    outer = ("em", {"max_iter": 2})
    return MoERegressor([inner, inner, "linear"], train=outer, random_state=0).fit(*rows)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (300, 2), (5, 40)])
@pytest.mark.parametrize("ratio", [1.0, 10.0, 1e3])
def test_quantile_inverts_cdf(shape, ratio):
    mixture = random_mixture(*shape, ratio=ratio)
    quantiles = mixture.quantile(LEVELS)
    assert quantiles.shape == (shape[0], len(LEVELS))
    for q, y in zip(LEVELS, quantiles.T, strict=True):
        assert_allclose(mixture.cdf(y), q, rtol=1e-9)
        assert_allclose(mixture.quantile(q), y, rtol=1e-10)


def test_quantile_is_that_of_a_gaussian_where_there_is_one_component():
    mean, scale = np.array([1e9, 0.0]), np.array([1e-3, 5.0])
    alone = MixtureDistribution([[1.0], [1.0]], mean[:, None], scale[:, None])
    assert_allclose(alone.quantile(LEVELS), norm(mean[:, None], scale[:, None]).ppf(LEVELS))


def test_quantile_where_the_cdf_is_flat_or_jumps():
    """Two far peaks: the median of equals is in the middle; a jump is found from either side."""
    apart = MixtureDistribution([[0.5, 0.5], [0.3, 0.7]], [[-100.0, 100.0]], [[1.0, 1e-300]])
    assert_allclose(apart.quantile(0.5), [0.0, 100.0], atol=2)
    assert_allclose(apart.quantile(0.9), 100)


def test_components_of_weight_zero_are_never_read():
    with_zero = MixtureDistribution([[0.0, 0.4, 0.6]], [[np.nan, 1.0, 2.0]], [[-1.0, 1.0, 0.1]])
    without = MixtureDistribution([[0.4, 0.6]], [[1.0, 2.0]], [[1.0, 0.1]])
    assert_allclose(with_zero.quantile(LEVELS), without.quantile(LEVELS), rtol=1e-10)
    for method in ("cdf", "log_pdf", "crps"):
        assert_allclose(getattr(with_zero, method)(0.3), getattr(without, method)(0.3))
    assert with_zero.sample(1000, random_state=0).max() < 6


def test_variance_is_within_plus_between():
    mixture = random_mixture(ratio=5.0)
    second = np.sum(mixture.weights * (mixture.scales**2 + mixture.means**2), axis=1)
    assert_allclose(mixture.variance, second - mixture.mean**2)
    assert_allclose(mixture.std**2, mixture.within_variance + mixture.between_variance)


def test_log_pdf_is_the_slope_of_cdf():
    mixture = random_mixture(ratio=3.0)
    y = mixture.sample(1, random_state=0)[:, 0]
    slope = (mixture.cdf(y + 1e-5) - mixture.cdf(y - 1e-5)) / 2e-5
    assert_allclose(np.exp(mixture.log_pdf(y)), slope, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("y", [-3.0, 0.0, 0.7, 8.0])
def test_crps_is_the_integral_of_the_squared_distance_to_the_step(y):
    mixture = random_mixture(1, 3, ratio=4.0, seed=2)
    below = quad(lambda t: mixture.cdf(t)[0] ** 2, -60, y, limit=200, points=mixture.means[0])[0]
    above = quad(lambda t: (1 - mixture.cdf(t)[0]) ** 2, y, 60, limit=200)[0]
    assert_allclose(mixture.crps(y), below + above, rtol=1e-6)


def test_crps_of_one_component_is_the_formula_of_the_gaussian():
    y, mean, scale = np.array([-2.0, 0.1, 40.0]), np.array([0.0, 0.1, 1.0]), np.array([1, 2, 0.1])
    z = (y - mean) / scale
    formula = scale * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    alone = MixtureDistribution(np.ones((3, 1)), mean[:, None], scale[:, None])
    assert_allclose(alone.crps(y), formula)


def test_samples_have_the_moments_of_the_mixture():
    mixture = random_mixture(5, 3, ratio=3.0)
    sample = mixture.sample(200_000, random_state=0)
    assert sample.shape == (5, 200_000)
    assert_allclose(sample.mean(axis=1), mixture.mean, atol=0.02 * mixture.std.max())
    assert_allclose(sample.std(axis=1), mixture.std, rtol=0.02)
    assert_array_equal(sample, mixture.sample(200_000, random_state=0))


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95])
def test_intervals_cover_at_their_level(level):
    mixture = random_mixture(20_000, 3)
    low, high = mixture.interval(level).T
    y = mixture.sample(1, random_state=1)[:, 0]
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(level, abs=0.01)


def test_far_tails_stay_finite():
    mixture = random_mixture()
    for y in (-1e9, 1e9):
        assert np.isfinite(mixture.log_pdf(y)).all()
        assert_allclose(mixture.crps(y), 1e9, rtol=1e-3)


def test_rows_are_independent():
    mixture = random_mixture()
    assert len(mixture) == 40
    two = mixture[[3, 5]].quantile(LEVELS)
    assert_allclose(two, mixture.quantile(LEVELS)[[3, 5]], rtol=1e-10)
    assert_allclose(mixture[7].crps(0.0), mixture.crps(0.0)[[7]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.quantile(0.0), "q must be one number or a list, between 0 and 1, got q=0.0"),
        (lambda m: m.quantile([0.5, np.nan]), "q must be one number or a list"),
        (lambda m: m.interval(95), "level must be a number between 0 and 1, got level=95"),
        (lambda m: m.crps([1.0, 2.0]), r"one for each of the 40 rows, got shape \(2,\)"),
        (lambda m: MixtureDistribution([1.0], [0.0], 1.0), r"\(n_samples, n_components\), got"),
        (lambda m: MixtureDistribution([[0.4, 0.4]], 0.0, 1.0), "sums from 0.8 to 0.8"),
        (lambda m: MixtureDistribution([[1.0]], [[0.0, 1.0]], 1.0), "means must have the shape"),
        (lambda m: MixtureDistribution([[1.0]], [[np.nan]], 1.0), "means must be finite"),
        (lambda m: MixtureDistribution([[1.0]], [[0.0]], 0.0), "scales must be positive, got 0"),
    ],
)
def test_bad_input_says_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_mixture())


POOLS = ["linear", ("top_k", {"k": 2}), "argmax", "confident"]


@pytest.mark.parametrize("pool", POOLS)
def test_the_mean_is_predict(rows, moe, pool):
    again = MoERegressor("linear", n_experts=3, pool=pool, train=moe.train, random_state=0)
    again.fit(*rows)
    distribution = again.predict_distribution(rows[0])
    assert_allclose(distribution.mean, again.predict(rows[0]), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("pool", ["linear", "median", "log_linear"])
def test_out_of_fold_the_mean_is_predict_whatever_the_pool(rows, pool):
    X, y = rows
    moe = MoERegressor(["linear", KNeighborsRegressor()], pool=pool, random_state=0).fit(X, y)
    distribution = moe.predict_distribution(X)
    assert_allclose(distribution.mean, moe.predict(X), rtol=1e-8, atol=1e-8)
    assert_allclose(distribution.log_pdf(y), moe.score_samples(X, y))
    assert_allclose(distribution.between_variance, 0, atol=1e-12)


def test_log_pdf_is_score_samples_where_experts_do_not_say_how_sure_they_are(rows):
    moe = MoERegressor(KNeighborsRegressor(), n_experts=2, train=("em", {"max_iter": 3}))
    moe.set_params(random_state=0).fit(*rows)
    assert_allclose(moe.predict_distribution(rows[0]).log_pdf(rows[1]), moe.score_samples(*rows))


def test_what_is_estimated_makes_a_distribution_wider_than_the_likelihood(rows, moe):
    scales = moe.predict_distribution(rows[0]).scales
    assert (scales > moe.scales_).all()


def test_linear_experts_are_less_sure_far_from_their_rows(rows, moe):
    std = moe.predict_distribution([[0.5], [10.0], [100.0]]).std
    assert std[2] > 5 * std[1] > 5 * std[0]


@pytest.mark.parametrize("trained", ["em", "alone"])
def test_an_experts_own_return_std_is_read(rows, trained):
    X, y = rows
    bayesian = BayesianRidge() if trained == "em" else make_pipeline(BayesianRidge())
    moe = MoERegressor(bayesian, 1, train="em", random_state=0).fit(X, y)
    far = np.array([[1000.0]])
    own = moe.experts_[0].predict(far, return_std=True)[1]
    assert own[0] > 10 * moe.scales_[0]
    assert_allclose(moe.predict_distribution(far).std, own)


def test_one_linear_expert_is_as_sure_as_the_textbook_says():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3))
    y = X @ [1.0, -1.0, 0.5] + rng.normal(size=20)
    expert = LinearExpert(alpha=0.0).build("regression").fit(X, y)
    design = np.column_stack([np.ones(20), X])
    inverse = np.linalg.inv(design.T @ design)
    residual = y - design @ (inverse @ design.T @ y)
    student = np.sum(residual**2) / (20 - 4 - 2)  # the variance of t with 16 degrees of freedom
    width = 1 + np.einsum("nd,de,ne->n", design, inverse, design)
    assert_allclose(expert.predict(X, return_std=True)[1], np.sqrt(student * width))


@pytest.mark.parametrize("pool", ["median", "log_linear"])
def test_a_pool_that_is_no_weighted_sum_is_an_error_that_names_those_that_are(rows, pool):
    settings = {"n_init": 1, "max_iter": 2, "tol": 1.0}
    moe = MoERegressor("linear", n_experts=2, pool=pool, train=("em", settings), random_state=0)
    with pytest.raises(ValueError, match="Those that are: argmax, confident, linear, top_k"):
        moe.fit(*rows).predict_distribution(rows[0])


def test_a_nested_mixture_brings_its_own_components(rows, nested):
    X, _ = rows
    distribution, gate = nested.predict_distribution(X), nested.gate_weights(X)
    inner = [expert.predict_distribution(X) for expert in nested.experts_[:2]]
    assert distribution.weights.shape == (len(X), 5)
    assert_allclose(distribution.weights[:, 2:4], gate[:, [1]] * inner[1].weights)
    assert_allclose(distribution.means[:, :2], inner[0].means)
    assert_allclose(distribution.mean, nested.predict(X), rtol=1e-8, atol=1e-8)
    line = gate[:, 2] * norm(distribution.means[:, 4], distribution.scales[:, 4]).cdf(0.3)
    parts = sum(gate[:, k] * inner[k].cdf(0.3) for k in range(2)) + line
    assert_allclose(distribution.cdf(0.3), parts)


def test_the_order_of_the_experts_changes_no_interval(rows, moe):
    before = moe.predict_distribution(rows[0]).interval(0.9)
    order, kept = [2, 0, 1], (moe.experts_, moe.gate_.coef_, moe.scales_)
    moe.experts_ = [moe.experts_[k] for k in order]
    moe.gate_.coef_, moe.scales_ = moe.gate_.coef_[:, order], moe.scales_[order]
    after = moe.predict_distribution(rows[0]).interval(0.9)
    moe.experts_, moe.gate_.coef_, moe.scales_ = kept
    assert_allclose(after, before, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_y_in_another_unit_scales_everything(rows, moe, factor):
    X, y = rows
    plain = moe.predict_distribution(X)
    again = MoERegressor("linear", n_experts=3, train=moe.train, random_state=0)
    scaled = again.fit(X, factor * y).predict_distribution(X)
    assert_allclose(scaled.interval(0.8), factor * plain.interval(0.8), rtol=1e-4)
    assert_allclose(scaled.std, factor * plain.std, rtol=1e-4)
    assert_allclose(scaled.crps(factor * y), factor * plain.crps(y), rtol=1e-4)


class Recorder(RegressorMixin, BaseEstimator):
    """Predicts 0 with scale 1, and counts the rows that it is asked for."""

    def __init__(self):
        self.asked, self.scale_ = 0, 1.0

    def predict(self, X):
        self.asked += len(X)
        return np.zeros(len(X))


def test_only_experts_that_are_needed_are_asked(rows, moe):
    X, _ = rows
    experts, kept = [Recorder() for _ in range(3)], (moe.experts_, moe.pooler_)
    moe.experts_, moe.pooler_ = experts, poolers.create("argmax")
    moe.predict_distribution(X)
    moe.experts_, moe.pooler_ = kept
    best = moe.gate_weights(X).argmax(axis=1)
    assert [expert.asked for expert in experts] == np.bincount(best, minlength=3).tolist()


def test_an_expert_without_a_noise_scale_is_an_error():
    expert = KNeighborsRegressor(1).fit([[0.0]], [1.0])
    with pytest.raises(ValueError, match="must have a noise scale, got none for KNeighbors"):
        expert_distribution(expert, np.zeros((1, 1)))
    assert_allclose(expert_distribution(expert, np.zeros((1, 1)), 2.0).std, 2.0)
