"""Networks that have nothing to learn are experts too."""

import numpy as np
import pytest
from torch import nn

from moe_lab import MoEClassifier, MoERegressor


class Mean(nn.Module):
    def __init__(self, n_inputs, n_outputs):
        super().__init__()
        self.n_outputs = n_outputs

    def forward(self, x):
        return x.mean(1, keepdim=True).expand(-1, self.n_outputs)


X = np.random.default_rng(0).normal(size=(80, 3))


@pytest.mark.parametrize("train", [("gradient", {"max_epochs": 2}), "out_of_fold"])
@pytest.mark.parametrize("pool", [[Mean, "linear"], [Mean, Mean]])
def test_a_network_without_parameters_is_an_expert(train, pool):
    if train != "out_of_fold":
        pool = [Mean if one == "linear" else one for one in pool] + [("mlp", {"hidden": (4,)})]
    for moe, y in ((MoERegressor, X[:, 0]), (MoEClassifier, X[:, 0] > 0)):
        model = moe(pool, train=train, device="cpu", random_state=0).fit(X, y)
        assert len(model.predict(X)) == len(X)
