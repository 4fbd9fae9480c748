"""The pooler "calibrated": what it alone claims."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.tree import DecisionTreeClassifier

from moe_lab import MoEClassifier
from moe_lab.registry import poolers

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("sharpness", [0.5, 3.0])
def test_it_finds_the_temperature_that_was_planted(sharpness):
    logits = 2 * RNG.normal(size=(4000, 3))
    y = np.array([RNG.choice(3, p=p) for p in softmax(logits, axis=1)])
    said = softmax(sharpness * logits, axis=1)[:, None].repeat(2, axis=1)
    weights = np.full((4000, 2), 0.5)
    pool = poolers.create("calibrated").fit(said, weights, y)
    assert pool.temperature_ == pytest.approx(sharpness, rel=0.1)


def test_a_mixture_takes_it_and_knows_better_how_sure_it_is():
    X = RNG.normal(size=(600, 5))
    y = (X[:, 0] + RNG.normal(size=600) > 0).astype(int)
    trees = [DecisionTreeClassifier(random_state=seed, max_features=2) for seed in range(3)]
    losses = []
    for pool in ("linear", "calibrated"):  # whole trees say 0 and 1
        moe = MoEClassifier(trees, gate="constant", pool=pool, random_state=0).fit(X[:400], y[:400])
        losses.append(log_loss(y[400:], moe.predict_proba(X[400:])))
    assert losses[1] < 0.8 * losses[0]
