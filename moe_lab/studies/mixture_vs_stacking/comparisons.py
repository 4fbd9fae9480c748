"""What the study asks: who against whom, on which sets, and what was to be reached."""

from dataclasses import dataclass

from moe_lab.registry import datasets

__all__ = ["COMPARISONS", "DEFAULT", "REGIMES", "RIVALS", "Comparison", "is_generated"]

REGIMES = ("piecewise", "switching", "lightgbm_moe")  # generated sets made of regimes
DEFAULT, RIVALS = "default", ("stacking", "catboost", "AutoGluon")  # the table of the default


@dataclass(frozen=True)
class Comparison:
    """One method against another over data sets.

    Parameters
    ----------
    title : str
    method, baseline : str
        Labels.
    metric : str
        A metric, or a column of seconds: then the ratio of the two is asked for.
    mean : float
        The goal: the mean over sets at most (%, nats, or a ratio).
    aim : float
        The aim: the mean at most, or where ``aim_share`` is given, what each of a share of the sets
        is to reach.
    wins : float, default=0.0
        The goal: share of the sets that are to be won.
    none_worse : bool, default=False
        The goal: no set worse by more than 1 % (or .01 nats) by two standard errors.
    aim_wins, aim_share : float, default=0.0
    regimes : bool, default=False
        On the regime data alone, in the primary metric; elsewhere on real sets alone.
    """

    title: str
    method: str
    baseline: str
    metric: str | None
    mean: float
    aim: float
    wins: float = 0.0
    none_worse: bool = False
    aim_wins: float = 0.0
    aim_share: float = 0.0
    regimes: bool = False

    @property
    def slug(self) -> str:
        """The title as part of a file's name."""
        return "_".join(self.title.replace(",", "").lower().split())

    def holds(self, dataset: str) -> bool:
        """Whether a data set belongs to the comparison."""
        if self.regimes:
            return dataset in REGIMES
        return not is_generated(dataset)


def is_generated(dataset: str) -> bool:
    """Whether a data set is a registered generated one.

    Examples
    --------
    >>> is_generated("piecewise"), is_generated("ames"), is_generated("my.csv")
    (True, False, False)
    """
    return dataset in datasets and datasets.get(dataset).__module__.endswith(".generated")


def _of_pool(pool, method, stacking, log_odds):
    """Return the comparisons that both pools have."""
    third, half = 2 / 3, 1 / 2
    fit, predict = "fit_cpu_seconds", "predict_seconds"
    return (
        Comparison(
            f"log-loss, {pool}", method, stacking, "log_loss", -4, -7, 0.8, True, aim_wins=0.9
        ),
        Comparison(
            f"log-loss against log-odds, {pool}",
            *(method, log_odds, "log_loss", -0.7, -1, third, True),
            aim_share=half,
        ),
        Comparison(
            f"RMSE against ridge, {pool}",
            *(method, log_odds, "rmse", -1.2, -2, third, True),
            aim_share=half,
        ),
        Comparison(f"RMSE, {pool}", method, stacking, "rmse", -1.5, -3, none_worse=True),
        Comparison(f"regime data, {pool}", method, stacking, None, -15, -25, regimes=True),
        Comparison(f"fit CPU seconds, {pool}", method, stacking, fit, 1.0, 0.7),
        Comparison(f"predict seconds, {pool}", method, stacking, predict, 1.15, 1.15),
    )


COMPARISONS = (
    *_of_pool("four", "mixture", "stacking", "log-odds stacking"),
    Comparison("NLL, four", "mixture", "stack + variance", "nll", -0.05, -0.1, wins=0.75),
    Comparison("fit CPU seconds of boosting", "boosting", "stacking", "fit_cpu_seconds", 0.2, 0.2),
    *_of_pool("auto", "default", "stacking (auto)", "log-odds stacking (auto)"),
)
