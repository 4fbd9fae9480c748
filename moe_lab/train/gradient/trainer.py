"""Gradient descent: torch experts and their gate trained jointly, in minibatches."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.experts import powers as of_experts
from moe_lab.gate import powers as of_gates
from moe_lab.gate.base import Gate, gates
from moe_lab.registry import experts as registry
from moe_lab.registry.powers import has_power, names_with
from moe_lab.train.base import Interrupted, Trained, Trainer, trainers
from moe_lab.train.gradient.run import GradientRun

if TYPE_CHECKING:
    from moe_lab.pool.base import Pooler
    from moe_lab.table.data import TrainingData

OBJECTIVES = ("likelihood", "pooled")


@trainers.register("gradient")
class Gradient(Trainer):
    """Train torch experts and a torch gate jointly on the mixture's loss (Jacobs et al. 1991).

    Rows are drawn in minibatches; held-out rows stop training, and the best weights are kept.
    Experts must be networks (``"mlp"``, ``"sparse_moe"``, ``"tabm"``, a Module of your own), the
    gate ``"mlp"``: their own training parameters are not read, those below are. Under ``torchrun``
    the processes share each minibatch: every one is given the whole table and ends with the same
    mixture.

    Parameters
    ----------
    objective : {"likelihood", "pooled"}, default="likelihood"
        ``-log sum_k g_k(x) p_k(y | x)``, or the squared error of ``sum_k g_k(x) m_k(x)``; of
        classes both are the same.
    individual : float, default=0.0
        Coefficient of the experts' own mean loss, each on all rows: makes them alike.
    balance : float, default=0.0
        Coefficient of the importance loss, which spreads trust over the experts (Shazeer et al.
        2017).
    learning_rate : float, default=2e-3
    weight_decay : float, default=1e-2
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out score before training stops.
    batch_size : int, optional
        Default: a twentieth of the rows, from 16 to 256.
    schedule : {"plateau", "cosine", "constant"}, default="plateau"
        The learning rate falls whenever the held-out score stalls, along half a cosine over
        ``max_epochs``, or never.
    precision : {"float32", "bfloat16", "float16"}, default="float32"
        In which gate and experts compute; weights and losses stay in float32.
    checkpoint : path, optional
        A file written after every epoch, from which the same fit goes on if it was stopped; set
        random_state, and a file of its own for each fit.
    divide_epochs : int, default=5
        Where a divider is given: epochs on its parts before the joint training.
    min_scale : float, default=1e-2
        Least noise scale of an expert, in standard deviations of y.

    Notes
    -----
    The likelihood divides: better on regimes, worse than an ensemble of the same networks on tables
    without any, where "pooled" is closer. Experts should be too simple for all regimes at once: the
    default ones read numbers as they are, ``("mlp", {"n_bins": 24})`` does not.

    ``history_`` has one row an epoch. Over the training rows, while the weights moved:
    ``log_likelihood`` in nats, in the unit of y, and each expert's effective size. Per row, of y in
    standard deviations: ``loss`` with all its terms, and ``held_out``, that of the objective alone.

    References
    ----------
    Jacobs, Jordan, Nowlan & Hinton (1991), Adaptive mixtures of local experts.
    """

    takes_reading = True
    counts_rows = False

    default_experts = ("mlp", {"hidden": (64,), "n_bins": 0})
    default_n_experts = 4
    default_gate = "mlp"

    def __init__(
        self,
        objective: str = "likelihood",
        individual: float = 0.0,
        balance: float = 0.0,
        learning_rate: float = 2e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        patience: int = 10,
        batch_size: int | None = None,
        schedule: str = "plateau",
        precision: str = "float32",
        checkpoint: str | Path | None = None,
        divide_epochs: int = 5,
        min_scale: float = 1e-2,
    ):
        self.objective = objective
        self.individual = individual
        self.balance = balance
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.batch_size = batch_size
        self.schedule = schedule
        self.precision = precision
        self.checkpoint = checkpoint
        self.divide_epochs = divide_epochs
        self.min_scale = min_scale

    def train(
        self,
        data: TrainingData,
        *,
        experts: list,
        gate: Gate,
        pool: Pooler,
        divide: Callable | None,
        seeds: list[int],
        n_jobs: int | None,
        verbose: int,
    ) -> Trained:
        from moe_lab.nn.tables.descent_run import Stopped

        self._check(experts, gate)
        parts: dict = {"experts": experts, "gate": gate, "pool": pool}
        run = GradientRun(self, data, **parts, seeds=seeds, verbose=verbose)
        if divide is not None and self.divide_epochs:
            run.start_from(divide(seeds[0]))
        try:
            run.descend()
        except Stopped as stopped:
            run.history = stopped.history
            raise Interrupted(run.trained(), str(stopped)) from None
        return run.trained()

    def _check(self, experts, gate):
        if self.objective not in OBJECTIVES:
            raise ValueError(
                f"objective must be one of {', '.join(OBJECTIVES)}, got {self.objective!r}."
            )
        if not isinstance(self.divide_epochs, Integral):
            raise ValueError(
                f"divide_epochs must be a whole number, got divide_epochs={self.divide_epochs!r}."
            )
        for name in ("individual", "balance", "divide_epochs", "min_scale"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, got {name}={getattr(self, name)}.")
        for expert in experts:
            if not has_power(expert, of_experts.IsNetwork):
                networks = names_with(of_experts.MakesNetworks, registry)
                raise ValueError(
                    f"train='gradient' needs experts that are networks, got {expert!r}. Those "
                    f"that are: {', '.join(networks)}, and any torch Module class of yours. "
                    "For other models use train='em' or 'out_of_fold'."
                )
        if not has_power(gate, of_gates.IsNetwork):
            able = names_with(of_gates.IsNetwork, gates)
            raise ValueError(
                f"train='gradient' needs a gate that is a network, got {gate!r}. Those that are: "
                f"{', '.join(able)}; leave gate out."
            )
