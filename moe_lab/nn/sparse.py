"""SparseMoE: a layer of many experts of which each row asks the few that its gate chooses."""

# shapes: (n)samples, (e)xperts, (d)features, (k) choices of a row

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from moe_lab.nn import checks, dispatch
from moe_lab.nn.balance import LoadBias
from moe_lab.nn.compat import Top2Gate
from moe_lab.nn.experts import Experts, reset
from moe_lab.nn.gating import TopKGate
from moe_lab.nn.module_experts import build_experts
from moe_lab.nn.processes import Peers
from moe_lab.nn.settings import gate_settings

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


class Routing(NamedTuple):
    """What a sparse layer did with a batch; rows come in the shape of its input.

    The loss has its gradient through `torch.utils.checkpoint` too, but for `use_reentrant=True`,
    which hands on the gradients of plain tensors alone: there use `recompute=True`, or return the
    loss beside the output.
    """

    loss: Tensor  # (): balancing losses times coefficients, nested layers' too; add it to yours
    experts: Tensor  # (..., k): the experts chosen, best first
    gate_weights: Tensor  # (..., k): 0 where a choice was not dispatched
    load: Tensor  # (n_experts,): rows that each expert served
    dropped: Tensor  # (): share of the choices that found no room in their expert


class SparseLayer(nn.Module):
    """A gate and experts: what `SparseMoE` and `HierarchicalMoE` share."""

    dim: int
    gate: nn.Module
    experts: Experts

    def forward(self, x: Tensor) -> tuple[Tensor, Routing]:
        """Return the experts' answers, weighted by the gate, and how the rows were routed.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)

        Returns
        -------
        y : Tensor of shape (..., n_outputs)
        routing : Routing
        """
        checks.check_input(x, self.dim, self.gate.weight, self.experts)
        choice = self.gate(x)
        y, load, losses = self._answer(x.reshape(-1, self.dim), choice)
        by_row = (*x.shape[:-1], choice.experts.shape[0])
        routing = Routing(
            sum(losses, start=choice.loss),
            choice.experts.t().reshape(by_row),
            choice.gate_weights.t().reshape(by_row),
            load,
            choice.dropped,
        )
        return y.reshape(*x.shape[:-1], y.shape[-1]), routing

    def extra_repr(self) -> str:
        """Name the sizes."""
        return f"dim={self.dim}, n_experts={self.experts.n_experts}"

    def reset_parameters(self) -> None:
        """Draw all weights anew, as after `to_empty` of a layer made on the meta device."""
        reset(self.gate, self.experts)

    def _answer(self, rows, choice):
        n_experts = self.experts.n_experts
        if choice.everyone:
            y, losses = self.experts(rows, choice.gate_weights)
            return y, torch.full((n_experts,), rows.shape[0], device=rows.device), losses
        plan = dispatch.plan(choice.experts, choice.kept, n_experts)
        y, losses = self.experts(rows, choice.gate_weights, plan)
        return y, plan.load, losses


class SparseMoE(SparseLayer):
    """Sparsely gated mixture of experts for any network, on CPU or GPU.

    Each row's gate chooses `top_k` experts; their answers are summed, weighted by the gate. By
    default no row is dropped, a row's output does not depend on the rows beside it, gate weights
    sum to 1 (one choice has its probability instead, or the gate could not learn), and nothing is
    random in eval.

    Parameters
    ----------
    dim : int
        Features of a row.
    n_experts : int, default=16
    hidden_dim : int, optional
        Hidden units of each built-in expert; 4 * dim by default.
    top_k : int or None, default=2
        Experts that a row asks; None asks all of them, with softmax weights.
    noisy : bool, default=False
        Learnt Gaussian noise on the logits while training (Shazeer et al. 2017, Eq. 4).
    second_policy : {"all", "none", "threshold", "random"}, optional
        Which second choices are asked in training when top_k is 2: "threshold" those whose gate
        weight is above `second_threshold`, "random" with probability gate weight /
        `second_threshold`; the first then has all the weight. "none" is top_k=1. Default "all".
    second_threshold : float, default=0.2
    eval_second_policy : str, optional
        The same in eval; by default as in training, but "all" for "random".
    eval_second_threshold : float, optional
        The same in eval; by default as in training.
    capacity_factor : float, optional
        Room of each expert in training, in even shares of the batch's choices: first choices come
        first, what finds no room is dropped. Default None: nothing is dropped.
    eval_capacity_factor : float, optional
        The same in eval.
    losses : dict of str to float, optional
        Coefficients of the balancing losses in `Routing.loss`: "switch" (Fedus et al. 2022),
        "gshard" (Lepikhin et al. 2021), "importance", "load" (Shazeer et al. 2017), "z" (Zoph et
        al. 2022).
        Default {"switch": 0.01}; {} has none, and none for top_k=None.
    bias_rate : float, default=0.0
        Step of the bias that balances without a loss (Wang et al. 2024), 0.001 in the paper; call
        `update_biases(network)` after each optimizer step.
    experts : sequence of Module, optional
        Experts of your own, from (rows, dim) to (rows, n_outputs); layers of this package nest.
        They may work in place. In each step all have gradients, zeros where nobody asked them.
        By default `GroupedExperts`, to which the next four go.
    activation : str or callable, default="relu"
    gated, bias : bool, default=False
    dropout : float, default=0.0
    recompute : bool, default=False
        Run the experts again in backward instead of keeping what they computed.
    process_group : ProcessGroup, optional
        The processes of `torch.distributed` whose batches are one batch to the balancing losses and
        the biases; by default all. Where they make different numbers of steps, give each a group
        of its own: `torch.distributed.new_subgroups(1)[0]`.
    compat : {"mixture-of-experts"}, optional
        Compute what that package (PyPI, 0.2.3) computes, defaults, capacity and random eval
        included; its only loss is "gshard". See `load_mixture_of_experts`.

    Notes
    -----
    Shape: x (..., dim) -> y (..., n_outputs). The gate computes in float32 at least.
    Built-in experts compile with fullgraph=True and on CUDA in bfloat16 never wait for the device;
    modules of your own need the sizes of their batches on the host, and exported (`torch.export`,
    batches of any size) answer all rows, of which those that did not choose them have weight 0.
    Second derivatives are not there.

    References
    ----------
    Shazeer et al. (2017), Outrageously large neural networks: the sparsely-gated
    mixture-of-experts layer.

    Examples
    --------
    >>> layer = SparseMoE(8, n_experts=4, hidden_dim=16, top_k=2)
    >>> y, routing = layer(torch.randn(5, 3, 8))
    >>> y.shape, routing.experts.shape
    (torch.Size([5, 3, 8]), torch.Size([5, 3, 2]))
    >>> (y.square().mean() + routing.loss).backward()
    """

    def __init__(
        self,
        dim: int,
        n_experts: int = 16,
        hidden_dim: int | None = None,
        top_k: int | None = 2,
        *,
        noisy: bool = False,
        second_policy: str | None = None,
        second_threshold: float = 0.2,
        eval_second_policy: str | None = None,
        eval_second_threshold: float | None = None,
        capacity_factor: float | None = None,
        eval_capacity_factor: float | None = None,
        losses: Mapping[str, float] | None = None,
        bias_rate: float = 0.0,
        experts: Sequence[nn.Module] | None = None,
        activation: str | Callable = "relu",
        gated: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        recompute: bool = False,
        process_group: ProcessGroup | None = None,
        compat: str | None = None,
    ):
        super().__init__()
        dim, n_experts = checks.check_counts(dim=dim, n_experts=n_experts)
        self.dim = dim
        settings = gate_settings(
            top_k,
            n_experts,
            compat=compat,
            noisy=noisy,
            second_policy=second_policy,
            second_threshold=second_threshold,
            eval_second_policy=eval_second_policy,
            eval_second_threshold=eval_second_threshold,
            capacity_factor=capacity_factor,
            eval_capacity_factor=eval_capacity_factor,
            losses=losses,
            bias_rate=bias_rate,
        )
        if compat:
            self.gate = Top2Gate(dim, n_experts, settings)
        else:
            self.gate = TopKGate(dim, n_experts, settings, Peers(process_group))
        self.experts = build_experts(
            dim,
            n_experts,
            hidden_dim,
            experts,
            activation=activation,
            gated=gated,
            bias=bias,
            dropout=dropout,
            recompute=recompute,
        )


def update_biases(network: nn.Module) -> None:
    """Move the biases that balance loads without a loss; call it after each optimizer step.

    Parameters
    ----------
    network : Module
        All of its sparse layers with a `bias_rate` are updated, from their loads in training since
        the last call, summed over the processes of their group: all of these make the call.

    Examples
    --------
    >>> layer = SparseMoE(8, n_experts=4, bias_rate=0.001)
    >>> _ = layer(torch.randn(5, 8))
    >>> update_biases(layer)
    """
    for module in network.modules():
        if isinstance(module, LoadBias):
            module.update()
