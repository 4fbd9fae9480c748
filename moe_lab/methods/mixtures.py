"""Mixtures as methods to compare: one class, and the settings that go by a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moe_lab.experts.base import Expert
from moe_lab.experts.spec import listed
from moe_lab.pool.base import as_pooler
from moe_lab.pool.powers import Learns
from moe_lab.registry import methods
from moe_lab.registry.powers import has_power
from moe_lab.train.base import Asked, Trainer, as_trainer

if TYPE_CHECKING:
    from moe_lab.divide.base import Divider
    from moe_lab.gate.base import Gate
    from moe_lab.pool.base import Pooler

__all__ = ["Mixture"]


@methods.register("moe")
class Mixture(Expert):
    """Mixture of experts: by default a pool of families, cross-fitted, stacked and gated.

    Parameters
    ----------
    experts : "auto", name, (name, params), estimator, or list of these, default="auto"
    n_experts : int, optional
        Copies of one expert.
    divide, gate, pool, train, time_limit, preset
        As in `MoERegressor`.
    """

    def __init__(
        self,
        experts: Any = "auto",
        n_experts: int | None = None,
        divide: str | tuple[str, dict] | Divider | None = None,
        gate: str | tuple[str, dict] | Gate = "auto",
        pool: str | tuple[str, dict] | Pooler = "auto",
        train: str | tuple[str, dict] | Trainer = "out_of_fold",
        time_limit: float | None = None,
        preset: str = "default",
    ):
        self.experts = experts
        self.n_experts = n_experts
        self.divide = divide
        self.gate = gate
        self.pool = pool
        self.train = train
        self.time_limit = time_limit
        self.preset = preset

    def build(
        self,
        task: str,
        *,
        n_classes: int | None = None,
        random_state: int | None = None,
        device: str = "cpu",
        n_jobs: int | None = None,
    ) -> Any:
        """Build an unfitted mixture for the task."""
        from moe_lab.mixture import MoEClassifier, MoERegressor

        kind = MoERegressor if task == "regression" else MoEClassifier
        return kind(
            self.experts,
            self.n_experts,
            divide=self.divide,
            gate=self.gate,
            pool=self.pool,
            train=self.train,
            preset=self.preset,
            time_limit=self.time_limit,
            device=device,
            n_jobs=n_jobs,
            random_state=random_state,
        )


@methods.register("moe_constant")
class ConstantMixture(Mixture):
    """The mixture without anything that varies with the input: what tells whether routing adds.

    Beside `moe` of the same experts, trained out of fold: the same learned pool and anchor, but no
    trees in the gate and none in the pool; no expert is dropped. Where the pool of `moe` does not
    learn (one expert, EM, another pool) the gate is `constant`.

    Parameters
    ----------
    experts, pool, train
        As in `MoERegressor`.
    """

    def __init__(
        self,
        experts: Any = "auto",
        pool: str | tuple[str, dict] | Pooler = "auto",
        train: str | tuple[str, dict] | Trainer = "out_of_fold",
    ):
        super().__init__(experts, gate="constant", pool=pool, train=train)

    def build(self, task: str, **settings: Any) -> Any:
        """Build an unfitted mixture for the task."""
        asked = as_trainer(self.train).auto(Asked(self.experts, pool=self.pool), task=task)
        mixture = Mixture(self.experts, gate=self.gate, pool=self.pool, train=self.train)
        if has_power(as_pooler(asked.pool, task), Learns):
            mixture.experts = listed(self.experts, task, n_classes=settings.get("n_classes"))
            mixture.gate = ("anchored", {"n_estimators": 0})
            mixture.pool = ("learned", {"n_estimators": 0})
        return mixture.build(task, **settings)


@methods.register("moe_em")
class EMMixture(Mixture):
    """Mixture of the default pool whose gate and experts are trained together by EM."""

    def __init__(
        self,
        experts: Any = "auto",
        n_experts: int | None = None,
        divide: str | tuple[str, dict] | Divider | None = None,
        gate: str | tuple[str, dict] | Gate = "auto",
        pool: str | tuple[str, dict] | Pooler = "auto",
    ):
        super().__init__(experts, n_experts, divide, gate, pool, train="em")


@methods.register("moe_em_linear")
class LinearEMMixture(Mixture):
    """Mixture of linear experts trained by EM, as in Jordan & Jacobs (1994); few, short starts.

    Parameters
    ----------
    n_experts : int, default=3
    n_init : int, default=2
        Starts; the best is continued.
    max_iter : int, default=100
        Rounds at most.
    tol : float, default=1e-3
        Stop when the log-likelihood per row (nats) changes by less; 1e-6, the default of `EM`,
        costs about ten times as much.
    """

    def __init__(self, n_experts: int = 3, n_init: int = 2, max_iter: int = 100, tol: float = 1e-3):
        settings = {"n_init": n_init, "max_iter": max_iter, "tol": tol}
        super().__init__("linear", n_experts, train=("em", settings))
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol


@methods.register("moe_boosting")
class BoostedMixture(Mixture):
    """Mixture whose experts and gate are trees grown together: a cheap density.

    Parameters
    ----------
    n_experts : int, default=3
    """

    def __init__(self, n_experts: int = 3):
        super().__init__(n_experts=n_experts, train="boosting")


@methods.register("moe_gradient")
class GradientMixture(Mixture):
    """Mixture of small networks trained jointly with a network as their gate.

    Parameters
    ----------
    n_experts : int, default=4
    objective : {"likelihood", "pooled"}, default="likelihood"
        As in `moe_lab.train.Gradient`.
    """

    example_params = {"n_experts": 2}

    def __init__(self, n_experts: int = 4, objective: str = "likelihood"):
        super().__init__(n_experts=n_experts, train=("gradient", {"objective": objective}))
        self.objective = objective
