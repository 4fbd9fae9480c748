"""The report of an experiment: one HTML file that needs nothing beside it, PNG and CSV beside."""

from __future__ import annotations

import base64
import io
import os
import shutil
import tempfile
import warnings
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moe_lab.bench.statistics import leaderboard
from moe_lab.bench.words import amount, number, over_all
from moe_lab.plots.style import pieces
from moe_lab.registry.spelling import unknown_name
from moe_lab.runs import sections
from moe_lab.runs.read import experiment_name, read_runs, read_scores
from moe_lab.runs.store import check_writable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["collect", "pick", "render", "write_report"]

TEMPLATE = "report.html.jinja"
BESIDE = "report"
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
        to other files. Beside it, in report/, its tables as CSV and its figures as PNG.
    """
    told = collect(experiment, results_dir, baseline, metric)
    folder = check_writable(results_dir) / experiment_name(experiment)
    _replace(folder / "report.html", render(told))
    _write_beside(folder / BESIDE, told)
    return folder / "report.html"


def _replace(path, html):
    """Let the new report take the place of the old one at once."""
    folder = path.parent
    handle, name = tempfile.mkstemp(prefix=".report-", dir=folder)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(html)
        os.chmod(name, 0o644)  # mkstemp keeps others out
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_beside(folder, told):
    """Write every table as CSV and every figure as PNG, for a paper or a spreadsheet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, table in told["tables"].items():
        table.to_csv(folder / f"{name}.csv", index=False)
    for shown in told["figures"]:
        (folder / f"{shown.name}.png").write_bytes(shown.figure)
    for place, one in enumerate(told["datasets"], start=1):
        for shown in one["figures"]:
            safe = "".join(c if c.isalnum() or c in "_-" else "-" for c in one["name"])[:60]
            name = f"set_{place:02d}_{safe}_{shown.name}.png"
            (folder / name).write_bytes(shown.figure)


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


def collect(
    experiment: str,
    results_dir: str | Path = "results",
    baseline: str | None = None,
    metric: str | None = None,
) -> dict[str, Any]:
    """Return all that the report of an experiment shows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores, baseline = pick(read_scores(experiment, results_dir), baseline, metric)
        runs = read_runs(experiment, results_dir)
    notes = list(dict.fromkeys(str(one.message) for one in caught))
    for note in notes:
        warnings.warn(note, stacklevel=2)
    methods = list(dict.fromkeys(scores["method"]))
    several = scores["dataset"].nunique() > 1
    calibrated = sections.calibration(scores)
    verdicts = sections.verdicts(scores, baseline, metric) if several else None
    tables = {"leaderboard": leaderboard(scores, baseline, metric), "scores": scores}
    tables |= {"calibration": calibrated} if len(calibrated) else {}
    tables |= {} if verdicts is None else {"all_sets": verdicts}
    datasets = (
        sections.of_dataset(name, one, runs, baseline, metric, methods)
        for name, one in scores.groupby("dataset", sort=False)
    )
    return {
        "experiment": experiment_name(experiment),
        "baseline": baseline,
        "notes": notes,
        "overall": over_all(scores, baseline, metric),
        "few": FEW,
        "verdicts": [] if verdicts is None else verdicts.to_dict("records"),
        "figures": _drawn(sections.overview(scores, baseline, metric)),
        "routing": sections.routing(scores, metric),
        "calibrated": calibrated.to_dict("records"),
        "datasets": [one | {"figures": _drawn(one["figures"])} for one in datasets],
        "used": [run for run in runs if run["folder"].name in set(scores["run"])],
        "failed": sections.failures(runs),
        "written": datetime.now().astimezone().isoformat(" ", "minutes"),
        "tables": tables,
    }


def render(told: dict[str, Any]) -> str:
    """Return the report as HTML text."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": number, "amount": amount, "breakable": _breakable}
    environment.filters |= {"png": _data_url, "percent": _percent}
    template = resources.files("moe_lab.runs").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(**told)


def _breakable(name):
    """Let a browser break a long name where figures do."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(piece) for piece in pieces(name))


def _percent(share):
    return "" if share is None or share != share else f"{100 * share:.0f} %"


def _drawn(shown):
    """Draw each figure once, for the page and for its file."""
    return [one._replace(figure=_png(one.figure)) for one in shown]


def _png(figure):
    if isinstance(figure, bytes):
        return figure
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return image.getvalue()


def _data_url(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
