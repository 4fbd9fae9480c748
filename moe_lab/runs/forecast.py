"""What a sweep would do: which runs are there, which have to be done, about how long they take."""

from statistics import median

from moe_lab.runs.engine import survey
from moe_lab.runs.plan import Planned
from moe_lab.runs.read import read_runs

__all__ = ["seconds_of", "survey", "told_time"]


def seconds_of(plans: list[Planned], results_dir: str = "results") -> list[float | None]:
    """Estimate the seconds of each run from the finished ones of its experiment.

    It is the median of those of the same data, else of all; None where there is none.
    """
    known: dict = {}
    for experiment in {plan.experiment for plan in plans}:
        for run in read_runs(experiment, results_dir):
            if run["status"] == "done" and run["seconds"]:
                for data in {run["data"], None}:
                    known.setdefault((experiment, data), []).append(run["seconds"])
    found = [
        known.get((plan.experiment, plan.data)) or known.get((plan.experiment, None))
        for plan in plans
    ]
    return [median(one) if one else None for one in found]


def told_time(seconds: float) -> str:
    """Write seconds as people say them.

    Examples
    --------
    >>> told_time(45), told_time(600), told_time(9000)
    ('45 s', '10 min', '2.5 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
