"""One network on its way down: minibatches, schedule, early stopping, checkpoints, processes."""

# shapes: (n)samples

import copy
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from joblib import hash as hash_of
from sklearn.exceptions import ConvergenceWarning
from torch import nn
from torch.optim import lr_scheduler

from moe_lab.nn import processes
from moe_lab.nn.balance import LoadBias
from moe_lab.nn.sparse import update_biases
from moe_lab.nn.tables import checkpoint
from moe_lab.nn.threads import one_thread
from moe_lab.progress import progress_bar, tell_round

DECISIVE = ("learning_rate", "weight_decay", "batch_size", "schedule", "precision")
ROWS_AT_ONCE = 65_536  # without gradients
SMALL_STEP = 5e7  # rows times weights: a few milliseconds on one core


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Seed torch's global generators for a block, and leave them as they were."""
    on_card = [torch.device(device)] if device != "cpu" else []
    seed_all = torch.manual_seed if on_card else torch.default_generator.manual_seed
    with torch.random.fork_rng(on_card):
        seed_all(seed)  # on the CPU alone: torch.manual_seed would reseed every card
        yield


class Stopped(KeyboardInterrupt):
    """Training was interrupted; the network has its best weights so far.

    Parameters
    ----------
    sentence : str
        Where it was.
    history : list of dict, one an epoch
    """

    def __init__(self, sentence: str, history: list[dict]):
        super().__init__(sentence)
        self.history = history


@dataclass
class _State:
    """Where a run is."""

    history: list = field(default_factory=list)
    best: dict | None = None  # weights
    best_epoch: int = 0

    @property
    def best_score(self):
        return math.inf if self.best is None else self.history[self.best_epoch]["held_out"]


class Run:
    """One network on its way down."""

    def __init__(
        self,
        settings: Any,
        net: nn.Module,
        data: tuple,
        objective: Callable,
        seed: int,
        of: Sequence,
    ):
        self.settings, self.net, self.data, self.objective = settings, net, data, objective
        self.seed, self.of, self.state, self.device = seed, of, _State(), data[0].device
        self.optimizer = torch.optim.AdamW(
            net.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.schedule = _schedule(settings, self.optimizer)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self._in("float16"))
        self.balances = any(isinstance(module, LoadBias) for module in net.modules())
        self.several = settings.shared and processes.count() > 1
        if self._in("float16") and self.device.type == "cpu":
            raise ValueError("precision must be 'bfloat16' or 'float32' on a CPU, got 'float16'.")
        self.forward = _over_processes(net) if self.several else net

    def _in(self, precision):
        return self.settings.precision == precision

    def go(self, train: torch.Tensor, held_out: torch.Tensor) -> None:
        settings, state = self.settings, self.state
        first = len(state.history)
        quiet = not settings.verbose or (self.several and processes.number() > 0)
        style: dict = {"unit": "epoch", "leave": False, "initial": first, "shown": not quiet}
        bar = progress_bar(settings.max_epochs, settings.title, **style)
        interrupted = ""
        try:
            while len(state.history) < settings.max_epochs and not self._is_stuck():
                with one_thread(self._steps_are_small(len(train))):
                    self._epoch(train, held_out)
                bar.set_postfix(held_out=f"{state.history[-1]['held_out']:.4g}", refresh=False)
                bar.update()
                self.save()
        except KeyboardInterrupt:
            if state.best is None:
                raise
            epoch = min(len(state.history) + 1, settings.max_epochs)
            interrupted = f"Training was interrupted in epoch {epoch} of {settings.max_epochs}."
        finally:
            bar.close()
        self._keep_best()
        if interrupted:
            raise Stopped(interrupted, state.history)

    def _steps_are_small(self, n_rows):
        n_weights = sum(one.numel() for one in self.net.parameters())
        return self._batch_size(n_rows) * n_weights < SMALL_STEP

    def _is_stuck(self):
        history = self.state.history
        if not history:
            return False
        late = len(history) - 1 - self.state.best_epoch >= self.settings.patience
        return late or not math.isfinite(history[-1]["held_out"])

    def _keep_best(self):
        state, way_out = self.state, f"Lower learning_rate={self.settings.learning_rate}."
        if state.best is None:
            raise FloatingPointError(f"The loss must stay finite, got none that was. {way_out}")
        if not math.isfinite(state.history[-1]["held_out"]):
            _warn(
                f"The loss was not finite in epoch {len(state.history)}; the weights of epoch "
                f"{state.best_epoch + 1} are kept. {way_out}"
            )
        self.net.load_state_dict(state.best)
        self.net.eval()

    def _epoch(self, train, held_out):
        epoch = len(self.state.history)
        rate = self.optimizer.param_groups[0]["lr"]
        seed = np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0]
        with seeded(int(seed), str(self.device)):
            row = self._descend(train[torch.randperm(len(train)).to(self.device)])
        if self.several:  # running means of a BatchNorm, say
            processes.share(self.net.buffers())
        row |= {"held_out": self._score(held_out), "learning_rate": rate}
        self.state.history.append(row)
        tell_round(self.settings.title, row, self.settings.verbose)
        if self.settings.schedule == "plateau":
            self.schedule.step(row["held_out"])
        else:
            self.schedule.step()
        if row["held_out"] < self.state.best_score or (
            self.state.best is None and math.isfinite(row["held_out"])
        ):
            self.state.best = copy.deepcopy(self.net.state_dict())
            self.state.best_epoch = epoch

    def _descend(self, order):
        """Step through the rows once; return what the epoch's history holds."""
        self.net.train()
        sums, weights = [], []
        for rows in self._batches(order):
            terms, weight = self._terms(rows)
            total = self._total(weight.sum())
            share = processes.count() if self.several else 1  # gradients are averaged over these
            mean = share * (weight * terms.loss).sum() / total
            self.optimizer.zero_grad()
            self.scaler.scale(mean + terms.extra).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            if self.balances:
                update_biases(self.net)
            watched = {"loss": terms.loss, **terms.watched}
            sums.append(torch.stack([(weight * one.detach()).sum() for one in watched.values()]))
            weights.append(weight.sum())
        sums, weight = torch.stack(sums).sum(0), torch.stack(weights).sum()
        sums, weight = self._total(sums), self._total(weight)
        sums[0] /= weight
        return dict(zip(watched, sums.tolist(), strict=True))

    def _batch_size(self, n_rows):
        return self.settings.batch_size or min(256, max(16, n_rows // 20))

    def _batches(self, order):
        n_batches = math.ceil(len(order) / self._batch_size(len(order)))
        if not self.several:
            return order.tensor_split(n_batches)
        share = processes.count()
        ends = [round(k * len(order) / n_batches / share) * share for k in range(1, n_batches)]
        return [rows[processes.number() :: share] for rows in order.tensor_split(ends)]

    def _terms(self, rows):
        X, *targets, weight = (part.index_select(0, rows) for part in self.data)
        dtype = torch.bfloat16 if self._in("bfloat16") else torch.float16
        with torch.autocast(self.device.type, dtype, enabled=not self._in("float32")):
            answer = self.forward(X)
        return self.objective(answer, *targets), weight

    @torch.no_grad()
    def _score(self, rows):
        """Return the weighted mean score of held-out rows."""
        self.net.eval()
        if self.several:
            rows = rows[processes.number() :: processes.count()]
        score = torch.zeros(2, dtype=torch.float64, device=self.device)
        for part in rows.split(ROWS_AT_ONCE):
            terms, weight = self._terms(part)
            score += torch.stack([(weight * terms.score).sum(), weight.sum()])
        score = self._total(score)
        return (score[0] / score[1]).item()

    def _total(self, part):
        """Sum a part of this process over all that share the minibatch."""
        return processes.total(part) if self.several else part

    def save(self) -> None:
        if self.settings.checkpoint is None or (self.several and processes.number() > 0):
            return
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        checkpoint.write(
            self.settings.checkpoint, {"of": self.fingerprint, **vars(self.state), **parts}
        )

    def load(self) -> None:
        """Go on from the checkpoint where there is one."""
        if self.settings.checkpoint is None:
            return
        of = self.fingerprint  # of the net before it is trained
        saved = checkpoint.read(self.settings.checkpoint, of, self.device)
        if saved is not None:
            for name, part in self._parts().items():
                part.load_state_dict(saved[name])
            self.state = _State(saved["history"], saved["best"], saved["best_epoch"])

    def _parts(self):
        return {
            "net": self.net,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    @cached_property
    def fingerprint(self) -> str:
        """What must be equal for a run to go on from another's checkpoint, hashed."""
        settings = {name: getattr(self.settings, name) for name in DECISIVE}
        if self.settings.schedule == "cosine":
            settings["max_epochs"] = self.settings.max_epochs
        data = [part.cpu().numpy() for part in self.data]
        structure = checkpoint.structure(self.net)
        return hash_of([settings, self.seed, repr(self.objective), structure, data, *self.of])


def _schedule(settings, optimizer):
    if settings.schedule == "plateau":
        patience = settings.patience // 2
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=patience)
    if settings.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, settings.max_epochs)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0)


def _over_processes(net):
    """Average gradients over processes; balancing biases are summed by themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`broadcast_buffers`", FutureWarning)
        return nn.parallel.DistributedDataParallel(
            net, find_unused_parameters=True, broadcast_buffers=False
        )


def _warn(message):
    warnings.warn(message, ConvergenceWarning, stacklevel=6)
