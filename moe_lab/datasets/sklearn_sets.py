"""Data sets that scikit-learn bundles; "30+0 columns" are 30 numeric and no categorical ones."""

import pandas as pd

from moe_lab.datasets.base import Dataset, datasets, from_table


@datasets.register("breast_cancer")
def breast_cancer() -> Dataset:
    """Is a tumour benign? Binary, 569 rows, 30+0 columns."""
    from sklearn.datasets import load_breast_cancer

    note = "A linear model matches boosting here."
    return _bundled("breast_cancer", load_breast_cancer, note)


@datasets.register("digits")
def digits() -> Dataset:
    """Which digit was written? 10 classes, 1,797 rows, 64+0 columns."""
    from sklearn.datasets import load_digits

    return _bundled("digits", load_digits, "8 x 8 pixels, 0 to 16; three of them are constant.")


def _bundled(name, load, note):
    bunch = load()
    table = pd.DataFrame(bunch.data, columns=list(bunch.feature_names)).assign(target=bunch.target)
    return from_table(
        name, table, "target", task="classification", source="scikit-learn", note=note
    )
