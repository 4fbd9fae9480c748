"""The data set "bicycle_counts": what it alone claims."""

from moe_lab.registry import datasets


def test_it_is_the_table_in_the_file_with_two_regimes():
    data = datasets.create("bicycle_counts")
    assert (data.task, data.X.shape, data.y.name) == ("regression", (600, 4), "riders")
    assert (len(data.numeric), len(data.categorical)) == (2, 2)
    assert (data.y >= 0).all()
    weekend = data.X["weekday"].isin(["Sat", "Sun"])
    rush, noon = data.X["hour"].isin([8, 17]), data.X["hour"].isin([13, 14])
    assert data.y[rush & ~weekend].mean() > 3 * data.y[noon & ~weekend].mean()
    assert data.y[noon & weekend].mean() > 1.5 * data.y[rush & weekend].mean()
