"""Bad input ends in one sentence: the rule, what came, the way out."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from moe_lab import MoEClassifier, MoERegressor
from moe_lab.gate.base import Gate

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))
Y = X[:, 0] + 1.0
LABELS = np.where(X[:, 0] > 0, "up", "down")


class Even(Gate):
    """A gate without fit_pooled."""

    def fit(self, X, responsibilities, sample_weight=None):
        self.n_experts_ = responsibilities.shape[1]
        return self

    def predict_proba(self, X):
        return np.full((len(X), self.n_experts_), 1 / self.n_experts_)


def regress(X=X, y=Y, weight=None, experts="linear", n_experts=2, **params):
    moe = MoERegressor(experts, n_experts, random_state=0, **params)
    return moe.fit(X, y, sample_weight=weight)


def classify(X=X, y=LABELS, weight=None, **params):
    moe = MoEClassifier("linear", 2, random_state=0, **params)
    return moe.fit(X, y, sample_weight=weight)


def spoilt(values, bad):
    values = values.copy()
    values.flat[0] = bad
    return values


def table(*columns):
    return pd.DataFrame(X, columns=list(columns))


# the call, the error and what its sentence must say
BAD = {
    "gate": (lambda: regress(gate="sofmax"), ValueError, "gate 'sofmax'.*mean 'softmax'"),
    "pool": (lambda: regress(pool="argmx"), ValueError, "'argmx'.*mean 'argmax'"),
    "train": (lambda: regress(train="out_of_fld"), ValueError, "mean 'out_of_fold'"),
    "divide": (lambda: regress(divide="kmean"), ValueError, "'kmean'.*mean 'kmeans'"),
    "expert": (lambda: regress(experts="liner"), ValueError, "'liner'.*mean 'linear'"),
    "parameter of a gate": (
        lambda: regress(gate=("softmax", {"c": 2})),
        TypeError,
        "parameter 'c' of gate 'softmax'.*mean 'C'.*Parameters: C",
    ),
    "parameter of an expert": (
        lambda: regress(experts=("linear", {"alhpa": 1})),
        TypeError,
        "parameter 'alhpa' of expert 'linear'.*mean 'alpha'",
    ),
    "parameter of the mixture": (lambda: regress(gat="softmax"), TypeError, "'gat'"),
    "neither name nor gate": (lambda: regress(gate=3), TypeError, "name, a .*pair.*got 3"),
    "no n_experts": (lambda: regress(n_experts=None), ValueError, "n_experts must be given"),
    "more experts than rows": (
        lambda: regress(n_experts=21),
        ValueError,
        "n_experts=21 and n_samples=20",
    ),
    "n_experts against a list": (
        lambda: regress(experts=["linear"] * 3),
        ValueError,
        "n_experts=2 and 3 experts",
    ),
    "no experts": (lambda: regress(experts=[], n_experts=None), ValueError, "at least one expert"),
    "NaN in y": (lambda: regress(y=spoilt(Y, np.nan)), ValueError, "1 such values in 20.*Drop"),
    "missing label": (
        lambda: classify(y=spoilt(LABELS.astype(object), None)),
        ValueError,
        "got 1 missing values in 20 rows. Drop",
    ),
    "labels in regression": (lambda: regress(y=LABELS), ValueError, "For labels use a classifier"),
    "one class": (lambda: classify(y=["a"] * 20), ValueError, "one class: .*a.*Check the target"),
    "infinite feature": (
        lambda: regress(spoilt(X, np.inf)),
        ValueError,
        "1 infinite values in column 0",
    ),
    "infinite named feature": (
        lambda: regress(pd.DataFrame(spoilt(X, -np.inf), columns=["a", "b"])),
        ValueError,
        "column 'a'.*Replace",
    ),
    "negative weight": (lambda: regress(weight=spoilt(np.ones(20), -1)), ValueError, "egative"),
    "no weight at all": (lambda: classify(weight=np.zeros(20)), ValueError, "got 20 zeros"),
    "empty table": (lambda: regress(table("a", "b")[:0], Y[:0]), ValueError, r"got shape \(0, 2\)"),
    "duplicate columns": (
        lambda: regress(table("a", "a")),
        ValueError,
        r"more than one of \['a'\]",
    ),
    "sparse table": (lambda: regress(csr_matrix(X)), TypeError, "sparse.*toarray"),
    "lists in a column": (
        lambda: regress(table("a", "b").assign(tags=[[1]] * 20)),
        TypeError,
        "Column 'tags' of X holds list",
    ),
    "mixed objects": (
        lambda: regress(table("a", "b").assign(odd=[1, "a", {}, None] * 5)),
        TypeError,
        "Column 'odd' of X holds dict and int and str",
    ),
    "lists in rows": (lambda: regress([[1.0, [2]]] * 20), TypeError, "Column 'x1' of X holds list"),
    "lengths": (lambda: regress(y=Y[:-1]), ValueError, r"\[20, 19\]"),
    "vote in regression": (lambda: regress(pool="vote"), ValueError, "regression, got 'vote'"),
    "median in classification": (lambda: classify(pool="median"), ValueError, "got 'median'.*vote"),
    "gate without fit_pooled": (lambda: regress(gate=Even()), ValueError, "fit_pooled.*softmax"),
    "classifier in regression": (
        lambda: regress(experts=LogisticRegression()),
        TypeError,
        "must be a regressor, got LogisticRegression",
    ),
    "a column that is not there": (
        lambda: regress(table("shop", "b"), divide=("column", {"column": "shp"}), n_experts=None),
        ValueError,
        "'shp'.*mean 'shop'",
    ),
    "top_k of too many": (
        lambda: regress(pool=("top_k", {"k": 3})).predict(X),
        ValueError,
        "k=3 and n_experts=2",
    ),
    "one fold": (lambda: regress(train=("out_of_fold", {"cv": 1})), ValueError, "cv=1"),
    "unseen label": (lambda: classify().score_samples(X[:1], ["left"]), ValueError, "got .'left'"),
    "other columns at predict": (
        lambda: regress(table("a", "b")).predict(table("a", "c")),
        ValueError,
        "feature names",
    ),
    "fewer columns at predict": (lambda: regress().predict(X[:, :1]), ValueError, "2 features"),
    "unknown device": (lambda: regress(device="gpu"), ValueError, "got device='gpu'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_a_sentence(case):
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()
