"""Constant gate: the same weights for every input."""

import numpy as np

from moe_lab.gate.base import LinearGate, gates


@gates.register("constant")
class ConstantGate(LinearGate):
    """Static weights: the control that says what an input-dependent gate adds."""

    takes_reading = True
    C = np.inf

    def learn_features(self, X, sample_weight=None):
        return self.features(X)

    def features(self, X):
        return np.empty((len(X), 0))
