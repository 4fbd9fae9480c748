"""Rules gate: static weights within each region that rules describe."""

import numpy as np

from moe_lab.gate.base import LinearGate, gates
from moe_lab.rules import rule_regions


@gates.register("rules")
class RulesGate(LinearGate):
    """Domain knowledge as a gate: each rule's region has weights of its own.

    Regions with few rows are pulled towards the weights of the whole table.

    Parameters
    ----------
    rules : list of str
        pandas expressions such as ``"age < 30 and smoker == 'yes'"``. The first rule that holds
        decides; rows for which none does form a region of their own.
    C : float, default=10.0
        Inverse strength of that pull; ``np.inf`` is none.
    """

    example_params = {"rules": ["x0 < 0", "group == 'a'"]}

    def __init__(self, rules=(), C=10.0):
        self.rules = rules
        self.C = C

    def learn_features(self, X, sample_weight=None):
        return self.features(X)

    def features(self, X):
        regions = rule_regions(X, self.rules)  # (n,), len(rules) where none holds
        return np.eye(len(self.rules) + 1)[regions]
