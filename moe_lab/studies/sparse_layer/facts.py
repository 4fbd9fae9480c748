"""Facts to be learnt by heart: keys in topics, and answers that nothing but memory can tell."""

from typing import NamedTuple

import numpy as np
import pandas as pd

__all__ = ["Facts", "draw_facts"]


class Facts(NamedTuple):
    """Pairs of a key and its answer.

    The answers are drawn without a look at the keys: what a net gets right beyond chance it has
    stored in its weights.
    """

    keys: np.ndarray  # (n_facts, dim), float32
    answers: np.ndarray  # (n_facts,), codes 0..n_answers - 1
    topics: np.ndarray  # (n_facts,), codes 0..n_topics - 1, the largest topic first
    n_answers: int

    @property
    def bits(self) -> float:
        """Bits in one answer."""
        return float(np.log2(self.n_answers))

    def table(self) -> pd.DataFrame:
        """Return facts, bits and the share of the commonest answer for each topic, from 1 on."""
        by_topic = pd.Series(self.answers).groupby(self.topics + 1)
        table = pd.DataFrame({"facts": by_topic.size()})
        table["bits"] = table["facts"] * self.bits
        commonest = by_topic.agg(lambda answers: answers.value_counts(normalize=True).iloc[0])
        return table.assign(commonest_answer=commonest).rename_axis("topic")


def draw_facts(
    n_facts: int, dim: int, *, n_topics: int, n_answers: int, separation: float, seed: int
) -> Facts:
    """Draw keys around the centre of their topic, and random answers.

    Parameters
    ----------
    n_facts : int
    dim : int
        Numbers in a key.
    n_topics : int
        The k-th has a share of the facts in proportion to 1 / k.
    n_answers : int
        Equally likely ones.
    separation : float
        Standard deviation of the centres, in those of the keys around them; 0 is one cloud.
    seed : int

    Returns
    -------
    facts : Facts
        Keys have variance 1.

    Examples
    --------
    >>> facts = draw_facts(100, 4, n_topics=3, n_answers=16, separation=2.0, seed=0)
    >>> facts.keys.shape, round(facts.bits, 6), np.bincount(facts.topics)
    ((100, 4), 4.0, array([55, 27, 18]))
    """
    rng = np.random.default_rng(seed)
    rest = 1 / np.arange(1, n_topics + 1)
    bounds = np.round(n_facts * np.cumsum(rest) / rest.sum()).astype(int)
    topics = np.repeat(np.arange(n_topics), np.diff(bounds, prepend=0))
    centres = separation * rng.normal(size=(n_topics, dim))
    keys = centres[topics] + rng.normal(size=(n_facts, dim))
    keys /= np.sqrt(1 + separation**2)
    answers = rng.integers(n_answers, size=n_facts)
    return Facts(keys.astype(np.float32), answers, topics, n_answers)
