"""Gates: what each one claims for itself."""

import numpy as np
from numpy.testing import assert_allclose

from moe_lab.gate import SoftmaxGate
from moe_lab.testing import example_table


def test_a_softmax_gate_reads_only_its_columns():
    X = example_table()
    responsibilities = np.eye(2)[(X["x0"] > 0).astype(int)]
    gate = SoftmaxGate(columns=["x1", "group"]).fit(X, responsibilities)
    assert_allclose(gate.predict_proba(X.assign(x0=9.0)), gate.predict_proba(X))
    assert gate.table_.n_features_in_ == 4
