"""What was fitted, in ten lines."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from moe_lab.mixture.names import expert_names


@dataclass(repr=False)
class Summary:
    """What a fitted mixture is made of. Printed, it says it in a few lines.

    Attributes
    ----------
    sentences : list of str
    table : DataFrame, one row for each expert by its name
        ``weight`` (mean gate weight in training), ``loss`` (out of fold: root mean squared error in
        the unit of y, or log-loss in nats) and ``seconds`` of its fits; left out where the
        trainer keeps no account.
    """

    sentences: list[str]
    table: pd.DataFrame

    def __str__(self):
        if not self.table.columns.size:
            return "\n".join(self.sentences)
        table = self.table.to_string(float_format="{:.4g}".format, na_rep="")
        return "\n".join([*self.sentences, "", table])

    __repr__ = __str__

    def _repr_html_(self):
        lines = "".join(f"<li>{escape(line)}</li>" for line in self.sentences)
        return f"<ul>{lines}</ul>" + self.table.to_html(float_format="{:.4g}".format, na_rep="")


class Summarises:
    """``summary`` of a fitted mixture."""

    account_: Any
    gate_: Any
    pooler_: Any
    history_: pd.DataFrame
    train: Any
    _n_classes: int | None

    def summary(self) -> Summary:
        """Tell what was fitted: who stayed, who was dropped and why, weights, losses, seconds.

        Returns
        -------
        summary : Summary
            Printed text, and HTML in a notebook.

        Examples
        --------
        >>> from moe_lab import MoERegressor
        >>> X = np.linspace(-1, 1, 60)[:, None]
        >>> moe = MoERegressor(["linear", "k_nearest"], random_state=0).fit(X, np.abs(X[:, 0]))
        >>> print(moe.summary())
        2 experts, gate AnchoredGate, pool LearnedPooler, trained by out_of_fold.
        ...
        """
        check_is_fitted(self)
        return Summary(list(self._sentences()), self._parts())

    def _sentences(self):
        names = expert_names(self)
        trainer = self.train if isinstance(self.train, str) else _name(self.train)
        yield (
            f"{len(names)} expert{'s' * (len(names) > 1)}, gate {type(self.gate_).__name__}, "
            f"pool {type(self.pooler_).__name__}, trained by {trainer}."
        )
        account = self.account_
        if account is None:
            reached = self.history_["log_likelihood"].iloc[-1]
            yield f"Log-likelihood of the training rows: {reached:.5g} nats."
            return
        for why in dict.fromkeys(account.dropped.values()):
            left_out = [name for name, reason in account.dropped.items() if reason == why]
            yield f"Without {', '.join(left_out)}: {why}."
        trusted = int(account.weights.argmax())
        if not account.varies:
            yield f"The gate's weights are the same everywhere; {names[trusted]} has the largest."
        else:
            yield f"The gate's weights vary; in the mean {names[trusted]} has the largest."
        unit = "rmse" if self._n_classes is None else "log-loss"
        yield f"Out of fold, {unit}: {self._losses(account, names)}"
        if account.correction:
            yield (
                f"The correction is {account.correction:.1%} of the pooled score, a ratio of "
                "standard deviations; whether it pays, only fresh rows can tell: see diagnose."
            )

    def _losses(self, account, names):
        best = int(np.nanargmin(account.losses))
        return (
            f"the best expert, {names[best]}, {account.losses[best]:.4g}; equal weights "
            f"{account.equal:.4g}; constant weights {account.constant:.4g} (fitted to these rows)."
        )

    def _parts(self):
        names = expert_names(self)
        table = pd.DataFrame(index=pd.Index(names, name="expert"))
        account = self.account_
        table["weight"] = np.nan if account is None else account.weights
        table["loss"] = np.nan if account is None else account.losses
        table["seconds"] = np.nan if account is None else account.seconds
        return table.dropna(axis="columns", how="all")


def _name(train):
    return train[0] if isinstance(train, tuple) else type(train).__name__
