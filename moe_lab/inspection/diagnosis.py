"""Whether routing adds anything: a mixture against its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from moe_lab.inspection.controls import Controls
from moe_lab.inspection.errors import error_name, mean_error, target_of
from moe_lab.mixture.names import expert_names
from moe_lab.table.inputs import read_table, weighted_rows

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

__all__ = ["Diagnosis", "diagnose"]

SURE = 2.0  # a difference of so many standard errors counts as seen
LEAST = 0.05  # %; what is printed as 0.0 is nothing
LEAST_ROWS = 20
APART = 5.0  # nats between two starts: not the same maximum
OTHER_ROWS = np.sqrt(2.0)  # times the standard error, where two were trained on different rows


@dataclass(repr=False)
class Diagnosis:
    """A mixture against its controls. Printed, it says what the table shows.

    Attributes
    ----------
    table : DataFrame, one row for the mixture and one per control
        ``error``: the root mean squared error in the unit of y, or the log-loss in nats
        (``table.columns.name`` says which); ``difference`` to the mixture's, in % of it, positive
        where the mixture is better; ``se``, its paired standard error over the rows.
    gains : DataFrame, one row for each step from the plain average of the experts to the mixture
        ``constant weights`` (against equal ones), ``weights that vary`` with the input (against
        constant ones), ``correction`` (against none): ``gain``, how much larger the error is
        without that step, in % of the error with it, and ``se``, its paired standard error. 0
        where the mixture has no such step.
    routing_helps : bool or None
        Whether weights that vary are better (True) by more than two standard errors than each
        control without routing, constant weights (without a residual stacker) and one expert
        alone, or worse (False) than one of them. None: it cannot be told, or nothing varies in
        this mixture.
    sentences : list of str
        The same in words.
    """

    table: pd.DataFrame
    gains: pd.DataFrame
    routing_helps: bool | None
    sentences: list

    def __str__(self):
        table = self.table.round(9).to_string(float_format="{:.4g}".format)
        return "\n".join([*self.sentences, "", table])

    __repr__ = __str__


def diagnose(
    mixture: MoERegressor | MoEClassifier,
    X: Table,
    y: Any,
    sample_weight: Any = None,
    *,
    train: tuple | None = None,
) -> Diagnosis:
    """Say what each step adds to the plain average of the experts, and whether routing does, on
    rows that were not seen in training.

    The mixture is held against controls, all but one made of the same experts, each asked once:

    - ``no correction``, where the pool learnt one: the same without it;
    - ``constant``: weights that are the same for every row: those at which training started, where
      the pool learns, else the best ones, cross-fitted on these rows, so that they have neither an
      advantage nor a handicap;
    - ``uniform``: equal weights of the plain experts, without calibration;
    - ``shuffled``: the gate's own weights, handed to other rows (mean over five permutations);
    - ``no residual``, where a stacker of many parameters joins the experts: constant weights of
      all others, cross-fitted;
    - ``one expert``, where each expert was trained on its part of the rows alone: one of them,
      refitted to all rows;
    - ``best expert``: the plain expert that is the best on these rows;
    - ``oracle``: for each row the plain expert that comes closest. It knows y: no gate that picks
      one plain expert a row does better, and none comes near where experts differ by chance.

    Parameters
    ----------
    mixture : fitted MoERegressor or MoEClassifier
    X : DataFrame or array-like of shape (n_samples, n_features)
        Rows that were not seen in training; 20 at least.
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,), optional
    train : (X, y) or (X, y, sample_weight), optional
        The rows that the mixture was fitted to: ``one expert`` is refitted to them. By default it
        is cross-fitted on the rows of ``X``, a handicap where these are fewer, and its standard
        error is 1.4 times as large, since it depends on other training rows than the mixture.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    ValueError
        If there are fewer than 20 rows, or y holds missing values or classes not seen in fit.

    Notes
    -----
    Constant weights minimise the loss of the linear pool; all weights go through the mixture's own
    pooler. Standard errors take the rows for independent: they are too small where rows come in
    groups or depend on the rows before. They do not count that the mixture itself would differ,
    trained on other rows.

    Examples
    --------
    >>> import numpy as np
    >>> from moe_lab import MoERegressor, diagnose
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (600, 1))
    >>> y = np.abs(X[:, 0]) + rng.normal(0, 0.1, 600)
    >>> moe = MoERegressor("linear", n_experts=2, train="em", random_state=0)
    >>> diagnosis = diagnose(moe.fit(X[:300], y[:300]), X[300:], y[300:])
    >>> diagnosis.routing_helps
    True
    >>> print(diagnosis)
    Routing pays: without it the rmse would be ... ± ... % higher.
    ...
    """
    check_is_fitted(mixture)
    X = read_table(mixture, X)
    check_consistent_length(X, y)
    X, y, weight, _ = weighted_rows(X, target_of(mixture, y), sample_weight, None)
    if len(y) < LEAST_ROWS:
        raise ValueError(
            f"X must have at least {LEAST_ROWS} rows of positive weight, got {len(y)}. Hold out "
            "more rows."
        )
    controls = Controls(mixture, X, y, weight, _checked_train(mixture, train))
    losses = controls.losses()
    table = _compared(mixture, losses, weight)
    if train is None and "one expert" in table.index:
        table.loc["one expert", "se"] *= OTHER_ROWS
    gains = _gains(controls, losses)
    varies = controls.routes or controls.flexible.any()
    routing = _routing(controls, losses, table) if varies else None
    said = list(_said(controls, losses, table, gains, routing))
    return Diagnosis(table, gains, None if routing is None else _seen(routing), said)


def _checked_train(mixture, train):
    """Return the training rows as (X, y, weight), checked."""
    if train is None:
        return None
    if not isinstance(train, tuple) or len(train) not in (2, 3):
        raise TypeError(
            "train must be (X, y) or (X, y, sample_weight), the rows that the mixture was fitted "
            f"to, got {type(train).__name__}."
        )
    X, y, *weight = train
    X = read_table(mixture, X)
    check_consistent_length(X, y)
    return weighted_rows(X, target_of(mixture, y), weight[0] if weight else None, None)[:3]


def _compared(mixture, losses, weight):
    """Return the table: errors, and how far they are from the mixture's."""
    rows = {
        name: {
            "error": mean_error(mixture, of_control, weight),
            **_difference(mixture, of_control, losses["mixture"], weight),
        }
        for name, of_control in losses.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("control")
    return table.rename_axis(columns=error_name(mixture))


def _difference(mixture, losses, base, weight):
    """Return how much larger an error is than another, in % of it, and its standard error."""
    share = weight / weight.sum()
    mean, mean_of_base = share @ losses, share @ base
    if mean_of_base == 0:
        return {"difference": 0.0 if mean == 0 else np.inf, "se": 0.0}
    ratio = mean / mean_of_base
    influence = (losses - ratio * base) / mean_of_base  # of a row on the ratio: the delta method
    degrees = 1 / (1 - share @ share)  # n / (n - 1) for equal weights
    se = np.sqrt(degrees * np.sum((share * influence) ** 2))
    if error_name(mixture) == "rmse":
        ratio = np.sqrt(ratio)
        se = se / (2 * ratio) if ratio > 0 else 0.0
    return {"difference": 100 * (ratio - 1), "se": 100 * se}


def _seen(row):
    """Say whether an error is larger (True), smaller (False), or not to be told apart (None)."""
    beyond = abs(row["difference"]) > max(SURE * row["se"], LEAST)
    return bool(row["difference"] > 0) if beyond else None


def _gains(controls, losses):
    """Return what each step adds, as the error without it against the error with it."""
    varied, constant = losses.get("no correction", losses["mixture"]), losses["constant"]
    steps = {
        "constant weights": (losses["uniform"], constant),
        "weights that vary": (constant, varied if controls.routes else constant),
        "correction": (varied, losses["mixture"]),
    }
    rows = {
        name: _difference(controls.mixture, without, with_it, controls.weight)
        for name, (without, with_it) in steps.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename(columns={"difference": "gain"})


def _routing(controls, losses, table):
    """Return the difference to the control without routing that speaks most against it: one that
    is better, else one that cannot be told apart, else the nearest."""
    names = ["no residual" if "no residual" in losses else "constant", "one expert"]
    varied = losses.get("no correction", losses["mixture"])
    rows = [
        table.loc[name]
        if varied is losses["mixture"]
        else _difference(controls.mixture, losses[name], varied, controls.weight)
        for name in names
        if name in losses
    ]
    order = {False: 0, None: 1, True: 2}
    return min(rows, key=lambda row: (order[_seen(row)], row["difference"]))


def _said(controls, losses, table, gains, routing):
    names, error = expert_names(controls.mixture), table.columns.name
    constant = (
        f"The best weights that are the same for every row cost {_amount(table.loc['constant'])}"
    )
    if routing is not None:
        yield _of_routing(routing, error, _seen(routing))
    elif controls.learns:
        yield "The gate's weights are the same for every row: there is no routing."
    else:
        yield f"Routing adds nothing here: the gate's weights do not vary. {constant}."
    if controls.learns:
        yield from _of_gains(gains, error)
    if controls.routes:
        yield f"Handed to other rows, the gate's weights cost {_amount(table.loc['shuffled'])}."
    if "one expert" in table.index:
        rows = "the other folds of these rows" if controls.train is None else "all training rows"
        row = table.loc["one expert"]
        yield f"One expert alone, fitted to {rows}: {error} {_amount(row)} against the mixture."
    if controls.flexible.any():
        yield f"{constant}, those experts included that vary themselves."
        row = _difference(
            controls.mixture, losses["no residual"], losses["constant"], controls.weight
        )
        yield _of_residual(row, [names[k] for k in np.flatnonzero(controls.flexible)])
    best = names[np.flatnonzero(controls.plain)[controls.best]]
    row = table.loc["best expert"]
    yield f"The best single expert, {best}: {error} {_amount(row)} against the mixture."
    yield (
        f"An oracle that knows y and picks an expert for each row: {error} "
        f"{_amount(table.loc['oracle'])} against the mixture."
    )
    yield from _of_starts(controls.mixture)


def _of_gains(gains, error):
    told = {
        "constant weights": "the plain average instead of constant weights",
        "weights that vary": "constant weights instead of weights that vary",
        "correction": "no correction",
    }
    for name, row in gains.iterrows():
        if row["gain"] or row["se"]:
            amount = _amount({"difference": row["gain"], "se": row["se"]})
            yield f"{name.capitalize()}: with {told[name]}, {error} {amount}."


def _of_starts(mixture):
    """Say where no other start of training came near the likelihood of the one that was kept."""
    if mixture.starts_ is None or len(mixture.starts_) < 2:
        return
    by_start = mixture.history_.groupby("start")["log_likelihood"]
    rounds = by_start.size().nlargest(2).iloc[1]  # so many were given to another start too
    reached = by_start.apply(lambda path: path.iloc[:rounds].max()).nlargest(2)
    if reached.iloc[0] - reached.iloc[1] > APART:
        yield (
            f"Starts of training disagree: one of {len(mixture.starts_)} came to a log-likelihood "
            f"of {reached.iloc[0]:.0f}, the next to {reached.iloc[1]:.0f}. Another random_state "
            "may tell another story; raise n_init."
        )


def _of_routing(row, error, routing_helps):
    if routing_helps is None:
        return f"Routing adds nothing that can be told here: without it {_amount(row)}."
    verdict, way = ("pays", "higher") if routing_helps else ("does harm", "lower")
    size = f"{abs(row['difference']):.1f} ± {row['se']:.1f} %"
    return f"Routing {verdict}: without it the {error} would be {size} {way}."


def _of_residual(row, names):
    verdict = {True: "pays", False: "does harm", None: "adds nothing that can be told"}[_seen(row)]
    said = f"{' and '.join(names)} {verdict}"
    return f"{said}: without it, constant weights would cost {_amount(row)} more."


def _amount(row):
    difference = round(row["difference"], 1) + 0.0  # no minus before a zero
    return f"{difference:+.1f} ± {row['se']:.1f} %"
