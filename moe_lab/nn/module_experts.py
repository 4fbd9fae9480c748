"""Experts that are modules of any kind: how they are called, and what they must be spared."""

# shapes: (n)samples, (e)xperts, (k) choices of a row

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from moe_lab.nn import processes
from moe_lab.nn.checks import check_counts
from moe_lab.nn.experts import Experts, GroupedExperts, reset, weigh
from moe_lab.nn.indexing import put

if TYPE_CHECKING:
    from moe_lab.nn.dispatch import Plan


class ModuleExperts(Experts):
    """Experts that are modules of any kind, from (rows, n_features) to (rows, n_outputs).

    Parameters
    ----------
    modules : sequence of Module
        A module may return its record beside its output, as the layers of this package do: so
        layers nest.
    recompute : bool, default=False
        Run each module again in backward instead of keeping its intermediate results.

    Examples
    --------
    >>> experts = ModuleExperts([nn.Linear(8, 2), nn.Linear(8, 2)])
    >>> from moe_lab.nn.dispatch import plan
    >>> order = plan(torch.tensor([[0, 1, 1]]), None, 2)
    >>> experts.answer(torch.ones(3, 8), torch.ones(1, 3), order)[0].shape
    torch.Size([3, 2])
    """

    def __init__(self, modules: Sequence[nn.Module], *, recompute: bool = False):
        super().__init__()
        self.members = nn.ModuleList(modules)
        self.n_experts = len(self.members)
        self.recompute = recompute

    def reset_parameters(self) -> None:
        """Draw the weights of all modules anew."""
        reset(*self.members)

    def takes(self, dtype: torch.dtype, gate_dtype: torch.dtype) -> bool:
        """Tell whether the experts of a gate take rows of this dtype; modules may cast."""
        return dtype == gate_dtype or any(one.dtype == dtype for one in self.parameters())

    def answer(
        self, x: Tensor, gate_weights: Tensor, plan: Plan
    ) -> tuple[Tensor, list[Tensor]]:  # the contract's docstring holds
        if not _is_exporting():
            return super().answer(x, gate_weights, plan)
        # An exported graph has no sizes that data decide: all answer all rows, some with weight 0.
        expert = torch.searchsorted(plan.ends, plan.slot, right=True)  # (n, k)
        weights = put(gate_weights.t(), expert, 1, self.n_experts + 1)  # the last: not dispatched
        weights = weights.unbind(1)[:-1]
        answers, losses = self.each([x] * self.n_experts, weights, shared=True)
        parts = zip(answers, weights, strict=True)
        return sum(torch.where(one.unsqueeze(1) != 0, y, 0.0) for y, one in parts), losses

    def each(
        self, inputs: Sequence[Tensor], weights: Sequence[Tensor], shared: bool = False
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Return each expert's answers times its weights; no rows are not asked about."""
        asked = [i for i, x in enumerate(inputs) if x.shape[0] or _is_in_step(self.members[i])]
        asked = asked or [0]  # an empty answer has a width
        answers: dict = {}
        losses = []
        for i in asked:
            answer = self._ask(self.members[i], inputs[i], shared)
            if isinstance(answer, tuple):  # a nested layer's
                answer, routing = answer
                losses.append(routing.loss)
            _check_answer(i, inputs[i], answer, answers.get(asked[0], answer))
            answers[i] = weigh(answer, weights[i])
        nothing = answers[asked[0]][:0]
        idle = [one for i, one in enumerate(self.members) if i not in answers]
        answers[asked[0]] = _with_idle(answers[asked[0]], idle)
        return [answers.get(i, nothing) for i in range(self.n_experts)], losses

    def _ask(self, member, x, shared):
        # A module may work in place, but not on rows of others or that it will be given again.
        if shared or self.recompute:
            return self._run(lambda x: member(x.clone()), x)
        return member(x)


class _WithIdle(torch.autograd.Function):
    """An answer as it is, and gradients of zero for parameters that nobody asked."""

    @staticmethod
    def forward(ctx, answer, *parameters):
        ctx.parameters = parameters
        return answer.view_as(answer)

    @staticmethod
    def backward(ctx, grad):
        return grad, *map(torch.zeros_like, ctx.parameters)


def _with_idle(answer, modules):
    # DistributedDataParallel waits for a gradient of every parameter in every step.
    if not modules or not torch.is_grad_enabled():
        return answer
    parameters = [one for module in modules for one in module.parameters() if one.requires_grad]
    return _WithIdle.apply(answer, *parameters)


def _is_exporting():
    return getattr(torch.compiler, "is_exporting", lambda: False)()  # from torch 2.7


def _is_in_step(module):
    """Tell whether a module is to be called whenever other processes call theirs: layers with
    losses of all processes' rows, parameters that are gathered from all (`fully_shard`)."""
    return processes.count() > 1 and any(
        hasattr(one, "peers") or hasattr(one, "unshard") for one in module.modules()
    )


def _check_answer(i, x, answer, first):
    if (
        isinstance(answer, Tensor)
        and answer.shape == (x.shape[0], *first.shape[1:])
        and answer.ndim == 2
    ):
        return
    came = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    raise ValueError(
        "experts must return one row for each row they are given, all of the same width, "
        f"got {came} from expert {i} for input {tuple(x.shape)}. "
        "Change its last layer, or wrap it in a module that returns (rows, n_outputs)."
    )


def build_experts(
    dim: int,
    n_experts: int,
    hidden_dim: int | None,
    modules: Iterable[nn.Module] | None,
    *,
    recompute: bool,
    **options: Any,
) -> Experts:
    """Return built-in experts, or the caller's modules where there are some."""
    if modules is None:
        hidden_dim = 4 * dim if hidden_dim is None else hidden_dim
        (hidden_dim,) = check_counts(hidden_dim=hidden_dim)
        return GroupedExperts(dim, n_experts, hidden_dim, recompute=recompute, **options)
    modules = list(modules)
    if len(modules) != n_experts:
        raise ValueError(
            f"experts must be n_experts modules, got n_experts={n_experts} and {len(modules)} "
            "modules."
        )
    return ModuleExperts(modules, recompute=recompute)
