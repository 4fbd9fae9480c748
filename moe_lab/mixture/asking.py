"""Asking a fitted mixture: gate weights, predictions, responsibilities, likelihood."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from moe_lab.experts.base import is_stacker
from moe_lab.experts.fitting import log_prob_of, predict_expert
from moe_lab.experts.powers import HasDensity
from moe_lab.gate.base import ask_gate
from moe_lab.gate.powers import ReadsPredictions
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import log_prob
from moe_lab.mixture.names import expert_names
from moe_lab.mixture.silence import stood_in, warn_of_silence, without
from moe_lab.pool.base import pooled
from moe_lab.pool.powers import Learns
from moe_lab.registry.powers import has_power
from moe_lab.table import given_to, rows_of
from moe_lab.table.forms import Table
from moe_lab.table.inputs import read_table


class TrustAndLikelihood(TransformerMixin):
    """What a fitted mixture says of rows.

    A subclass has the fitted ``experts_``, ``gate_``, ``pooler_``, ``scales_`` and ``n_experts_``,
    ``_n_classes`` and ``_encode_seen``. An expert is asked only for the rows that need it.
    """

    def gate_weights(self, X: Table) -> np.ndarray:
        """Return the weights behind ``predict``: the prior trust in every expert.

        Returns
        -------
        gate_weights : ndarray of shape (n_samples, n_experts)
            Each row sums to 1.
        """
        return self._asked(self._read(X))[0]

    def expert_predictions(self, X: Table) -> np.ndarray:
        """Return what every expert says, shape (n_samples, n_experts, n_outputs): means or
        probabilities."""
        return self._expert_predictions(self._read(X))

    def transform(self, X: Table) -> np.ndarray:
        """Return what every expert says as columns, shape (n_samples, n_experts * n_outputs)."""
        said = self.expert_predictions(X)
        return said.reshape(len(said), -1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the columns of ``transform``: mixture, expert, and class if any."""
        check_is_fitted(self)
        kind, names = type(self).__name__.lower(), expert_names(self)
        labels = [""] if self._n_classes is None else [f"_{label}" for label in self.classes_]
        return np.array([f"{kind}_{name}{label}" for name in names for label in labels], object)

    def responsibilities(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Return the posterior trust in every expert, once y is seen, shape (n_samples,
        n_experts)."""
        X, y = self._seen(X, y)
        return e_step(*self._log_terms(X, y), overwrite=True)[0]

    def score_samples(self, X: Table, y: np.ndarray | None = None) -> np.ndarray:
        """Return the log-likelihood of every row, log p(y | x) in nats, shape (n_samples,).

        Without y it is that of ``predict(X)``: how sure the mixture is of its own prediction. Of a
        mixture trained by EM it is that of all experts, whatever the pool; of a classifier whose
        pool learns, the log of ``predict_proba``.
        """
        X = self._read(X)
        return self._row_log_likelihood(*self._seen(X, self.predict(X) if y is None else y))

    def log_prob(self, X: Table, y: np.ndarray) -> np.ndarray:
        """Return ``score_samples(X, y)``: what a mixture offers as an expert of another."""
        return self.score_samples(X, y)

    def _row_log_likelihood(self, X, y):
        if has_power(self.pooler_, Learns):  # classification: regression has its density
            return np.log(self._pooled(X)[np.arange(len(y)), y])
        log_gate, log_lik = self._log_terms(X, y)
        return logsumexp(log_gate + log_lik, axis=1)

    def log_likelihood(
        self, X: Table, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> float:
        """Return the log-likelihood in nats, summed over samples, each with its weight."""
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        return float(weight @ self.score_samples(X, y))

    def _read(self, X):
        check_is_fitted(self)
        return read_table(self, X)

    def _seen(self, X, y):
        X = self._read(X)
        check_consistent_length(X, y)
        return X, self._encode_seen(y)

    def _log_terms(self, X, y):
        """Return the log gate weights and the log-likelihood of y under every expert, each
        (n_samples, n_experts)."""
        if not has_power(self.gate_, ReadsPredictions):
            return self.gate_.log_proba(given_to(self.gate_, X)), self._log_lik(X, y)
        gate_weights, predictions = self._asked(X)
        with np.errstate(divide="ignore"):
            return np.log(gate_weights), self._log_lik(X, y, predictions)

    def _asked(self, X, pooler=None):
        """Return gate weights and the predictions at hand: all that the gate reads, or those that a
        pooler needs."""
        if has_power(self.gate_, ReadsPredictions):
            predictions = self._expert_predictions(X)
            heard, silent = self._heard(X, predictions)
            return without(ask_gate(self.gate_, X, heard), silent), heard
        weights = ask_gate(self.gate_, X)
        if pooler is None:
            return weights, None
        needed = pooler.needs(weights)
        heard, silent = self._heard(X, self._expert_predictions(X, needed), needed)
        return without(weights, silent), heard

    def _told(self, X):
        """Return gate weights and what every expert says."""
        weights, predictions = self._asked(X)
        if predictions is not None:
            return weights, predictions
        heard, silent = self._heard(X, self._expert_predictions(X))
        return without(weights, silent), heard

    def _heard(self, X, predictions, needed=True):
        """Return the predictions, those of experts who answer NaN by the mean of the others, and
        who is silent, (n_samples, n_experts), or None where nobody is."""
        silent = needed & np.isnan(predictions).any(axis=2)
        rows = np.flatnonzero(silent.any(axis=1))
        if not len(rows):
            return predictions, None
        predictions = predictions.copy()
        predictions[rows] = self._expert_predictions(rows_of(X, rows))  # all stand in
        silent[rows] = np.isnan(predictions[rows]).any(axis=2)
        warn_of_silence(silent, expert_names(self))
        predictions[rows] = stood_in(predictions[rows], silent[rows])
        return predictions, silent

    def _expert_predictions(self, X, needed=None):
        """Ask each expert for the rows it is needed for; the others stay NaN."""
        predictions = np.full((len(X), self.n_experts_, self._n_classes or 1), np.nan)
        stackers = np.array([is_stacker(expert) for expert in self.experts_])
        if needed is not None and stackers.any():  # what a stacker is needed for, all others are
            needed = needed | needed[:, stackers].any(axis=1, keepdims=True) & ~stackers
        for k in np.argsort(stackers, kind="stable"):  # stackers last
            told = {"predictions": predictions[:, ~stackers]} if stackers[k] else {}
            self._ask(k, X, None if needed is None else needed[:, k], predictions, told)
        return predictions

    def _ask(self, k, X, needed, predictions, told):
        if needed is None or needed.all():
            predictions[:, k] = predict_expert(
                self.experts_[k], X, n_classes=self._n_classes, **told
            )
            return
        rows = np.flatnonzero(needed)
        if len(rows):
            told = {name: values[rows] for name, values in told.items()}
            predictions[rows, k] = predict_expert(
                self.experts_[k], rows_of(X, rows), n_classes=self._n_classes, **told
            )

    def _pooled(self, X):
        """Return the pooled predictions, (n_samples, n_outputs)."""
        gate_weights, predictions = self._asked(X, self.pooler_)
        return pooled(self.pooler_, predictions, gate_weights, self.scales_, X)

    def _log_lik(self, X, y, predictions=None):
        """Return the log-likelihood of y under every expert, (n_samples, n_experts)."""
        scales = np.full(self.n_experts_, np.nan) if self.scales_ is None else self.scales_
        own = [k for k in np.flatnonzero(np.isnan(scales)) if self._has_density(self.experts_[k])]
        if len(own) == self.n_experts_:
            return np.column_stack([log_prob_of(expert, X, y) for expert in self.experts_])
        if predictions is None:
            predictions = self._expert_predictions(X)
        log_lik = log_prob(predictions, y, self.scales_)
        for k in own:
            log_lik[:, k] = log_prob_of(self.experts_[k], X, y)
        return log_lik

    def _has_density(self, expert):
        """Whether an expert scores every target itself; of a class it never saw it could not."""
        n_classes = len(expert.classes_) if self._n_classes else None
        return has_power(expert, HasDensity) and n_classes == self._n_classes
