"""The report of an experiment: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import io
import os
import tempfile
import warnings
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from moe_lab.bench.statistics import leaderboard, summary
from moe_lab.bench.words import amount, in_words, number, over_all
from moe_lab.plots.style import pieces
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs.read import experiment_name, read_runs, read_scores
from moe_lab.runs.skip import same_parameters
from moe_lab.runs.store import check_writable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["pick", "render_report", "write_report"]

TEMPLATE = "report.html.jinja"
FEW = 3  # data sets that are shown unfolded
USUAL = "stacking"  # the baseline that need not be there


def write_report(
    experiment: str,
    results_dir: str | Path = "results",
    baseline: str | None = None,
    metric: str | None = None,
) -> Path:
    """Write results/EXPERIMENT/report.html from the finished runs.

    Parameters
    ----------
    experiment : str
        The notebook's name, or its path.
    results_dir : str, default="results"
    baseline : str, optional
        The method to hold the others against; default: stacking, where it takes part.
    metric : str, optional
        Default: the primary metric of each data set's task.

    Returns
    -------
    path : Path
        The report: leaderboards, what they say in words, figures; no notebook inputs, no links
        to other files.
    """
    html = render_report(experiment, results_dir, baseline, metric)
    folder = check_writable(results_dir) / experiment_name(experiment)
    handle, name = tempfile.mkstemp(prefix=".report-", dir=folder)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(html)
        os.chmod(name, 0o644)  # mkstemp keeps others out
        os.replace(name, folder / "report.html")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return folder / "report.html"


def pick(
    scores: pd.DataFrame, baseline: str | None = None, metric: str | None = None
) -> tuple[pd.DataFrame, str]:
    """Check what to compare with and what to judge by.

    Returns
    -------
    scores : DataFrame
        Those of the data sets on which the metric was measured.
    baseline : str

    Raises
    ------
    ValueError
        If a baseline or a metric is given that is nowhere in the scores.
    """
    if metric is not None:
        measured = list(dict.fromkeys(scores["metric"]))
        if metric not in measured:
            raise ValueError(unknown_name("metric", metric, measured, listed="Measured"))
        has_it = scores.groupby("dataset")["metric"].transform(lambda one: (one == metric).any())
        if not has_it.all():
            without = ", ".join(scores.loc[~has_it, "dataset"].unique())
            warnings.warn(f"Left out, since {metric} was not measured: {without}.", stacklevel=2)
        scores = scores[has_it]
    methods = list(dict.fromkeys(scores["method"]))
    if baseline is not None and baseline not in methods:
        raise ValueError(unknown_name("baseline", baseline, methods, listed="Methods compared"))
    return scores, baseline or USUAL


def render_report(
    experiment: str,
    results_dir: str | Path = "results",
    baseline: str | None = None,
    metric: str | None = None,
) -> str:
    """Return the report as HTML text."""
    import jinja2

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores, baseline = pick(read_scores(experiment, results_dir), baseline, metric)
        runs = read_runs(experiment, results_dir)
    notes = list(dict.fromkeys(str(one.message) for one in caught))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    methods = scores["method"].unique()
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": number, "amount": amount, "breakable": _breakable}
    template = resources.files("moe_lab.runs").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(
        experiment=experiment_name(experiment),
        baseline=baseline,
        notes=notes,
        overall=over_all(scores, baseline, metric),
        few=FEW,
        datasets=[
            _section(name, one, runs, baseline, metric, methods)
            for name, one in _by_dataset(scores)
        ],
        summary=_summary(scores, baseline, metric),
        used=[run for run in runs if run["folder"].name in set(scores["run"])],
        failed=_failures(runs),
        written=datetime.now().astimezone().isoformat(" ", "minutes"),
    )


def _breakable(name):
    """Let a browser break a long name where figures do."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(piece) for piece in pieces(name))


def _by_dataset(scores):
    return scores.groupby("dataset", sort=False)


def _failures(runs):
    """Return the runs without a result of which no later one has succeeded."""
    return [
        run
        for place, run in enumerate(runs)
        if run["status"] != "done"
        and not any(
            later["status"] == "done" and same_parameters(later["parameters"], run["parameters"])
            for later in runs[place + 1 :]
        )
    ]


def _section(name, scores, runs, baseline, metric, methods):
    """Collect what the report shows of one data set."""
    from moe_lab.bench.figures import plot_cost, plot_scores

    first = scores.iloc[0]
    return {
        "name": name,
        "task": first["task"],
        "folds": first["n_folds"],
        "seeds": scores["seed"].nunique(),
        "n_train": scores["n_train"].max(),
        "n_test": scores["n_test"].max(),
        "sentences": in_words(scores, baseline, metric),
        "board": leaderboard(scores, baseline, metric).to_dict("records"),
        "figures": [
            ("Every fold's score for each method", _inline(plot_scores(scores, metric))),
            ("Score against fit seconds", _inline(plot_cost(scores, metric, methods=methods))),
            *_saved_figures(scores["run"].iloc[-1], runs),
        ],
    }


def _saved_figures(name, runs):
    """Return the figures that the notebook of a run saved, except those drawn here anew."""
    (folder,) = (run["folder"] for run in runs if run["folder"].name == name)
    for path in sorted(folder.glob("figures/*.png")):
        if path.stem not in ("scores", "cost"):
            yield path.stem.replace("_", " ").capitalize(), _data_url(path.read_bytes())


def _summary(scores, baseline, metric):
    if scores["dataset"].nunique() < 2:
        return []
    with_baseline = set(scores.loc[scores["method"] == baseline, "dataset"])
    shared = scores[scores["dataset"].isin(with_baseline)]
    return summary(shared, baseline, metric).to_dict("records") if len(shared) else []


def _inline(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return _data_url(image.getvalue())


def _data_url(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
