"""What all figures share: sizes, markers, axes."""

MARKERS = "osD^vP*Xph"


def new_figure(n_rows=1, n_columns=1, *, width=5.0, height=4.0, beside=0.0):
    """Return a figure that pyplot has forgotten, and its axes as a flat list.

    Width and height are those of one panel, `beside` is left to a legend; all in inches.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns + beside, height * n_rows),
        squeeze=False,
        layout="constrained",
    )
    plt.close(figure)  # else it would show twice in a notebook, and stay in memory
    return figure, list(axes.flat)


def label_log_axis(axis):
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=7))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
