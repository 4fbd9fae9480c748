"""Names of a package that are imported when they are first used."""

import importlib
from collections.abc import Callable


def lazy_names(package: dict, public: dict[str, str]) -> tuple[Callable, Callable]:
    """Return the ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : dict
        Its ``globals()``.
    public : dict of str to str
        Name -> the module below the package that has it.
    """
    own = package["__name__"]

    def find(name):
        if name not in public:
            raise AttributeError(f"module {own!r} has no attribute {name!r}.")
        value = getattr(importlib.import_module(f"{own}.{public[name]}"), name)
        package[name] = value
        return value

    return find, lambda: sorted(package.keys() | set(public))
