"""The top-k gate: a linear softmax gate whose largest weights count, with noise if wanted."""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moe_lab.nn.balance import LoadBias, Votes, balancing_loss
from moe_lab.nn.choice import (
    Choice,
    drop_overflow,
    probabilities,
    thin_seconds,
    top_experts,
    top_weights,
)
from moe_lab.nn.chosen import FEW, chosen
from moe_lab.nn.indexing import take
from moe_lab.nn.products import gate_product
from moe_lab.nn.settings import GateSettings, Settings

_MANY_ROWS = 5000  # below, fewer passes do not pay for a step of autograd in Python
_OF_MEANS = {"gshard", "switch"}  # losses that read the mean probabilities alone


class LinearGate(nn.Module):
    """Logits of one level of gating, with the noise of Shazeer et al. (2017), Eq. 4.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : int
    noisy : bool
        Whether there is a learnt noise; it starts at a scale of log 2.
    bias_rate : float
        Step of the bias that balances loads without a loss; 0.0 has none.
    n_groups : int
        Gates side by side in these logits, each balanced by itself.
    """

    def __init__(
        self,
        dim: int,
        n_experts: int,
        *,
        noisy: bool = False,
        bias_rate: float = 0.0,
        n_groups: int = 1,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim, n_experts))
        self.noise_weight = nn.Parameter(torch.zeros(dim, n_experts)) if noisy else None
        self.load_bias = LoadBias(n_experts, bias_rate, n_groups) if bias_rate else None
        nn.init.normal_(self.weight, std=dim**-0.5)  # logits of about 1: far from one-hot

    def forward(self, x: Tensor, noise: bool) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the logits, the same without noise, and the scale of the noise: (n, e) each."""
        clean = gate_product(x, self.weight)
        if self.noise_weight is None:
            return clean, clean, None
        scale = F.softplus(gate_product(x, self.noise_weight))
        return clean + torch.randn_like(clean) * scale if noise else clean, clean, scale


class TopKGate(nn.Module):
    """Choose each row's experts.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : int
    settings : GateSettings

    Examples
    --------
    >>> choice = TopKGate(8, 4, GateSettings(losses={}))(torch.ones(3, 8))
    >>> choice.experts.shape, choice.gate_weights.sum(0)
    (torch.Size([2, 3]), tensor([1., 1., 1.], grad_fn=<SumBackward1>))
    """

    def __init__(self, dim: int, n_experts: int, settings: GateSettings):
        super().__init__()
        self.n_experts = n_experts
        self.settings = settings
        self.losses = settings.losses
        self.linear = LinearGate(dim, n_experts, noisy=settings.noisy, bias_rate=settings.bias_rate)

    def forward(self, x: Tensor) -> Choice:
        """Choose the experts of every row.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
        """
        x = x.reshape(-1, x.shape[-1])
        settings = self.settings.now(self.training)
        choose = self._choose_plainly if self._is_plain(x, settings) else self._choose
        experts, weights, loss = choose(x, settings)
        if settings.n_choices is None:
            return Choice(experts, weights, None, loss, loss.new_zeros(()), everyone=True)
        weights, kept = thin(weights, settings)
        weights, kept, dropped = drop_overflow(
            experts, weights, kept, self.n_experts, settings.capacity_factor
        )
        return Choice(experts, weights, kept, loss, dropped)

    def _is_plain(self, x, settings):
        # Off the CPU and in compiled graphs there is no cache to care for.
        here = x.device.type == "cpu" and not torch.compiler.is_compiling()
        plain = self.linear.noise_weight is None and self.linear.load_bias is None
        k = settings.n_choices
        pays = k is not None and (self.losses or self.n_experts > FEW * k or len(x) > _MANY_ROWS)
        return here and plain and pays and set(self.losses) <= {*_OF_MEANS, "z"}

    def _choose_plainly(self, x, settings):
        mean, norm = bool(_OF_MEANS & set(self.losses)), "z" in self.losses
        one = chosen(x, self.linear.weight, settings.n_choices, mean=mean, norm=norm)
        loss = balancing_loss(
            self.losses,
            Votes(self.n_experts, one.experts, one.gate_weights),
            mean_probability=lambda: one.mean_probability,
            norms=lambda: [one.log_normaliser],
            chance=None,
        )
        return one.experts, one.gate_weights, loss

    def _choose(self, x, settings):
        logits, clean, scale = self.linear(x, self.training)
        if settings.n_choices is None:
            weights = logits.softmax(-1).t()  # (e, n)
            experts = torch.arange(self.n_experts, device=x.device).unsqueeze(1)
            experts = experts.expand(-1, len(x))
        else:
            load_bias = self.linear.load_bias
            bias = None if load_bias is None else load_bias()
            experts = choose(logits, settings.n_choices, bias)
            weights = top_weights(logits, experts)
            experts = experts.t()
            if self.training and load_bias is not None:
                load_bias.observe(experts)
        loss = balancing_loss(
            self.losses,
            Votes(self.n_experts, experts, weights),
            mean_probability=lambda: probabilities(logits).mean(0),
            norms=lambda: [clean.logsumexp(-1)],
            chance=lambda: chance_of_choice(logits, clean, scale, settings.n_choices),
        )
        return experts, weights, loss


def choose(logits: Tensor, k: int, bias: Tensor | None) -> Tensor:
    """Return the k experts that each row chooses, best first, of shape (n_samples, k)."""
    if bias is None:
        return top_experts(logits, k)
    return top_experts(logits, k, logits.detach().softmax(-1) + bias)


def chance_of_choice(logits, clean, scale, k):
    """Return the probability that a row would choose an expert if its noise were drawn again.

    Parameters
    ----------
    logits, clean, scale : Tensors of shape (..., n_experts)

    References
    ----------
    Shazeer et al. (2017), Eq. 8 and 9.
    """
    best = take(logits, logits.detach().topk(k + 1, dim=-1).indices, logits.ndim - 1)
    within, outside = best.narrow(-1, k, 1), best.narrow(-1, k - 1, 1)  # bars of those in and out
    bar = torch.where(logits > within, within, outside)
    return torch.special.ndtr((clean - bar) / scale)


def thin(gate_weights, settings: Settings):
    """Decide which second choices are dispatched; see `thin_seconds`."""
    if settings.second_policy in ("random", "threshold"):
        return thin_seconds(gate_weights, settings.second_policy, settings.second_threshold)
    return gate_weights, None
