"""Sweeps: what a run costs beside papermill, and whether a sweep survives what kills its parts."""
