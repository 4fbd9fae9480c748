"""The bench: data sets, comparison, statistics, figures, report."""
