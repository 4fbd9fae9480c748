"""Settings that must be numbers."""

from numbers import Real


def check_number(name: str, value: float, least: float = 0.0, words: str = "at least 0") -> None:
    """Refuse a setting that is no number, or one below ``least``.

    Examples
    --------
    >>> check_number("tol", "a")
    Traceback (most recent call last):
    ...
    ValueError: tol must be at least 0, got tol='a'.
    """
    if not (isinstance(value, Real) and value >= least):
        raise ValueError(f"{name} must be {words}, got {name}={value!r}.")
