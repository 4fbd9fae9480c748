"""Calibrated pool: the gate's weighted mean of probabilities, at one temperature."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from moe_lab.pool.base import poolers, weighted_sum
from moe_lab.pool.linear import LinearPooler

LEAST = 1e-5  # probabilities are clipped there before the log
WIDEST = 4.0  # temperatures from exp(-4) to exp(4)


@poolers.register("calibrated")
class CalibratedPooler(LinearPooler):
    """Linear pool, its probabilities raised to the power of least log-loss out of fold.

    ``p(c) ~ (sum_k g_k p_k(c)) ** (1 / T)``: above 1, T takes back what experts say too surely;
    below, it sharpens what averaging has blurred. Unfitted, T is 1: the linear pool.

    Attributes
    ----------
    temperature_ : float

    References
    ----------
    Guo, Pleiss, Sun & Weinberger (2017), On calibration of modern neural networks; Ranjan &
    Gneiting (2010) for pools that are not sharp enough.
    """

    tasks = ("classification",)
    learns = True

    def fit(self, predictions, gate_weights, y, *, X=None, sample_weight=None, random_state=None):
        """Choose the temperature; shapes as in `moe_lab.pool.powers.Learns`."""
        logs = self._logs(predictions, gate_weights)
        rows = np.arange(len(y))

        def loss(log_temperature):
            log_p = log_softmax(logs / np.exp(log_temperature), axis=1)
            return -np.average(log_p[rows, y], weights=sample_weight)

        found = minimize_scalar(loss, bounds=(-WIDEST, WIDEST), method="bounded")
        self.temperature_ = float(np.exp(found.x))
        return self

    def pool(self, predictions, gate_weights, scales=None, X=None):
        if not hasattr(self, "temperature_"):
            return super().pool(predictions, gate_weights, scales)
        return softmax(self._logs(predictions, gate_weights) / self.temperature_, axis=1)

    def _logs(self, predictions, gate_weights):
        return np.log(np.maximum(weighted_sum(gate_weights, predictions), LEAST))
