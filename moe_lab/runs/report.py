"""The report of an experiment: one HTML file that needs nothing beside it."""

import base64
import io
import os
import tempfile
from datetime import datetime
from importlib import resources
from pathlib import Path

from moe_lab.bench.statistics import leaderboard, summary
from moe_lab.bench.words import amount, in_words, number, over_all
from moe_lab.plots.style import pieces
from moe_lab.runs.read import read_runs, read_scores
from moe_lab.runs.store import check_writable

__all__ = ["render_report", "write_report"]

TEMPLATE = "report.html.jinja"
FEW = 3  # data sets that are shown unfolded


def write_report(experiment, results_dir="results", baseline="stacking") -> Path:
    """Write results/EXPERIMENT/report.html from the finished runs.

    Parameters
    ----------
    experiment : str
        The notebook's name.
    results_dir : str, default="results"
    baseline : str, default="stacking"
        The method to hold the others against.

    Returns
    -------
    path : Path
        The report: leaderboards, what they say in words, figures; no notebook inputs, no links
        to other files.
    """
    html = render_report(experiment, results_dir, baseline)
    folder = check_writable(results_dir) / experiment
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


def render_report(experiment, results_dir="results", baseline="stacking") -> str:
    """Return the report as HTML text."""
    import jinja2

    scores = read_scores(experiment, results_dir)
    runs, methods = read_runs(experiment, results_dir), scores["method"].unique()
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": number, "amount": amount, "breakable": _breakable}
    template = resources.files("moe_lab.runs").joinpath(TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(template).render(
        experiment=experiment,
        baseline=baseline,
        overall=over_all(scores, baseline),
        few=FEW,
        datasets=[
            _section(name, one, runs, baseline, methods) for name, one in _by_dataset(scores)
        ],
        summary=_summary(scores, baseline),
        used=[run for run in runs if run["folder"].name in set(scores["run"])],
        failed=[run for run in runs if run["status"] != "done"],
        written=datetime.now().astimezone().isoformat(" ", "minutes"),
    )


def _breakable(name):
    """Let a browser break a long name where figures do."""
    from markupsafe import Markup, escape

    return Markup("<wbr>").join(escape(piece) for piece in pieces(name))


def _by_dataset(scores):
    return scores.groupby("dataset", sort=False)


def _section(name, scores, runs, baseline, methods):
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
        "sentences": in_words(scores, baseline),
        "board": leaderboard(scores, baseline).to_dict("records"),
        "figures": [
            ("Every fold's score for each method", _inline(plot_scores(scores))),
            ("Score against fit seconds", _inline(plot_cost(scores, methods=methods))),
            *_saved_figures(scores["run"].iloc[-1], runs),
        ],
    }


def _saved_figures(name, runs):
    """Return the figures that the notebook of a run saved, except those drawn here anew."""
    (folder,) = (run["folder"] for run in runs if run["folder"].name == name)
    for path in sorted(folder.glob("figures/*.png")):
        if path.stem not in ("scores", "cost"):
            yield path.stem.replace("_", " ").capitalize(), _data_url(path.read_bytes())


def _summary(scores, baseline):
    if scores["dataset"].nunique() < 2:
        return []
    with_baseline = set(scores.loc[scores["method"] == baseline, "dataset"])
    shared = scores[scores["dataset"].isin(with_baseline)]
    return summary(shared, baseline).to_dict("records") if len(shared) else []


def _inline(figure):
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    return _data_url(image.getvalue())


def _data_url(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
