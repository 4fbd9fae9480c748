"""Gate and experts as one network, and what it is trained for. It imports torch."""

# shapes: (n)samples, (d)features, (e)xperts, (m)embers of an expert, (c)lasses

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from moe_lab.likelihood.outcome import LOG_ROOT_2PI
from moe_lab.nn import losses
from moe_lab.nn.processes import ALL
from moe_lab.nn.tables.descent import Terms


class Answer(NamedTuple):
    """What gate and experts say of a batch."""

    log_gate: Tensor  # (n, e)
    said: Tensor  # (n, e): means; or (n, e, c): log-probabilities of the classes
    scales: Tensor  # (e,): noise scales of the experts
    extra: Tensor | float  # (): balancing losses within the experts

    def for_scales(self) -> "Answer":
        """Return the same with gate and means fixed, so that scales alone learn from it."""
        return self._replace(log_gate=self.log_gate.detach(), said=self.said.detach())


class Joint(nn.Module):
    """Gate and experts side by side.

    Parameters
    ----------
    gate : Module
        (n, d) to logits (n, e).
    experts : list of Module
        (n, d) to outputs (n, o) or (n, m, o), or to a pair of these and a loss.
    columns : list of (start, width)
        What the gate and each expert read of the input.
    task : {"regression", "classification"}
    min_scale : float
        Least noise scale.

    Notes
    -----
    Shape: (n, d) -> Answer.
    """

    def __init__(
        self, gate: nn.Module, experts: list, columns: list[tuple], task: str, min_scale: float
    ):
        super().__init__()
        self.gate, self.experts, self.columns = gate, nn.ModuleList(experts), columns
        self.task, self.min_scale = task, min_scale
        self.log_scales = nn.Parameter(
            torch.zeros(len(experts), dtype=torch.float32), requires_grad=task == "regression"
        )

    def forward(self, X: Tensor) -> Answer:
        parts = [X.narrow(1, start, width) for start, width in self.columns]
        logits = self.gate(parts[0]).float()
        log_gate = logits - logits.logsumexp(1, keepdim=True)
        said, extra = [], 0.0
        for expert, part in zip(self.experts, parts[1:], strict=True):
            outputs = expert(part)
            if isinstance(outputs, tuple):
                outputs, loss = outputs
                extra = extra + loss
            said.append(pool_members(outputs.float(), self.task))
        return Answer(log_gate, torch.stack(said, 1), self.scales(), extra)

    def scales(self) -> Tensor:
        """Return the experts' noise scales, (e,), in the unit of the standardised target."""
        return self.min_scale + self.log_scales.exp()


def pool_members(outputs: Tensor, task: str) -> Tensor:
    """Return an expert's means, (n,), or log-probabilities, (n, c); of its members the mean."""
    if task == "regression":
        return outputs.flatten(1).mean(1)
    log_p = outputs - outputs.logsumexp(-1, keepdim=True)
    return log_p if log_p.ndim == 2 else log_p.logsumexp(1) - math.log(log_p.shape[1])


@dataclass(frozen=True)
class Objective:
    """What gate and experts are trained for.

    Parameters
    ----------
    task : {"regression", "classification"}
    objective : {"likelihood", "pooled"}
        ``-log sum_k g_k(x) p_k(y | x)``, or the loss of the pooled prediction: its squared error,
        and for classes the same as the likelihood.
    individual : float
        Coefficient of the mean loss of the experts, each by itself.
    balance : float
        Coefficient of the importance loss (Shazeer et al. 2017, Eq. 6 and 7) of the gate weights.
    """

    task: str
    objective: str = "likelihood"
    individual: float = 0.0
    balance: float = 0.0

    def __call__(self, answer: Answer, y: Tensor) -> Terms:
        # The likelihood trains all; beside the pooled loss the noise scales alone.
        heard = answer.for_scales() if self._pools else answer
        log_lik = log_likelihoods(heard, y, self.task)  # (n, e)
        row = (heard.log_gate + log_lik).logsumexp(1)
        score = self._pooled(answer, y) if self._pools else -row
        loss = score - row if self._pools else score
        if self.individual:
            loss = loss + self.individual * self._alone(answer, y, log_lik)
        extra = answer.extra
        if self.balance:
            weights = answer.log_gate.exp()
            # Scores of held-out rows are summed elsewhere: nobody waits for others here.
            weights = ALL.rows(weights) if torch.is_grad_enabled() else weights
            extra = extra + self.balance * losses.importance(weights)
        with torch.no_grad():
            shares = (answer.log_gate + log_lik - row.unsqueeze(1)).exp()
        sizes = {f"effective_size_{k}": shares.select(1, k) for k in range(shares.shape[1])}
        return Terms(loss, score, extra, {"log_likelihood": row, **sizes})

    @property
    def _pools(self):
        return self.objective == "pooled" and self.task == "regression"

    def _pooled(self, answer, y):
        return ((answer.log_gate.exp() * answer.said).sum(1) - y).square()

    def _alone(self, answer, y, log_lik):
        if self.task == "regression":
            return (answer.said - y.unsqueeze(1)).square().mean(1)
        return -log_lik.mean(1)


def log_likelihoods(answer: Answer, y: Tensor, task: str) -> Tensor:
    """Return the log-likelihood of y under each expert, in nats, (n, e)."""
    if task == "classification":
        chosen = y.reshape(-1, 1, 1).expand(-1, answer.said.shape[1], 1)
        return answer.said.gather(2, chosen).squeeze(2)
    z = (y.unsqueeze(1) - answer.said) / answer.scales
    return -0.5 * z.square() - answer.scales.log() - LOG_ROOT_2PI


@dataclass(frozen=True)
class Divided:
    """What they are trained for at first: gate and experts to given responsibilities, an M-step.

    Parameters
    ----------
    task : {"regression", "classification"}
    """

    task: str

    def __call__(self, answer: Answer, y: Tensor, responsibilities: Tensor) -> Terms:
        log_joint = answer.log_gate + log_likelihoods(answer, y, self.task)
        loss = -(responsibilities * log_joint).sum(1)
        return Terms(loss, loss, answer.extra)
