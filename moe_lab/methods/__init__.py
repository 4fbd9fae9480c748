"""What takes part in a comparison: mixtures by name, and what they are held against.

Each has the same fit and predict as a mixture, and the same experts where it has any, so that a
difference is the method's. A mixture should beat all of these before one believes in its gate:

- `average` and `matched_ensemble` (one expert several times): is it more than averaging?
- `stacking`, scikit-learn's, and `log_odds_stacking`, a better one: is it more than stacking?
- `greedy_selection` (Caruana et al., 2004): is it more than choosing?
- `stacking_variance`: is its density more than stacking with a model of the noise?
- `moe_constant`, the mixture itself without anything that varies with the input: does *routing*
  add anything?

The mixtures: `moe`, the default; `moe_boosting`; `moe_em` and `moe_em_linear`; `moe_gradient`.
Every expert is a method, too: its name alone is that model fitted alone.

>>> from moe_lab import bench
>>> scores = bench.compare("linear, k_nearest", "two_lines", folds=2, progress=False)
>>> sorted(scores["method"].unique())
['k_nearest', 'linear']

How to write one: as an expert (`moe_lab.experts.Expert`), registered in ``methods``.
"""

from moe_lab.methods.average import AverageClassifier, AverageRegressor
from moe_lab.methods.greedy_selection import GreedySelectionClassifier, GreedySelectionRegressor
from moe_lab.methods.log_odds_stacking import LogOddsStackingClassifier, LogOddsStackingRegressor
from moe_lab.methods.matched_ensemble import MatchedEnsembleClassifier, MatchedEnsembleRegressor
from moe_lab.methods.stacking import GroupedStackingClassifier, GroupedStackingRegressor
from moe_lab.methods.stacking_variance import StackingVarianceRegressor

__all__ = [
    "AverageClassifier",
    "AverageRegressor",
    "GreedySelectionClassifier",
    "GreedySelectionRegressor",
    "GroupedStackingClassifier",
    "GroupedStackingRegressor",
    "LogOddsStackingClassifier",
    "LogOddsStackingRegressor",
    "MatchedEnsembleClassifier",
    "MatchedEnsembleRegressor",
    "StackingVarianceRegressor",
]
