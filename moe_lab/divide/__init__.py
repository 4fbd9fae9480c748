"""Step 1, divide: who starts with which rows.

Before there are experts, rows must go to somebody. A divider gives the first responsibilities, of
shape (n_samples, n_experts); from there on training moves them. EM only ever climbs, so where it
starts decides on which hill it ends; ``n_init`` starts are tried, and the best is continued.

- `random`, EM's usual start: soft bands in a direction of no meaning, another one each time.
- `kmeans` and `gaussian_mixture` look at the table alone: good where regimes are clusters.
- `tree` and `linear_em` look at y, too: good where regimes are *functions*, and the start for
  flexible experts, which explain any rows that they are given and so never give one up.
- `column` and `rules` are what you know: a site, a season, ``"age > 60"``.

>>> import numpy as np
>>> from moe_lab.registry import dividers
>>> X = np.array([[0.0], [0.1], [5.0], [5.1]])
>>> parts = dividers.create("kmeans").divide(X, X[:, 0], n_experts=2, random_state=0)
>>> bool((parts[0] == parts[1]).all() and (parts[0] != parts[2]).all())
True

Trainers ``em`` and ``boosting`` read ``divide``; ``out_of_fold`` without it trains every expert on
all rows, since there the families differ. How to write one: `Divider`.
"""

from moe_lab.divide.base import Divider

__all__ = ["Divider"]
