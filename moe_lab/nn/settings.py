"""What a gate does in training and in eval, checked once, when a layer is built."""

from collections.abc import Mapping
from typing import NamedTuple

from moe_lab.nn import checks

COMPAT_LOSS = {"gshard": 1e-2}


class Settings(NamedTuple):
    """What holds in one of the two modes; the words are those of `SparseMoE`."""

    top_k: int | None = 2
    second_policy: str = "all"
    second_threshold: float = 0.2
    capacity_factor: float | None = None

    @property
    def n_choices(self) -> int | None:
        """Experts that a row chooses: the policy "none" is a gate with one choice."""
        return 1 if self.second_policy == "none" else self.top_k


class GateSettings(NamedTuple):
    """What holds in training, what in eval, and what in both."""

    train: Settings = Settings()
    evaluate: Settings = Settings()
    losses: Mapping[str, float] = {}
    noisy: bool = False
    bias_rate: float = 0.0
    compat: str | None = None

    def now(self, training: bool) -> Settings:
        """Return the settings of training or of eval."""
        return self.train if training else self.evaluate


def gate_settings(
    top_k: int | None,
    n_experts: int,
    *,
    compat: str | None = None,
    noisy: bool = False,
    second_policy: str | None = None,
    second_threshold: float = 0.2,
    eval_second_policy: str | None = None,
    eval_second_threshold: float | None = None,
    capacity_factor: float | None = None,
    eval_capacity_factor: float | None = None,
    losses: Mapping[str, float] | None = None,
    bias_rate: float = 0.0,
) -> GateSettings:
    """Fill in the defaults of the mode, check everything, and return what a gate needs.

    Examples
    --------
    >>> gate_settings(2, 4, second_policy="random").evaluate.second_policy
    'all'
    """
    checks.check_compat(compat)
    top_k = checks.check_top_k(top_k, n_experts)
    default, eval_default = ("random", "random") if compat else ("all", second_policy)
    if eval_default == "random" and not compat:
        eval_default = "all"  # eval is repeatable
    if eval_second_threshold is None:
        eval_second_threshold = second_threshold
    if compat:
        capacity_factor = 1.25 if capacity_factor is None else capacity_factor
        eval_capacity_factor = 2.0 if eval_capacity_factor is None else eval_capacity_factor
    train = Settings(top_k, second_policy or default, second_threshold, capacity_factor)
    evaluate = Settings(
        top_k,
        eval_second_policy or eval_default or "all",
        eval_second_threshold,
        eval_capacity_factor,
    )
    if losses is None:
        losses = COMPAT_LOSS if compat else {} if top_k is None else {"switch": 0.01}
    checks.check_losses(losses, noisy=noisy, top_k=top_k, n_experts=n_experts)
    settings = GateSettings(train, evaluate, dict(losses), noisy, bias_rate, compat)
    checks.check_balance(settings)
    checks.check_settings(train)
    checks.check_settings(evaluate, prefix="eval_")
    return settings
