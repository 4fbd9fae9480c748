"""Log-odds stacker: logistic regression on the log-odds of the other experts."""

from moe_lab.experts.base import Expert, experts
from moe_lab.experts.probability_stacker import LogisticStack
from moe_lab.table import log_odds


@experts.register("log_odds_stacker")
class LogOddsStackerExpert(Expert):
    """Logistic regression on the other experts' log-odds: a coefficient for each class and expert.

    With more than a few classes or experts `stacker`, one weight an expert, is the better one.

    Parameters
    ----------
    C : float, default=0.1
        Inverse L2 strength.
    """

    tasks = ("classification",)
    depends_on = "experts"

    def __init__(self, C=0.1):
        self.C = C

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        return LogisticStack(log_odds, self.C)
