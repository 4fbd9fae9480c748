"""Checks of what a sparse layer is built with and given."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from moe_lab.registry.spelling import unknown_name

LOSSES = ("gshard", "importance", "load", "switch", "z")
POLICIES = ("all", "none", "random", "threshold")
COMPAT = ("mixture-of-experts",)


def check_counts(**counts: int) -> list[int]:
    """Return the counts, numpy's too, as int; raise unless all are positive whole numbers.

    Examples
    --------
    >>> check_counts(dim=0)
    Traceback (most recent call last):
    ...
    ValueError: dim must be a whole number of 1 or more, got dim=0.
    """
    for name, value in counts.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} must be a whole number of 1 or more, got {name}={value!r}.")
    return [int(value) for value in counts.values()]


def check_rates(most: float = math.inf, **rates: float) -> None:
    """Raise unless every rate is a number from 0 to the most that there may be.

    Examples
    --------
    >>> check_rates(bias_rate=-0.1)
    Traceback (most recent call last):
    ...
    ValueError: bias_rate must be a finite number of 0 or more, got bias_rate=-0.1.
    """
    rule = "a finite number of 0 or more" if most == math.inf else f"a number from 0 to {most}"
    for name, value in rates.items():
        known = isinstance(value, (Real, Tensor)) and math.isfinite(value)
        if not known or not 0 <= value <= most:
            raise ValueError(f"{name} must be {rule}, got {name}={value!r}.")


def check_top_k(top_k: int | None, n_experts: int) -> int | None:
    """Return top_k; raise unless it is None or from 1 to n_experts."""
    if top_k is None:
        return None
    (top_k,) = check_counts(top_k=top_k)
    if top_k > n_experts:
        raise ValueError(
            f"top_k must be at most n_experts, got top_k={top_k} and n_experts={n_experts}. "
            "Use top_k=None for a gate that asks every expert."
        )
    return top_k


def check_losses(
    losses: Mapping[str, float], *, noisy: bool, top_k: int | None, n_experts: int
) -> None:
    """Raise unless the losses are known and the gate can tell what they need."""
    if not isinstance(losses, Mapping):
        raise ValueError(
            f"losses must give each loss a coefficient, got losses={losses!r}. "
            "Write losses={'switch': 0.01}."
        )
    for name, coefficient in losses.items():
        if name not in LOSSES:
            raise ValueError(unknown_name("loss", name, LOSSES, listed="Known"))
        check_rates(**{f"losses[{name!r}]": coefficient})
    if "load" in losses and not (noisy and top_k is not None and top_k < n_experts):
        raise ValueError(
            "The load loss must have noise on a choice, got "
            f"noisy={noisy}, top_k={top_k} and n_experts={n_experts}. "
            "Use noisy=True and top_k below n_experts, or the loss 'switch'."
        )
    if top_k is None and {"gshard", "switch"} & set(losses):
        raise ValueError(
            f"A gate that asks every expert has no loads to balance, got losses={dict(losses)}. "
            "Use the loss 'importance', or a top_k."
        )


def check_settings(settings: Any, *, prefix: str = "") -> None:
    """Raise unless a policy and a capacity go with the number of choices."""
    policy, factor = settings.second_policy, settings.capacity_factor
    if policy not in POLICIES:
        raise ValueError(unknown_name(f"{prefix}second_policy", policy, POLICIES, listed="Known"))
    if policy != "all" and settings.top_k != 2:
        raise ValueError(
            f"{prefix}second_policy must be 'all' unless top_k is 2, "
            f"got {prefix}second_policy={policy!r} and top_k={settings.top_k}."
        )
    if factor is not None and not 0 < factor < math.inf:
        rule = "finite" if factor == math.inf else "above 0"
        raise ValueError(
            f"{prefix}capacity_factor must be {rule}, got {prefix}capacity_factor={factor}. "
            "Use None to drop nothing."
        )
    if factor is not None and settings.top_k is None:
        raise ValueError(
            "A gate that asks every expert has no capacity, "
            f"got {prefix}capacity_factor={factor} and top_k=None."
        )


def check_balance(settings: Any) -> None:
    """Raise unless bias, noise and losses go with the kind of gate."""
    check_rates(bias_rate=settings.bias_rate)
    if settings.bias_rate and settings.train.top_k is None:
        raise ValueError(
            "A gate that asks every expert has no loads to balance, "
            f"got bias_rate={settings.bias_rate} and top_k=None."
        )
    if not settings.compat:
        return
    plain = not settings.noisy and not settings.bias_rate and set(settings.losses) <= {"gshard"}
    if not plain or settings.train.top_k != 2:
        raise ValueError(
            f"compat={settings.compat!r} must have top_k=2, no noise, no bias_rate and no loss but "
            f"'gshard', got top_k={settings.train.top_k}, noisy={settings.noisy}, "
            f"bias_rate={settings.bias_rate} and losses={dict(settings.losses)}."
        )


def check_levels(outer_k: int | None, inner_k: int | None) -> None:
    """Raise if one level asks everyone and the other chooses."""
    if (outer_k is None) != (inner_k is None):
        raise ValueError(
            f"top_k must be None at both levels or at neither, got top_k=({outer_k}, {inner_k})."
        )


def check_compat(compat: str | None) -> None:
    """Raise unless compat is None or a package that the layer can stand in for."""
    if compat is not None and compat not in COMPAT:
        raise ValueError(unknown_name("compat", compat, COMPAT, listed="Known"))


def check_input(x: Tensor, dim: int, weight: Tensor, experts: torch.nn.Module) -> None:
    """Raise unless x has the layer's features, the device of its gate, and a dtype for its experts.

    The gate computes in float32 at least, whatever it is given.
    """
    if x.ndim == 0 or x.shape[-1] != dim:
        raise ValueError(f"x must have dim={dim} features in its last axis, got {tuple(x.shape)}.")
    if x.device != weight.device:
        raise ValueError(
            f"x must be on the device of the layer, got x on {x.device} and the layer on "
            f"{weight.device}. Move one of them: layer.to(x.device)."
        )
    if not experts.takes(x.dtype, weight.dtype) and not _casts(x):
        own = next(experts.parameters(), weight).dtype
        raise TypeError(
            f"x must have the dtype of the layer, got x of {x.dtype} and a layer of {own}. "
            "Convert one of them: layer.to(x.dtype), or use torch.autocast."
        )


def _casts(x):
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
