"""One run of gradient descent: the table, read once, gate and experts on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from joblib import hash as hash_of
from sklearn.base import clone
from sklearn.utils import check_random_state

from moe_lab.experts.fitting import predict_expert
from moe_lab.likelihood.e_step import e_step
from moe_lab.likelihood.outcome import log_prob, noise_floor, standard_deviation
from moe_lab.table.folds import held_out_rows
from moe_lab.train.base import Trained
from moe_lab.train.density import ScaleMixture

if TYPE_CHECKING:
    from moe_lab.gate.mlp import MLPGate
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData

PSEUDO_ROWS = 10  # by which a noise scale of few held-out rows is drawn to that of training
SCALE_ROUNDS = 20


class GradientRun:
    """Trains networks and their gate on one table.

    Parameters
    ----------
    trainer : Gradient
    data : TrainingData
    experts : list of unfitted networks
    gate : unfitted gate that is a network
    pool : Pooler
    """

    def __init__(
        self,
        trainer: Any,
        data: TrainingData,
        *,
        experts: list,
        gate: MLPGate,
        pool: Pooler,
        seeds: list[int],
        verbose: int,
    ):
        from moe_lab.nn import processes

        self.trainer, self.data, self.verbose = trainer, data.read(), verbose
        self.experts = [clone(expert) for expert in experts]
        self.gate, self.pooler = clone(gate), clone(pool)
        self.descent = self._descent()  # what is set wrongly is refused before anything is read
        self.device = processes.own_device(experts[0].device)
        processes.join(self.device)
        processes.check_same(
            hash_of([self.data.X.table, data.y, data.sample_weight, seeds]), self.device
        )
        rng = check_random_state(seeds[0])
        self.seed, gate_seed = rng.randint(2**31 - 1, size=2).tolist()
        self.rows = held_out_rows(len(data), rng, data.groups)
        self.history: list = []
        self.start: list = []
        self._join([gate_seed, *seeds])
        self._load_tensors()

    def _join(self, seeds):
        """Let each part read the table and make its network; what several read alike is kept
        once."""
        from moe_lab.nn.tables.descent_run import seeded
        from moe_lab.train.gradient.joint import Joint

        matrices, columns, nets = [], [], []
        n_outputs = [len(self.experts), *[self.data.n_outputs] * len(self.experts)]
        for part, seed, width in zip([self.gate, *self.experts], seeds, n_outputs, strict=True):
            Z = part.learn_features(self.data.for_(part), self.data.sample_weight)
            known = [k for k, other in enumerate(matrices) if Z is other]
            columns.append(known[0] if known else len(matrices))
            if not known:
                matrices.append(Z)
            with seeded(seed, self.device):
                nets.append(part.module(Z, width))
        _check_own(nets)
        ends = np.cumsum([0, *(Z.shape[1] for Z in matrices)]).tolist()
        read = [(ends[k], matrices[k].shape[1]) for k in columns]
        self.Z = np.hstack(matrices)
        joint = Joint(nets[0], nets[1:], read, self.data.task, self.trainer.min_scale)
        self.joint = joint.to(self.device)

    def _load_tensors(self):
        import torch

        y, weight = self.data.y, self.data.sample_weight
        targets = [expert.learn_target(y, weight)[0] for expert in self.experts]
        parts = (self.Z, targets[0], (weight / weight.mean()).astype(np.float32))
        self.tensors = [torch.as_tensor(part, device=self.device) for part in parts]

    def start_from(self, responsibilities: np.ndarray) -> None:
        """Train gate and experts for a few epochs on the parts of a divider, an M-step."""
        import torch

        from moe_lab.train.gradient.joint import Divided

        given = torch.as_tensor(responsibilities.astype(np.float32), device=self.device)
        X, y, weight = self.tensors
        epochs = self.trainer.divide_epochs
        settings = {"max_epochs": epochs, "patience": epochs, "schedule": "constant"}
        descent = self._descent(checkpoint=None, **settings)
        self._run(descent, [X, y, given, weight], Divided(self.data.task))
        self.start = [epochs, responsibilities.round(6)]

    def descend(self) -> None:
        """Train gate and experts jointly."""
        from moe_lab.train.gradient.joint import Objective

        of_loss = self.trainer.objective, self.trainer.individual, self.trainer.balance
        objective = Objective(self.data.task, *of_loss)
        self.history = self._run(self.descent, self.tensors, objective)

    def _descent(self, **changed):
        from moe_lab.nn.tables.descent import Descent

        names = (
            "learning_rate", "weight_decay", "max_epochs", "patience", "batch_size", "schedule",
            "precision", "checkpoint",
        )  # fmt: skip
        settings = {name: getattr(self.trainer, name) for name in names} | changed
        return Descent(**settings, shared=True, title="gradient", verbose=self.verbose)

    def _run(self, descent, tensors, objective):
        train, held_out = self.rows
        rows = {"train": train, "held_out": held_out}
        return descent.run(self.joint, tensors, objective, **rows, seed=self.seed, of=self.start)

    def trained(self) -> Trained:
        """Return gate and experts, fitted, and what held-out rows say of the noise."""
        self.gate.net_ = self.joint.gate
        for expert, net in zip(self.experts, self.joint.experts, strict=True):
            expert.net_ = net
        trained = Trained(self.experts, self.gate, self.pooler, self._table())
        if self.data.task == "regression":
            self._measure_noise(trained)
        return trained

    @property
    def _unit(self):
        if self.data.task == "classification":
            return 1.0
        return standard_deviation(self.data.y, self.data.sample_weight) or 1.0

    def _table(self):
        """Return the history in nats of the training rows as weighted by the caller, per unit of
        his y."""
        table = pd.DataFrame(self.history)
        weight = self.data.sample_weight[self.rows[0]]
        table["log_likelihood"] *= self.data.sample_weight.mean()
        table["log_likelihood"] -= weight.sum() * np.log(self._unit)
        return table[["log_likelihood", *table.columns.drop("log_likelihood")]]

    def _measure_noise(self, trained):
        held_out = self.data.take(np.sort(self.rows[1]))
        X, y, weight = held_out.X, held_out.y, held_out.sample_weight
        predictions = np.stack([predict_expert(expert, X) for expert in self.experts], axis=1)
        log_gate = self.gate.log_proba(held_out.for_(self.gate))
        scales = self.joint.scales().detach().cpu().numpy().astype(float) * self._unit
        least = noise_floor(self.data.y, self.data.sample_weight, self.trainer.min_scale)
        trained.scales = held_out_scales(scales, log_gate, predictions, y, weight, least)
        if self.trainer.objective == "pooled":
            mean = (np.exp(log_gate) * predictions[:, :, 0]).sum(axis=1)
            trained.density_gate = ScaleMixture().fit(X, predictions, mean, y, weight)


def _check_own(nets):
    parameters = [id(one) for net in nets for one in net.parameters()]
    if len(set(parameters)) < len(parameters):
        raise ValueError(
            "Each expert must have parameters of its own, got networks that share some. Let make() "
            "return a new Module each time."
        )


def held_out_scales(
    scales: np.ndarray,
    log_gate: np.ndarray,
    predictions: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
    least: float,
) -> np.ndarray:
    """Return the noise scales of the experts on held-out rows, by EM with all else fixed.

    Those of training are too small where an expert has learnt its rows by heart; they count as ten
    rows, for an expert that is trusted with few.

    Parameters
    ----------
    scales : ndarray of shape (n_experts,)
        Those of training.
    log_gate : ndarray of shape (n_samples, n_experts)
    predictions : ndarray of shape (n_samples, n_experts, 1)
    least : float

    Returns
    -------
    scales : ndarray of shape (n_experts,)
    """
    squares = (y[:, None] - predictions[:, :, 0]) ** 2
    known, weight = scales, weight / weight.mean()
    for _ in range(SCALE_ROUNDS):
        resp = e_step(log_gate, log_prob(predictions, y, scales))[0] * weight[:, None]
        total = (resp * squares).sum(axis=0) + PSEUDO_ROWS * known**2
        scales = np.maximum(np.sqrt(total / (resp.sum(axis=0) + PSEUDO_ROWS)), least)
    return scales
