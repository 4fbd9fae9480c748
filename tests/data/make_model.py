"""Writes tests/data/model, a saved mixture with every format, and prints what it says of 5 rows.

Needed where the format of saved models changes: python tests/data/make_model.py
"""

from pathlib import Path

from moe_lab import MoEClassifier
from moe_lab.testing import example_table, example_target

EXPERTS = {
    "line": "linear",
    "light": ("lightgbm", {"n_estimators": 3}),
    "extreme": ("xgboost", {"n_estimators": 3, "max_depth": 2}),
    "cat": ("catboost", {"n_estimators": 3, "depth": 3}),
    "forest": ("extra_trees", {"n_estimators": 3}),
    "net": ("mlp", {"hidden": (4,), "max_epochs": 3}),
}

if __name__ == "__main__":
    X = example_table(60)
    moe = MoEClassifier(EXPERTS, gate="softmax", pool="linear", random_state=0)
    moe.fit(X, example_target(X, "classification"))
    moe.save(Path(__file__).parent / "model")
    print(moe.predict_proba(X.head()).round(6).tolist())
