"""Data sets: real ones from installed packages, generated ones, and a user's own files."""
