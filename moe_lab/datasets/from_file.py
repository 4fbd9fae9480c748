"""Any data set by one name: registered, a file of the user's own, or one of OpenML."""

from pathlib import Path

import numpy as np
import pandas as pd

from moe_lab.datasets.base import Dataset, datasets, from_table
from moe_lab.registry import lab_root
from moe_lab.registry.spelling import unknown_name
from moe_lab.table.texts import hold_numbers, may_hold_text, numbers_of

CSV = (".csv", ".csv.gz", ".csv.zip", ".csv.xz", ".tsv")
PARQUET = (".parquet", ".pq")
OTHERS = (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".feather", ".arrow", ".txt", ".dat", ".arff")
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
FEW = 20  # an integer target with more values than this is a number


def load_dataset(
    name_or_path: str | Path,
    target: str | None = None,
    groups: str | None = None,
    task: str | None = None,
    time_ordered: bool = False,
) -> Dataset:
    """Load a data set by its registered name, from a file, or from OpenML.

    Parameters
    ----------
    name_or_path : str or Path
        A name of `datasets.names()`; a path to a CSV or Parquet file, looked up from the working
        directory, then from the lab root; or "openml:ID" with the number of a data set.
    target : str, optional
        The column to predict. A file needs one, OpenML has a default.
    groups : str, optional
        A column whose equal values are never split between training and test; it is then no
        feature.
    task : {"regression", "classification"}, optional
        None: guessed from the target. Strings, booleans and categories are classes; whole
        numbers are classes if there are at most 20 different ones with five rows each on average;
        else it is regression.
    time_ordered : bool, default=False
        The rows are in time order.

    Returns
    -------
    dataset : Dataset

    Raises
    ------
    ValueError
        If a name or a column is unknown, or a target is missing in some rows.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> load_dataset("two_lines").X.shape
    (400, 1)
    """
    name = str(name_or_path)
    options = {"target": target, "groups": groups, "task": task, "time_ordered": time_ordered}
    if name.startswith("openml:"):
        return _from_openml(name, **options)
    path = find_file(name_or_path)
    if path is None:
        return _registered(name, **options)
    return _dataset(file_set_name(path), _read(path), source=str(path), **options)


def find_file(name_or_path: str | Path, folder: Path | None = None) -> Path | None:
    """Return the absolute path of a data file; None for the name of a registered set.

    Parameters
    ----------
    name_or_path : str or Path
    folder : Path, optional
        Where a relative path starts; default: the working directory. Then the lab root.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    if not _is_path(name_or_path):
        return None
    return _found(Path(name_or_path).expanduser(), Path(folder or Path.cwd()))


def file_set_name(path: str | Path) -> str:
    """Return the name of the data set in a file, without its format: s.2023.csv is s.2023."""
    name = Path(path).name
    ending = max((end for end in CSV + PARQUET if name.lower().endswith(end)), key=len, default="")
    return name.removesuffix(name[len(name) - len(ending) :]) or name


def is_data_file(name: str) -> bool:
    """Tell whether a name ends as a file of data does, of a format that is read or another."""
    return str(name).lower().endswith(CSV + PARQUET + OTHERS)


def _is_path(name_or_path):
    name = str(name_or_path)
    if name.startswith("openml:"):
        return False
    return isinstance(name_or_path, Path) or "/" in name or "\\" in name or is_data_file(name)


def _registered(name, **options):
    given = [option for option, value in options.items() if value not in (None, False)]
    if given and name in datasets:
        raise ValueError(
            f"{', '.join(given)} can only be set for a file, got the registered data set {name!r}, "
            "which brings its own; leave it out."
        )
    return datasets.create(name)


def _found(path, folder):
    starts = [folder, *([lab_root()] if lab_root() else [])]
    places = [path] if path.is_absolute() else [start / path for start in starts]
    for place in places:
        if place.is_file():
            return place.resolve()
    raise FileNotFoundError(
        f"No file {str(path)!r}; looked for {', '.join(map(str, dict.fromkeys(places)))}. "
        f"Correct the path, or use a registered data set: {', '.join(datasets.names())}."
    )


def _read(path):
    name = path.name.lower()
    if not name.endswith(CSV + PARQUET):
        raise ValueError(
            f"A data file must end in {', '.join(CSV + PARQUET)}, got {path.name!r}; convert it "
            "first: pd.read_excel(path).to_csv(...), say."
        )
    try:
        table = _read_parquet(path) if name.endswith(PARQUET) else _read_csv(path)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name!r} must be written in UTF-8, got {error}. Save it as UTF-8: "
            "pd.read_csv(path, encoding='latin-1').to_csv(path, index=False), say."
        ) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(f"{path.name!r} must hold a table, got: {error}") from error
    if not len(table):
        raise ValueError(f"{path.name!r} must hold rows below its header, got none.")
    return table


def _read_parquet(path):
    try:
        return pd.read_parquet(path)
    except ImportError as error:
        raise ImportError(
            "Reading Parquet needs pyarrow, which is not installed; run pip install "
            "'moe_lab[parquet]'."
        ) from error
    except (ValueError, OSError) as error:  # pyarrow's own are both
        raise ValueError(f"{path.name!r} must be a Parquet file, got: {error}") from error


def _read_csv(path):
    separator = "\t" if path.name.lower().endswith(".tsv") else ","
    header = list(pd.read_csv(path, sep=separator, nrows=0).columns)
    for other, called in SEPARATORS.items():
        if len(header) == 1 and other != separator and other in header[0]:
            raise ValueError(
                f"{path.name!r} must be separated by {SEPARATORS[separator]}, got {called} in its "
                f"header {header[0]!r}. Convert it: pd.read_csv(path, sep={other!r})"
                ".to_csv(path, index=False)."
            )
    return pd.read_csv(path, sep=separator)


def _from_openml(name, target, **options):
    from sklearn.datasets import fetch_openml

    number = name.removeprefix("openml:")
    if not number.isdigit():
        raise ValueError(
            f"An OpenML data set is named by its number, such as 'openml:31', got {name!r}."
        )
    try:
        bunch = fetch_openml(data_id=int(number), as_frame=True)
    except OSError as error:
        raise ConnectionError(
            f"{name} needs a network, got {error}; download the table elsewhere and pass the path "
            "of its CSV file."
        ) from error
    target = target or ", ".join(bunch.target_names) or None
    return _dataset(name, bunch.frame, target, source=f"OpenML {number}", **options)


def _dataset(name, table, target, *, groups, task, time_ordered, source):
    columns = ", ".join(map(str, table.columns))
    if target is None:
        raise ValueError(
            f"target must be given for a file, got target=None and {source!r}. Columns: {columns}."
        )
    for column in (target, groups):
        if column is not None and column not in table.columns:
            unknown = unknown_name("column", column, map(str, table.columns), listed="Columns")
            raise ValueError(f"{source}: {unknown}")
    table = table.assign(**{target: _target_of(table[target], task)})
    return from_table(
        name,
        table,
        target,
        task=task or guess_task(table[target]),
        groups=groups,
        time_ordered=time_ordered,
        source=source,
    )


def _target_of(y, task):
    """Return the target, as numbers where it is text that spells those of a regression: a "?" among
    prices is a price that is not known, and makes no classes of the others."""
    if task == "classification" or not may_hold_text(y) or not hold_numbers(y):
        return y
    numbers = pd.Series(numbers_of(y), index=y.index)
    return numbers if (task or guess_task(numbers)) == "regression" else y


def guess_task(y: pd.Series) -> str:
    """Guess the task from a target; `load_dataset` states the rule.

    Examples
    --------
    >>> guess_task(pd.Series(["yes", "no"])), guess_task(pd.Series([0.5, 1.5]))
    ('classification', 'regression')
    >>> guess_task(pd.Series([0, 1] * 10)), guess_task(pd.Series(range(20)))
    ('classification', 'regression')
    """
    if pd.api.types.is_bool_dtype(y) or not pd.api.types.is_numeric_dtype(y):
        return "classification"
    known = y.dropna().to_numpy(dtype=float)
    distinct = np.unique(known)
    whole = np.array_equal(distinct, np.round(distinct))
    few = len(distinct) <= min(FEW, len(known) / 5)
    return "classification" if whole and few else "regression"
