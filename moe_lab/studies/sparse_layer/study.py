"""The study: which nets, on which facts, at which learning rates, with which seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from moe_lab.device import resolve_device
from moe_lab.studies.classical.jobs import in_parallel
from moe_lab.studies.sparse_layer.facts import Facts, draw_facts
from moe_lab.studies.sparse_layer.nets import DENSE, METHODS, build, costs
from moe_lab.studies.sparse_layer.training import train

__all__ = ["FAMILIES", "Setting", "compare", "sizes", "tune"]

TUNING = 10_000  # the seed of facts that serve to choose learning rates alone
# The three that are compared at several sizes.
FAMILIES = (DENSE, "sparse, switch loss", "dense, same parameters")


@dataclass(frozen=True)
class Setting:
    """The task, the sparse layer that sets the size of all nets, and the training.

    Parameters
    ----------
    n_facts, n_topics, n_answers : int
    separation : float
        Of the topics; see `draw_facts`.
    dim : int
        Numbers in a key, and features of the layer.
    n_experts, hidden_dim, top_k : int
        See `moe_lab.nn.SparseMoE`.
    n_steps, batch_size : int
    device : str, default="auto"
    """

    n_facts: int = 10_000
    n_topics: int = 8
    n_answers: int = 16
    separation: float = 2.0
    dim: int = 32
    n_experts: int = 16
    hidden_dim: int = 32
    top_k: int = 2
    n_steps: int = 2000
    batch_size: int = 512
    device: str = "auto"

    def facts(self, seed: int) -> Facts:
        """Draw the facts of a seed."""
        return draw_facts(
            self.n_facts,
            self.dim,
            n_topics=self.n_topics,
            n_answers=self.n_answers,
            separation=self.separation,
            seed=seed,
        )


def tune(
    setting: Setting,
    rates: Sequence[float],
    methods: Sequence[str] = tuple(METHODS),
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Train every method at every learning rate, on facts that are not used again.

    Parameters
    ----------
    setting : Setting
    rates : sequence of float
        The same for all methods.
    methods : sequence of str, optional
    n_jobs : int, optional
        Nets that train at a time.
    verbose : int, default=0
        1 shows a progress bar.

    Returns
    -------
    table : DataFrame
        Bits recalled of a fact, methods down and rates across, and the ``best`` rate.
    """
    jobs = [(setting, method, rate, TUNING) for method in methods for rate in rates]
    scores, _ = _train_all(jobs, n_jobs, verbose)
    table = scores.pivot(index="method", columns="learning_rate", values="bits")
    return table.loc[list(methods)].assign(best=lambda bits: bits.idxmax(axis=1))


def compare(
    setting: Setting,
    rates: pd.Series,
    seeds: Sequence[int],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> tuple[pd.DataFrame, dict]:
    """Train every method with every seed.

    Parameters
    ----------
    setting : Setting
    rates : Series or dict from method to learning rate
    seeds : sequence of int
        A seed draws the facts and their order, the same for all methods, and the weights.
    n_jobs, verbose
        As for `tune`.

    Returns
    -------
    scores : DataFrame
        One row for each method and seed: method, seed, bits (recalled of a fact), recalled (share
        of the facts), seconds, learning_rate, n_experts, n_facts.
    trained : dict from (method, seed) to Trained
    """
    jobs = [(setting, method, rate, seed) for seed in seeds for method, rate in rates.items()]
    scores, trained = _train_all(jobs, n_jobs, verbose)
    return scores, {job[1::2]: one for job, one in zip(jobs, trained, strict=True)}


def sizes(
    setting: Setting,
    n_experts: Sequence[int],
    rates: Sequence[float],
    seeds: list[int],
    *,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> pd.DataFrame:
    """Compare sparse and dense nets at several numbers of experts, each tuned again.

    Parameters
    ----------
    setting : Setting
    n_experts : sequence of int
    rates : sequence of float
        To choose from.
    seeds, n_jobs, verbose
        As for `compare`.

    Returns
    -------
    scores : DataFrame
        As from `compare`, with active_flops and parameters.
    """
    by_count = {count: replace(setting, n_experts=count) for count in n_experts}
    jobs = [
        (size, method, rate, TUNING)
        for size in by_count.values()
        for method in FAMILIES
        for rate in rates
    ]
    tuning, _ = _train_all(jobs, n_jobs, verbose)
    best = tuning.loc[tuning.groupby(["n_experts", "method"])["bits"].idxmax()]
    jobs = [
        (by_count[row.n_experts], row.method, row.learning_rate, seed)
        for row in best.itertuples()
        for seed in seeds
    ]
    scores, _ = _train_all(jobs, n_jobs, verbose)
    cost = pd.concat({count: costs(size, FAMILIES) for count, size in by_count.items()})
    return scores.join(cost.rename_axis(["n_experts", "method"]), on=["n_experts", "method"])


def _train_all(jobs, n_jobs, verbose):
    """Train a net for each job; return the scores and what came of each."""
    trained = in_parallel(_train, jobs, n_jobs, verbose, unit="net")
    rows = [
        {
            "method": method,
            "seed": seed,
            "bits": one.bits[-1],
            "recalled": one.recalled[-1],
            "seconds": one.seconds,
            "learning_rate": rate,
            "n_experts": setting.n_experts,
            "n_facts": setting.n_facts,
        }
        for (setting, method, rate, seed), one in zip(jobs, trained, strict=True)
    ]
    return pd.DataFrame(rows), trained


def _train(setting, method, learning_rate, seed):
    return train(
        build(method, setting, seed),
        setting.facts(seed),
        n_steps=setting.n_steps,
        batch_size=setting.batch_size,
        learning_rate=learning_rate,
        seed=seed,
        device=resolve_device(setting.device),
    )
