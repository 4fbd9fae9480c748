"""What the explorer is asked and answers: messages of plain values about a mixture and a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from moe_lab.explore.features import Feature, by_influence, features_of
from moe_lab.likelihood.arrays import vary
from moe_lab.mixture.names import expert_names
from moe_lab.plots.moves import ALIKE
from moe_lab.registry.spelling import unknown_name
from moe_lab.table.forms import is_frame, take_rows

if TYPE_CHECKING:
    from moe_lab.mixture import MoEClassifier, MoERegressor
    from moe_lab.table.forms import Table

MOST_POINTS = 2000  # more hide each other
MOST_SLIDERS = 8
FINE = 40  # cells of the map along each axis


class Board:
    """The map, the rows and their answers.

    A message is a dict: ``ask`` is "points", "map" or "row"; ``columns`` one or two positions of
    features, ``row`` the position of a row, ``changes`` the features that were moved, position ->
    place, ``off`` the experts that are switched off, ``label`` the code of the class that is told,
    ``size`` the cells of the map along an axis. The answer is a dict that JSON can hold.

    Parameters
    ----------
    mixture : fitted MoEClassifier or MoERegressor
    X : DataFrame or array of shape (n_samples, n_features)
    columns : name, position or pair of these, optional
    row : int
    """

    def __init__(
        self,
        mixture: MoERegressor | MoEClassifier,
        X: Table,
        columns: Any = None,
        row: int = 0,
    ):
        reading = mixture._read(X)
        self.mixture, self.table, self.n_rows = mixture, reading.table, len(reading)
        self.row = self._known_row(row)
        self.names, self.features = expert_names(mixture), features_of(reading)
        self.classes = None if mixture._n_classes is None else list(map(str, mixture.classes_))
        self.drawn = _drawn(self.n_rows, self.row)
        self.weights = mixture.gate_weights(take_rows(self.table, self.drawn))
        shown = [_cut(feature, self.drawn) for feature in self.features]
        self.remark = "" if vary(self.weights) else f"{ALIKE}."
        self.order = by_influence(shown, self.weights)
        self.columns = self._chosen(columns)

    def state(self) -> dict:
        """Return what the front end has to know before it asks."""
        return {
            "features": [_told(feature) for feature in self.features],
            "order": self.order,
            "sliders": list(dict.fromkeys([*self.columns, *self.order]))[:MOST_SLIDERS],
            "columns": self.columns,
            "classes": self.classes,
            "row": self.row,
            "n_rows": self.n_rows,
            "fine": FINE,
            "remark": self.remark,
        }

    def answer(self, message: Mapping[str, Any]) -> dict:
        """Answer a message; what goes wrong is an answer too, since nobody sees what a kernel
        raises between cells."""
        asked = {key: value for key, value in message.items() if key not in ("ask", "id")}
        kinds: dict[str, Callable] = {"points": self.points, "map": self.map, "row": self.told}
        try:
            answer = kinds[message["ask"]](**asked)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        return {"ask": message.get("ask"), "id": message.get("id"), **answer}

    def points(self, columns: Sequence[int]) -> dict:
        """Return where the drawn rows stand and whom the gate trusts most there."""
        best = self.weights.argmax(axis=1)
        places = [_plain(self.features[j].places[self.drawn]) for j in columns]
        return {"rows": self.drawn.tolist(), "places": places, "best": best.tolist()}

    def map(
        self,
        columns: Sequence[int],
        row: int,
        changes: Mapping[str, float] | None = None,
        off: Sequence[int] = (),
        size: int = FINE,
    ) -> dict:
        """Return the gate weights over the plane of two features, the others as in the row.

        Returns
        -------
        answer : dict
            ``shape`` (cells up, cells across), ``best`` and ``strength`` of each cell, row by row
            from below: the most trusted expert and its weight. Of one feature ``weights``, a list
            for each expert, too.
        """
        grids = [self.features[j].grid(size if len(columns) > 1 else 4 * size) for j in columns]
        places = np.meshgrid(*grids)
        cells = {j: place.ravel() for j, place in zip(columns, places, strict=True)}
        X = self.rows(row, {**_as_places(changes), **cells}, places[0].size)
        weights = self.mixture._weights(X, self._silent(off))
        told = {"shape": [1, *places[0].shape][-2:], "best": weights.argmax(axis=1).tolist()}
        told["strength"] = weights.max(axis=1).round(3).tolist()
        return told | ({"weights": weights.T.round(4).tolist()} if len(columns) == 1 else {})

    def told(
        self,
        row: int,
        changes: Mapping[str, float] | None = None,
        off: Sequence[int] = (),
        label: int | None = None,
    ) -> dict:
        """Return what the mixture says of one row.

        Returns
        -------
        answer : dict
            ``weights``, ``said`` (means, or probabilities of the class ``label``), ``pooled``,
            ``predicted`` (the class, in classification), ``trust`` (the last is the correction;
            None where the pool is no sum) and ``places`` of all features.
        """
        moved = _as_places(changes)
        X = self.rows(row, moved, 1)
        name = None if label is None else self.mixture.classes_[label]
        answers = self.mixture._answers(X, self._silent(off), name)
        code = self._code(answers.pooled[0], label)
        places = [feature.places[row] for feature in self.features]
        for j, place in moved.items():
            places[j] = place
        return {
            "weights": _plain(answers.gate_weights[0]),
            "said": _plain(answers.predictions[0, :, code]),
            "pooled": float(answers.pooled[0, code]),
            "label": code if self.classes else None,
            "predicted": self.classes[answers.pooled[0].argmax()] if self.classes else None,
            "trust": None if answers.trust is None else _plain(answers.trust.to_numpy()[0]),
            "places": _plain(places),
        }

    def rows(self, row: int, changes: Mapping[int, Any], count: int) -> Table:
        """Return copies of a row in which features stand at other places."""
        X = take_rows(self.table, np.full(count, self._known_row(row))).copy()
        for j, places in changes.items():
            values = self.features[j].values(np.broadcast_to(places, count))
            if is_frame(X):
                X.isetitem(j, values)
            else:
                X[:, j] = values
        return X

    def _code(self, answer, label):
        """Return the output that is told: of two classes the second, of more the likeliest."""
        if label is not None or len(answer) < 3:
            return len(answer) - 1 if label is None else label
        return int(answer.argmax())

    def _known_row(self, row):
        if not 0 <= row < self.n_rows:
            raise ValueError(f"row must be from 0 to {self.n_rows - 1}, got row={row!r}.")
        return int(row)

    def _silent(self, off):
        if len(set(off)) >= len(self.names):
            raise ValueError("One expert must stay on, got all of them switched off.")
        return list(off)

    def _chosen(self, columns):
        """Return the positions of the one or two features of the map."""
        if not self.order:
            told = ", ".join(f"{one} {one.fixed}" for one in self.features[:5])
            raise ValueError(f"X must have a feature that can be moved, got: {told}.")
        if columns is None:
            return self.order[:2]
        columns = list(columns) if isinstance(columns, list | tuple) else [columns]
        if len(columns) not in (1, 2) or len({*columns}) < len(columns):
            raise ValueError(f"columns must be one or two features, got columns={columns!r}.")
        return [self._movable(column) for column in columns]

    def _movable(self, column):
        names = [feature.name for feature in self.features]
        if str(column) in names:
            j = names.index(str(column))
        elif isinstance(column, int) and 0 <= column < len(names):
            j = column
        else:
            raise ValueError(unknown_name("column", str(column), names, listed="Columns"))
        if self.features[j].fixed:
            others = ", ".join(names[k] for k in self.order[:5])
            raise ValueError(
                f"columns must be features that can be moved, got {names[j]!r}, which "
                f"{self.features[j].fixed}. Take one of {others}."
            )
        return j


def _drawn(n_rows, row):
    """Return the positions of the rows to draw, the chosen one among them."""
    rows = np.random.default_rng(0).permutation(n_rows)[:MOST_POINTS]
    return np.unique(np.append(rows, row))


def _cut(feature, rows):
    return Feature(feature.name, feature.places[rows], fixed=feature.fixed)


def _told(feature):
    told = {"name": feature.name, "fixed": feature.fixed, "labels": feature.labels}
    return told | {key: getattr(feature, key) for key in ("low", "high", "step")}


def _as_places(changes: Mapping[str, float] | None) -> dict[int, Any]:
    """Return position -> place: JSON has names for keys."""
    return {int(j): place for j, place in (changes or {}).items()}


def _plain(numbers):
    """Return numbers as JSON knows them: missing is None."""
    return [None if np.isnan(number) else float(number) for number in numbers]
