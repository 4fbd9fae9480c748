"""The experts of a sparse layer: what they promise, and two-layer nets in one tensor a layer."""

# shapes: (e)xperts, (d)features, (h)idden, m dispatched rows

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from moe_lab.nn.checks import check_rates
from moe_lab.nn.dispatch import Plan, arrange, combine, gather
from moe_lab.nn.grouped import grouped_product
from moe_lab.nn.nets import Hidden, Weights, nets
from moe_lab.registry.spelling import unknown_name


def identity(x: Tensor) -> Tensor:
    """Return x: a linear expert."""
    return x


ACTIVATIONS = {
    "gelu": F.gelu,
    "identity": identity,
    "relu": F.relu,
    "silu": F.silu,
    "tanh": torch.tanh,
}


class Experts(nn.Module):
    """What answers dispatched rows; a subclass writes `each`, and `answer` if it knows better."""

    n_experts: int
    recompute: bool = False

    def forward(
        self, x: Tensor, gate_weights: Tensor, plan: Plan | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Answer each row by its experts as `answer` does; without a plan by all of them."""
        if plan is not None:
            return self.answer(x, gate_weights, plan)
        # A loop over experts beats one wide product and bmm at the sizes of tables.
        answers, losses = self.each([x] * self.n_experts, gate_weights, shared=True)
        return sum(answers), losses

    def takes(self, dtype: torch.dtype, gate_dtype: torch.dtype) -> bool:
        """Tell whether the experts of a gate take rows of this dtype."""
        raise NotImplementedError

    def each(
        self, inputs: Sequence[Tensor], weights: Sequence[Tensor], shared: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return each expert's answers to its own input times its weights, and nested losses.

        Where inputs are shared, they are the same rows for all, and the caller's.
        """
        raise NotImplementedError

    def answer(self, x: Tensor, gate_weights: Tensor, plan: Plan) -> tuple[Tensor, list[Tensor]]:
        """Answer each row by its experts.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
        gate_weights : Tensor of shape (k, n_samples)
        plan : Plan
            Who goes where, see `moe_lab.nn.dispatch.plan`.

        Returns
        -------
        y : Tensor of shape (n_samples, n_outputs)
            The answers to each row, weighted and summed.
        losses : list of Tensor
            The losses of experts that are sparse layers.
        """
        sizes = plan.load.tolist()  # on the CPU at no cost; elsewhere the one wait for the device
        sizes.append(len(plan.token) - sum(sizes))
        # Not `split`: its parts are views, in which nobody may work in place.
        *inputs, rest = torch.unsafe_split_with_sizes(gather(x, plan), sizes)
        weights = arrange(gate_weights, plan).split(sizes)[:-1]
        answers, losses = self.each(inputs, weights)
        if len(rest):  # not dispatched
            answers.append(answers[0].new_zeros(len(rest), *answers[0].shape[1:]))
        return combine(torch.cat(answers), plan), losses

    def _run(self, expert, *inputs):
        if self.recompute and torch.is_grad_enabled():
            return checkpoint(expert, *inputs, use_reentrant=False)
        return expert(*inputs)


class GroupedExperts(Experts):
    """Two-layer nets, ``w2 act(w1 x)``, of one shape; all of them in one tensor a layer.

    Parameters
    ----------
    dim : int
        Features in and out.
    n_experts : int
    hidden_dim : int
    activation : str or callable, default="relu"
        "gelu", "identity", "relu", "silu", "tanh", or a function of a tensor that acts on each
        number alone.
    gated : bool, default=False
        Multiply the activation with a second linear layer (Shazeer 2020, GLU variants).
    bias : bool, default=False
    dropout : float, default=0.0
        Share of hidden units set to zero while training.
    recompute : bool, default=False
        Compute the hidden layer again in backward instead of keeping it: less memory, more time.

    Examples
    --------
    >>> experts = GroupedExperts(8, n_experts=4, hidden_dim=16)
    >>> from moe_lab.nn.dispatch import plan
    >>> order = plan(torch.tensor([[0, 3, 1]]), None, 4)
    >>> experts.answer(torch.ones(3, 8), torch.ones(1, 3), order)[0].shape
    torch.Size([3, 8])
    """

    def __init__(
        self,
        dim: int,
        n_experts: int,
        hidden_dim: int,
        *,
        activation: str | Callable = "relu",
        gated: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        recompute: bool = False,
    ):
        super().__init__()
        check_rates(most=1.0, dropout=dropout)
        self.n_experts = n_experts
        self.activation = _activation(activation)
        self.dropout = dropout
        self.recompute = recompute
        e, d, h = n_experts, dim, hidden_dim
        self.w1 = nn.Parameter(torch.empty(e, d, h))
        self.w2 = nn.Parameter(torch.empty(e, h, d))
        self.w_gated = nn.Parameter(torch.empty(e, d, h)) if gated else None
        self.b1 = nn.Parameter(torch.empty(e, h)) if bias else None
        self.b2 = nn.Parameter(torch.empty(e, d)) if bias else None
        self._draw()

    def reset_parameters(self) -> None:
        """Draw every weight as `torch.nn.Linear` does: uniform, within 1 / sqrt(inputs)."""
        self._draw()
        if isinstance(self.activation, nn.Module):
            reset(self.activation)

    def _draw(self):
        d, h = self.w1.shape[1:]
        for parameter, n_inputs in zip(self._weights(), (d, h, d, d, h), strict=True):
            if parameter is not None:
                nn.init.uniform_(parameter, -(n_inputs**-0.5), n_inputs**-0.5)

    def answer(
        self, x: Tensor, gate_weights: Tensor, plan: Plan
    ) -> tuple[Tensor, list[Tensor]]:  # the contract's docstring holds
        x, *weights = self._cast(x, *self._weights())
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            linear, inputs = _Grouped(plan.ends), gather(x, plan)
            y = self._net(linear, arrange(gate_weights, plan), inputs, *weights)
            return combine(y, plan), []
        if not self._is_fixed():
            return super().answer(x, gate_weights, plan)
        gate_weights = gate_weights.to(x.dtype)
        hidden, weights = Hidden(self.activation), Weights(*weights)
        return nets(hidden, x, gate_weights, plan, weights, recompute=self.recompute), []

    def takes(self, dtype: torch.dtype, gate_dtype: torch.dtype) -> bool:
        """Tell whether the experts of a gate take rows of this dtype."""
        return dtype == self.w1.dtype

    def each(
        self, inputs: Sequence[Tensor], weights: Sequence[Tensor], shared: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return each expert's answers to its own input times its weights, and no losses."""
        # w[i] would fill a gradient of full size for every expert; unbind does not.
        parts = Weights(*self._weights()).unbind()
        experts = zip(weights, inputs, parts, strict=True)
        return [self._run(self._net, _linear, one, x, *w) for one, x, w in experts], []

    def extra_repr(self) -> str:
        """Name the sizes."""
        e, d, h = self.w1.shape
        name = getattr(self.activation, "__name__", type(self.activation).__name__)
        return f"dim={d}, n_experts={e}, hidden_dim={h}, activation={name}"

    def _is_fixed(self):
        """Tell whether an expert is a fixed function of its weights, which leaves them alone."""
        learns = isinstance(self.activation, nn.Module) and any(self.activation.parameters())
        drops = self.dropout and self.training
        return not learns and not drops and not _works_in_place(self.activation, self.w1)

    def _weights(self):
        return self.w1, self.w2, self.w_gated, self.b1, self.b2

    def _net(self, linear, weights, x, w1, w2, w_gated, b1, b2):
        hidden = self.activation(linear(x, w1, b1))
        if w_gated is not None:
            hidden = hidden * linear(x, w_gated, None)
        if self.dropout and self.training:
            hidden = F.dropout(hidden, self.dropout)
        return weigh(linear(hidden, w2, b2), weights)

    def _cast(self, *tensors):
        kind = tensors[0].device.type
        if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
            return tensors
        dtype = torch.get_autocast_dtype(kind)
        return tuple(one if one is None else one.to(dtype) for one in tensors)


def weigh(answers: Tensor, weights: Tensor) -> Tensor:
    """Return answers (m, n_outputs) times weights (m,), in the dtype of the answers."""
    return answers * weights.to(answers.dtype).unsqueeze(1)


def _linear(x, w, bias):
    return x @ w if bias is None else torch.addmm(bias, x, w)


class _Grouped:
    """A linear layer that takes each group of rows through its own expert's weights."""

    def __init__(self, ends):
        self.ends = ends

    def __call__(self, x, w, bias):
        y = grouped_product(x, w, self.ends)
        if bias is None:
            return y
        # A product with a column of ones: its backward sums each group's rows in order, where
        # that of b[expert] would add by index. Eight columns, since kernels want 16 bytes.
        ones = F.pad(x.new_ones(x.shape[0], 1), (0, 7))  # (m, 8)
        rows = F.pad(bias.unsqueeze(1), (0, 0, 0, 7))  # (e, 8, h)
        return y + grouped_product(ones, rows, self.ends)


def _works_in_place(activation, like):
    """Tell whether an activation changes what it is given, which backward reads again."""
    if activation in ACTIVATIONS.values() or not torch.is_grad_enabled():
        return False
    probe = like.new_ones(1, 1)
    with torch.no_grad():
        activation(probe)
    return probe._version > 0


def _activation(activation):
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(unknown_name("activation", activation, ACTIVATIONS, listed="Known"))
    return ACTIVATIONS[activation]


def reset(*modules: nn.Module) -> None:
    """Draw the weights of modules anew, or else of their children."""
    for module in modules:
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
            continue
        if next(module.parameters(recurse=False), None) is not None:
            raise TypeError(
                "A module with parameters must have reset_parameters() to be drawn anew, got "
                f"{type(module).__name__}. Write that method, or load a state_dict."
            )
        reset(*module.children())
