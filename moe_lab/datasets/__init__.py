"""Data sets: real ones from installed packages, generated ones, and a user's own files."""

from moe_lab.datasets.base import Dataset, datasets
from moe_lab.datasets.from_file import load_dataset

__all__ = ["Dataset", "datasets", "load_dataset"]
