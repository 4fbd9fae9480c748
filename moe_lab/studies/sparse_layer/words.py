"""What the study shows, in sentences made of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moe_lab.bench.words import amount, number
from moe_lab.studies.sparse_layer.nets import DENSE
from moe_lab.studies.sparse_layer.specialising import specialisation
from moe_lab.studies.sparse_layer.tables import balance, differences, summary

if TYPE_CHECKING:
    import pandas as pd

    from moe_lab.studies.sparse_layer.study import Setting

__all__ = ["in_words"]

SWITCH, LARGE = "sparse, switch loss", "dense, same parameters"


def in_words(
    setting: Setting,
    scores: pd.DataFrame,
    costs: pd.DataFrame,
    trained: dict,
    by_size: pd.DataFrame,
    cloud: pd.DataFrame,
) -> list[str]:
    """Say what the study shows, one paragraph for each question.

    Parameters
    ----------
    setting : Setting
    scores, trained
        From `compare`.
    costs : DataFrame
        From `costs`.
    by_size : DataFrame
        From `sizes`.
    cloud : DataFrame
        Scores of the same with keys from one cloud.

    Returns
    -------
    sentences : list of str
    """
    bits = np.log2(setting.n_answers)
    return [
        _against_dense(summary(scores, costs), scores, bits),
        _of_sizes(by_size),
        f"Keys from one cloud, bits: {_each(cloud.groupby('method', sort=False)['bits'].mean())}.",
        _of_load(balance(trained), scores),
        _of_topics(specialisation(trained, setting)),
    ]


def _against_dense(table, scores, bits):
    sparse, dense, large = (table.loc[name] for name in (SWITCH, DENSE, LARGE))
    flops = large["active_flops"] / sparse["active_flops"]
    return (
        f"Of {bits:g} bits the sparse layer recalls {sparse['bits']:.2f} ({sparse['recalled']:.0%} "
        f"of the facts), the dense net of the same FLOPs {dense['bits']:.2f} "
        f"({dense['recalled']:.0%}): {_difference(scores, DENSE, SWITCH)} bits. The dense net of "
        f"the same parameters recalls {large['bits']:.2f} at {flops:.1f} times the FLOPs: "
        f"{_difference(scores, SWITCH, LARGE)} bits against the sparse layer. FLOPs are not "
        f"seconds: the sparse layer takes {sparse['seconds'] / dense['seconds']:.1f} times those "
        f"of the small dense net, and {sparse['seconds'] / large['seconds']:.1f} times those of "
        "the large one."
    )


def _of_sizes(by_size):
    table = by_size.pivot_table(index="n_experts", columns="method", values="bits")
    kept = table[SWITCH] / table[LARGE]
    shares = ", ".join(f"{share:.2f} with {count}" for count, share in kept.items())
    return f"Of what a dense net of as many parameters keeps, the sparse layer keeps {shares}."


def _of_load(loads, scores):
    busiest = ", ".join(f"{name} {share:.2f}" for name, share in loads["busiest"].items())
    dead = loads["dead"].max()
    died = f"up to {number(dead, 2)} experts were idle" if dead else "no expert was idle"
    cost = _difference(scores, "sparse, no balancing", SWITCH)
    return (
        f"The busiest expert's load, in even shares: {busiest}; {died}. The switch loss recalls "
        f"{cost} bits against no balancing."
    )


def _of_topics(told):
    switch = told.loc[SWITCH]
    return (
        f"Mutual information of expert and topic: {_each(told['topic'])} (by chance "
        f"{switch['topic_chance']:.3f}); with the answer {switch['answer']:.3f} (by chance "
        f"{switch['answer_chance']:.3f}). What the gate that was not trained has is the shape of "
        "the keys, not learnt."
    )


def _difference(scores, baseline, method):
    row = differences(scores, baseline).loc[method]
    return amount(row["difference"], row["se"])


def _each(values):
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())
