"""What experts specialise in: what the expert of a fact tells about its topic and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from moe_lab.studies.sparse_layer.facts import Facts
    from moe_lab.studies.sparse_layer.study import Setting
    from moe_lab.studies.sparse_layer.training import Trained

__all__ = ["shares_of_topics", "specialisation"]

N_PERMUTATIONS = 20


def specialisation(trained: dict, setting: Setting) -> pd.DataFrame:
    """Measure what the first expert of a fact tells about it.

    Parameters
    ----------
    trained : dict from (method, seed) to Trained
    setting : Setting

    Returns
    -------
    table : DataFrame
        For each sparse method, means over seeds. Normalised mutual information (0 to 1) of the
        expert and the topic: topic; of the expert and the answer: answer; each beside the largest
        of 20 permutations: topic_chance, answer_chance. topic_told: share of the topic's entropy
        that the expert tells. experts_per_topic: two to the entropy (bits) of the expert within a
        topic, mean over facts.
    """
    rows = [
        {"method": method, **_told(one.experts[:, 0], setting.facts(seed), seed)}
        for (method, seed), one in trained.items()
        if one.experts is not None
    ]
    return pd.DataFrame(rows).groupby("method", sort=False).mean()


def _told(experts, facts, seed):
    from sklearn.metrics import homogeneity_score, normalized_mutual_info_score

    rng = np.random.default_rng(seed)
    known = {}
    for name, truth in (("topic", facts.topics), ("answer", facts.answers)):
        shuffled = (rng.permutation(truth) for _ in range(N_PERMUTATIONS))
        known[name] = normalized_mutual_info_score(truth, experts)
        known[f"{name}_chance"] = max(normalized_mutual_info_score(s, experts) for s in shuffled)
    known["topic_told"] = homogeneity_score(facts.topics, experts)
    known["experts_per_topic"] = _spread(pd.crosstab(facts.topics, experts).to_numpy())
    return known


def _spread(counts):
    """Return two to the entropy of each row of counts, its mean weighted by their sums."""
    from scipy.stats import entropy

    return float(np.average(2 ** entropy(counts, axis=1, base=2), weights=counts.sum(1)))


def shares_of_topics(trained: Trained, facts: Facts, n_experts: int) -> np.ndarray:
    """Return of which topics the facts are that an expert is the first to be asked for.

    Parameters
    ----------
    trained : Trained
    facts : Facts
        Those of its seed.
    n_experts : int

    Returns
    -------
    shares : ndarray of shape (n_topics, n_experts)
        Each column sums to 1; NaN where an expert is never the first.
    """
    counts = np.zeros((facts.topics.max() + 1, n_experts))
    first = trained.experts[:, 0]  # type: ignore[index]  # of a sparse method
    np.add.at(counts, (facts.topics, first), 1)
    total = counts.sum(axis=0)
    return counts / np.where(total, total, np.nan)
