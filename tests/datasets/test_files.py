"""Files as people have them: what is wrong with one is said, with its name."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from moe_lab.bench import compare
from moe_lab.datasets.base import Dataset, from_table
from moe_lab.datasets.from_file import _target_of, load_dataset

ROWS = "\n".join(f"{j},{j % 3}" for j in range(20))
FILES = {
    "cafe.csv": ("x,y\ncafé,1\n".encode("latin-1"), "'cafe.csv' must be written in UTF-8"),
    "semi.csv": (b"p;q;r\n1;2;3\n", "'semi.csv' must be separated by commas, got semicolons"),
    "commas.csv": (b"p;q;r\n1,5;2,5;3,5\n", "separated by commas, got semicolons in its header"),
    "tabs.csv": (b"p\tq\n1\t2\n", "'tabs.csv' must be separated by commas, got tabs"),
    "bars.csv": (b"p|q\n1|2\n", "'bars.csv' must be separated by commas, got bars"),
    "commas.tsv": (b"p,q\n1,2\n", "'commas.tsv' must be separated by tabs, got commas"),
    "empty.csv": (b"", "'empty.csv' must hold a table, got: No columns"),
    "blank.csv": (b"\n\n", "'blank.csv' must hold a table, got: No columns"),
    "header.csv": (b"x,y\n", "'header.csv' must hold rows below its header"),
    "ragged.csv": (b"x,y\n1,2\n1,2,3,4\n", "'ragged.csv' must hold a table, got: .*line 3"),
    "odd.parquet": (b"no parquet", "'odd.parquet' must be a Parquet file"),
    "none.parquet": (b"", "'none.parquet' must be a Parquet file"),
    "book.xlsx": (b"", "must end in .csv.*got 'book.xlsx'.*read_excel"),
    "notes.txt": (b"", "must end in .csv.*got 'notes.txt'"),
    "wrong.csv": (b"x,z\n1,2\n", "wrong.csv: Unknown column 'y'"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_error_names_the_file_and_what_is_wrong(name, tmp_path, monkeypatch):
    content, message = FILES[name]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_dataset(name, target="y")


@pytest.mark.parametrize("name", ["sales, 2023.csv", "a;b.csv", "ü.csv"])
def test_a_file_may_have_any_name(name, tmp_path):
    (tmp_path / name).write_text(f"x,y\n{ROWS}", encoding="utf-8")
    assert load_dataset(tmp_path / name, target="y").X.shape == (20, 1)


def test_a_parquet_file_keeps_types(tmp_path):
    when = pd.date_range("2020-01-01", periods=20).date
    table = pd.DataFrame({"when": when, "site": ["a", "b"] * 10, "y": np.arange(20.0)})
    table.to_parquet(tmp_path / "t.parquet")
    X = load_dataset(tmp_path / "t.parquet", target="y").X
    assert X["site"].dtype == "category"
    assert X["when"].dtype != "category"


def test_numbers_of_a_file_with_an_odd_word_are_numbers(tmp_path):
    lines = "\n".join(f"{j}.5,00{j},{j % 2}" for j in range(19))
    (tmp_path / "t.csv").write_text(f"a,code,y\n?,007,1\n{lines}")
    with pytest.warns(UserWarning, match=r"t: Column 'a' .*'\?' became missing in 1 rows"):
        data = load_dataset(tmp_path / "t.csv", target="y")
    assert data.numeric[0] == "a"
    assert data.X["a"].isna().tolist() == [True] + [False] * 19


def test_a_table_of_polars_becomes_a_data_set():
    table = pl.DataFrame(
        {"a": np.arange(60.0), "site": ["n", "s"] * 30, "y": np.arange(60) % 7 / 2}
    )
    data = from_table("shop", table, "y", task="regression")
    same = Dataset("shop", table.select("a", "site"), table["y"], "regression")
    assert data.X["site"].dtype == "category"
    assert data.y.tolist() == same.y.tolist()
    scores = [compare(["linear"], one, folds=2, progress=False) for one in (data, same)]
    assert scores[0]["score"].tolist() == scores[1]["score"].tolist()


def test_a_column_of_lists_is_named():
    table = pd.DataFrame({"tags": [[1], [2]] * 10, "y": np.arange(20.0)})
    with pytest.raises(TypeError, match="Column 'tags' of X holds list"):
        from_table("tagged", table, "y", task="regression")


def test_an_unknown_price_does_not_make_classes_of_the_others(tmp_path):
    prices = "\n".join(f"{j},{j}.25" for j in range(30))
    (tmp_path / "t.csv").write_text(f"a,price\n0,?\n{prices}")
    for task in (None, "regression"):
        with pytest.raises(ValueError, match="known in every row, got 1 missing of 31"):
            load_dataset(tmp_path / "t.csv", target="price", task=task)
    (tmp_path / "t.csv").write_text(f"a,price\n0,'1'\n{prices}")  # a quoted number is text
    assert load_dataset(tmp_path / "t.csv", target="price").task == "classification"
    thousands = "\n".join(f'{j},"{j + 1},250"' for j in range(30))
    (tmp_path / "t.csv").write_text(f"a,price\n{thousands}")
    data = load_dataset(tmp_path / "t.csv", target="price")
    assert data.task == "regression"
    assert data.y.tolist() == [1000.0 * (j + 1) + 250 for j in range(30)]


def test_labels_that_spell_numbers_stay_labels():
    labels = pd.Series(["1", "2", "3"] * 20)
    for task in (None, "classification"):
        assert _target_of(labels, task) is labels
    codes = pd.Series([f"0{j}" for j in range(60)])
    assert _target_of(codes, None) is codes
