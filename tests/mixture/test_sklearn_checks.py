"""scikit-learn's own checks, on both mixtures, trained in every way."""

import pytest
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from moe_lab import MoEClassifier, MoERegressor

SHUFFLED = "rows of weight 2 fall into one fold or bootstrap, two equal rows perhaps into two"
WEIGHT_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": SHUFFLED,
    "check_sample_weight_equivalence_on_sparse_data": SHUFFLED,
}


def mixtures(Mixture, Tree):
    em_of_lines = ("em", {"n_init": 2, "max_iter": 50})
    em_of_trees = ("em", {"max_iter": 3})
    return [
        Mixture("linear", n_experts=2, train=em_of_lines, random_state=0),
        Mixture(["linear", Tree(max_depth=3)], random_state=0),
        Mixture("linear", n_experts=2, divide="kmeans", pool="argmax", random_state=0),
        Mixture(Tree(max_depth=3), n_experts=2, train=em_of_trees, random_state=0),
        Mixture(train="boosting", random_state=0),
    ]


def expected_failures(mixture):
    """EM of linear experts has no folds and no bootstraps, hence no excuse."""
    parametric = mixture.experts == "linear" and mixture.train != "out_of_fold"
    return {} if parametric else WEIGHT_CHECKS


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    mixtures(MoERegressor, DecisionTreeRegressor) + mixtures(MoEClassifier, DecisionTreeClassifier),
    expected_failed_checks=expected_failures,
)
def test_a_mixture_is_a_scikit_learn_estimator(estimator, check):
    check(estimator)
