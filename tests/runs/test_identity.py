"""Only scores of the same data are ever paired, whatever the data set is called."""

import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor

from moe_lab.bench import compare, paired
from moe_lab.datasets import load_dataset
from moe_lab.datasets.fingerprint import fingerprint
from moe_lab.runs import read_scores, write_report

HEADER = "size,price,weight\n"
ROWS = [f"{k}.5,{k * k}.5,{7 * k % 11}.5\n" for k in range(30)]
PARAMETERS = 'dataset = "mcycle"  # [data set]\ntarget = ""\nmethod = "moe"'


@pytest.fixture
def own_data(inside, kernel):
    """A notebook on the user's own tables, whose scores are of one method and of no kernel."""
    inside.notebook("exp", PARAMETERS)

    def scores(parameters):
        data = load_dataset(parameters["dataset"], target=parameters["target"])
        method = {parameters["method"]: DummyRegressor()}
        return compare(method, data, folds=3, progress=False)

    kernel.scores = scores
    return inside


def write(path, rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text(HEADER + "".join(rows))


def names_of(methods):
    """Return method -> the data sets it has scores on, as they are read and warned of."""
    with pytest.warns(UserWarning, match="are kept apart"):
        scores = read_scores("exp")
    return {
        method: sorted(set(scores.loc[scores["method"] == method, "dataset"])) for method in methods
    }


def test_two_targets_of_one_file_are_two_sets(own_data, run):
    write(own_data.root / "t.csv", ROWS)
    run(dataset="t.csv", target="price", method="moe")
    run(dataset="t.csv", target="weight", method="stacking")

    assert names_of(["moe", "stacking"]) == {
        "moe": ["t (target price)"],
        "stacking": ["t (target weight)"],
    }


def test_a_corrected_file_is_not_paired_with_its_old_self(own_data, run):
    write(own_data.root / "t.csv", ROWS)
    run(dataset="t.csv", target="price", method="moe")
    write(own_data.root / "t.csv", ROWS[1:])
    run(dataset="t.csv", target="price", method="stacking")

    names = names_of(["moe", "stacking"])
    assert names["moe"] != names["stacking"]
    assert all(name.startswith("t (data ") for (name,) in names.values())
    with pytest.warns(UserWarning, match="are kept apart"):
        words = write_report("exp").read_text()
    assert "better than stacking" not in words
    assert "are kept apart" in words


def test_files_of_one_name_in_two_folders_are_two_sets(own_data, run):
    write(own_data.root / "a" / "train.csv", ROWS)
    write(own_data.root / "b" / "train.csv", ROWS[5:])

    run(dataset="a/train.csv", target="price", method="moe")
    run(dataset="b/train.csv", target="price", method="moe")

    assert names_of(["moe"]) == {"moe": ["train (a/train.csv)", "train (b/train.csv)"]}


def test_a_copy_of_a_file_is_the_same_data(own_data, run):
    write(own_data.root / "a" / "train.csv", ROWS)
    write(own_data.root / "b" / "train.csv", ROWS)

    run(dataset="a/train.csv", target="price", method="moe")
    run(dataset="b/train.csv", target="price", method="stacking")
    (again,) = run(dataset="b/train.csv", target="price", method="moe")

    assert again.status == "skipped"
    assert paired(read_scores("exp"))["n"].tolist() == [3]


def test_a_file_keeps_its_whole_name_but_for_the_format(own_data, run):
    for name in ("s.2023.csv", "s.2024.csv.gz", "data[bold].TSV"):
        table = pd.DataFrame({"size": [0.5, 1.5, 2.5] * 9, "price": [0.5, 1.5, 3.5] * 9})
        table.to_csv(own_data.root / name, index=False, sep="\t" if "TSV" in name else ",")
    outcomes = run(dataset="s.2023.csv, s.2024.csv.gz, data[bold].TSV", target="price")

    assert [one.status for one in outcomes] == ["done", "done", "done"]
    assert set(read_scores("exp")["dataset"]) == {"s.2023", "s.2024", "data[bold]"}


def test_a_comparison_says_which_data_it_is_of():
    data = load_dataset("mcycle")
    scores = compare({"mean": DummyRegressor()}, data, folds=2, progress=False)
    assert set(scores["data"]) == {fingerprint(data)}


@pytest.mark.usefixtures("inside")
def test_runs_of_before_are_told_apart_by_record_and_parameters(table, save):
    old = table(stacking=10.0).drop(columns="data")
    save(old, data="f1", parameters={"dataset": "d"})
    save(old, data="f2", parameters={"dataset": "d"})
    save(table(moe=1.0).drop(columns="data"), parameters={"dataset": "x/d.csv"})
    save(table(moe=2.0).drop(columns="data"), parameters={"dataset": "y/d.csv"})

    with pytest.warns(UserWarning, match="are kept apart"):
        scores = read_scores("exp")

    assert scores.groupby("dataset")["method"].nunique().tolist() == [1, 1, 1, 1]


@pytest.mark.usefixtures("inside")
def test_data_drawn_anew_for_each_seed_are_one_set(table, save):
    for method in ("moe", "stacking"):
        draws = [table(data=f"f{seed}", **{method: 5.0}).assign(seed=seed) for seed in (0, 1)]
        save(pd.concat(draws))

    assert paired(read_scores("exp"))["n"].tolist() == [8]


@pytest.mark.usefixtures("inside")
def test_what_is_left_out_for_other_folds_is_told(table, save):
    save(table(stacking=10.0, n_folds=4))
    save(table(moe=8.0, n_folds=3))

    with pytest.warns(UserWarning, match=r"d: left out .* \(3 folds\): stacking\."):
        scores = read_scores("exp")

    assert set(scores["method"]) == {"moe"}


def test_a_file_with_a_comma_in_its_name_is_one_set(own_data, run):
    write(own_data.root / "t, old.csv", ROWS)
    (ran,) = run(dataset="t, old.csv", target="price", method="moe")
    assert ran.status == "done"
    assert set(read_scores("exp")["dataset"]) == {"t, old"}
