"""The rounds of a fit while it runs, and the button that ends it."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from moe_lab import MoERegressor, progress
from moe_lab.explore import training
from moe_lab.explore.training import Training, plot_training, watched


def fit(n_experts=2, verbose=2, **settings):
    X = np.random.default_rng(0).uniform(-1, 1, size=(200, 1))
    train = ("em", {"n_init": 2, "quasi_newton": False} | settings)
    y = np.abs(X[:, 0]) + np.random.default_rng(1).normal(0, 0.1, 200)
    moe = MoERegressor("linear", n_experts, train=train, random_state=0, verbose=verbose)
    return moe.fit(X, y)


def test_the_rounds_that_are_told_are_those_of_the_history():
    with watched(["one", "other"]) as view:
        moe = fit(verbose=1)
    history = moe.history_
    assert [row["log_likelihood"] for row in view.rounds] == history["log_likelihood"].tolist()
    assert [row["start"] for row in view.rounds] == history["start"].tolist()
    assert (
        view.rounds[3]["sizes"]
        == history.iloc[3][["effective_size_0", "effective_size_1"]].tolist()
    )
    assert progress.watchers == []


def test_networks_tell_their_epochs():
    X = np.random.default_rng(0).uniform(-1, 1, size=(60, 1))
    with watched(["one", "other"]) as view:
        train = ("gradient", {"max_epochs": 3})
        MoERegressor("mlp", 2, train=train, random_state=0, verbose=1).fit(X, X[:, 0])
    assert len(view.rounds) == 3


def test_a_silent_fit_tells_nothing():
    with watched(["one", "other"]) as view:
        fit(verbose=0)
    assert view.rounds == []


@pytest.mark.usefixtures("interruptible")
def test_the_button_keeps_the_best_so_far(monkeypatch):
    views = []

    class Pressed(Training):
        def heed(self, row):
            super().heed(row)
            views.append(self)
            if len(self.rounds) == 5:
                assert self.answer({"ask": "stop"}) is None

    monkeypatch.setattr(training, "Training", Pressed)
    with pytest.warns(
        ConvergenceWarning, match="EM was interrupted after 5 rounds. The best so far"
    ):
        moe = fit()
    assert len(moe.history_) == 5
    late = views[0].answer({"ask": "stop"})  # is not heard any more, or would end another cell
    assert late["running"] is False
    assert len(late["rounds"]) == 5


def test_messages_hold_every_round_once(monkeypatch):
    view, sent = Training(["one", "other"]), []
    monkeypatch.setattr(view, "widget", SimpleNamespace(send=sent.append, comm=SimpleNamespace()))
    for number in range(7):
        view.heed({"log_likelihood": number, "effective_size_1": 3.0})
    view.end()
    assert sum(len(message["rounds"]) for message in sent) == 7
    assert [message["first"] for message in sent] == [0, 1]
    assert sent[-1]["running"] is False
    assert view.rounds[0]["sizes"] == [0.0, 3.0]
    assert len(plot_training(view).axes) == 2
