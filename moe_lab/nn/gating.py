"""The top-k gate: a linear softmax gate whose largest weights count, with noise if wanted."""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from moe_lab.nn.balance import LoadBias, Votes, balancing_loss, peers_in_training
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
from moe_lab.nn.processes import ALL, Peers
from moe_lab.nn.products import gate_product
from moe_lab.nn.settings import GateSettings, Settings

MIN_NOISE = 1e-2  # without, far-out rows have no noise, and chances infinite slopes
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
    peers : Peers, optional
        Whose loads the bias balances.
    std : float, optional
        Of the first weights; by default logits are of about 1, far from one-hot.
    """

    def __init__(
        self,
        dim: int,
        n_experts: int,
        *,
        noisy: bool = False,
        bias_rate: float = 0.0,
        n_groups: int = 1,
        peers: Peers = ALL,
        std: float | None = None,
    ):
        super().__init__()
        self.std = dim**-0.5 if std is None else std
        self.weight = nn.Parameter(torch.empty(dim, n_experts))
        self.noise_weight = nn.Parameter(torch.empty(dim, n_experts)) if noisy else None
        self.load_bias = LoadBias(n_experts, bias_rate, n_groups, peers) if bias_rate else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew; the noise starts alike for all rows."""
        nn.init.normal_(self.weight, std=self.std)
        if self.noise_weight is not None:
            nn.init.zeros_(self.noise_weight)
        if self.load_bias is not None:
            self.load_bias.reset_parameters()

    def forward(
        self, x: Tensor, noise: bool = False, read: Callable | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the logits, the same without noise, and the scale of the noise: (n, e) each.

        With `read`, a function of rows and weight, return what that returns.
        """
        if read is not None:
            return read(x, self.weight)
        clean = gate_product(x, self.weight)
        if self.noise_weight is None:
            return clean, clean, None
        scale = F.softplus(gate_product(x, self.noise_weight)) + MIN_NOISE
        return clean + torch.randn_like(clean) * scale if noise else clean, clean, scale

    def observe(self, experts: Tensor) -> None:
        """Tell the bias, where there is one, what was chosen in training."""
        if self.training and self.load_bias is not None:
            self.load_bias.observe(experts, self.weight)

    def extra_repr(self) -> str:
        """Name the sizes."""
        dim, n_experts = self.weight.shape
        return f"dim={dim}, n_experts={n_experts}, noisy={self.noise_weight is not None}"


class TopKGate(nn.Module):
    """Choose each row's experts.

    Parameters
    ----------
    dim : int
        Features.
    n_experts : int
    settings : GateSettings
    peers : Peers, optional
        Whose batches are one batch to the losses while training.

    Examples
    --------
    >>> choice = TopKGate(8, 4, GateSettings(losses={}))(torch.ones(3, 8))
    >>> choice.experts.shape, choice.gate_weights.detach().sum(0).round(decimals=3)
    (torch.Size([2, 3]), tensor([1., 1., 1.]))
    """

    def __init__(self, dim: int, n_experts: int, settings: GateSettings, peers: Peers = ALL):
        super().__init__()
        self.n_experts = n_experts
        self.settings = settings
        self.losses = settings.losses
        self.peers = peers
        self.linear = LinearGate(
            dim, n_experts, noisy=settings.noisy, bias_rate=settings.bias_rate, peers=peers
        )

    def extra_repr(self) -> str:
        """Name the settings."""
        return f"top_k={self.settings.train.top_k}, losses={self.losses}"

    @property
    def weight(self) -> Tensor:
        """The gate's weight: on its device, in its dtype."""
        return self.linear.weight

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
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return False
        plain = self.linear.noise_weight is None and self.linear.load_bias is None
        k = settings.n_choices
        pays = k is not None and (self.losses or self.n_experts > FEW * k or len(x) > _MANY_ROWS)
        return plain and pays and set(self.losses) <= {*_OF_MEANS, "z"}

    def _choose_plainly(self, x, settings):
        mean, norm = bool(_OF_MEANS & set(self.losses)), "z" in self.losses
        one = self.linear(x, read=partial(chosen, k=settings.n_choices, mean=mean, norm=norm))
        loss = balancing_loss(
            self.losses,
            Votes(self.n_experts, one.experts, one.gate_weights),
            peers_in_training(self),
            probabilities=lambda: one.mean_probability.unsqueeze(0),
            logits=lambda: [one.log_normaliser.unsqueeze(1)],
            chance=None,
        )
        return one.experts, one.gate_weights, loss

    def _choose(self, x, settings):
        logits, clean, scale = self.linear(x, self.training)
        if settings.n_choices is None:
            weights = logits.softmax(-1).t()  # (e, n)
            experts = torch.arange(self.n_experts, device=x.device).unsqueeze(1)
            experts = experts.expand(-1, x.shape[0])
        else:
            load_bias = self.linear.load_bias
            bias = None if load_bias is None else load_bias()
            experts = choose(logits, settings.n_choices, bias)
            weights = top_weights(logits, experts)
            experts = experts.t()
            self.linear.observe(experts)
        loss = balancing_loss(
            self.losses,
            Votes(self.n_experts, experts, weights),
            peers_in_training(self),
            probabilities=lambda: probabilities(logits),
            logits=lambda: [clean],
            chance=lambda: chance_of_choice(logits, clean, scale, settings.n_choices),
        )
        return experts, weights, loss


def choose(logits: Tensor, k: int, bias: Tensor | None) -> Tensor:
    """Return the k experts that each row chooses, best first, of shape (n_samples, k)."""
    if bias is None:
        return top_experts(logits, k)
    return top_experts(logits, k, logits.detach().softmax(-1) + bias)


def chance_of_choice(logits: Tensor, clean: Tensor, scale: Tensor, k: int) -> Tensor:
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


def thin(gate_weights: Tensor, settings: Settings) -> tuple[Tensor, Tensor | None]:
    """Decide which second choices are dispatched; see `thin_seconds`."""
    if settings.second_policy in ("random", "threshold"):
        return thin_seconds(gate_weights, settings.second_policy, settings.second_threshold)
    return gate_weights, None
