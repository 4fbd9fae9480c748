"""The class behind every list of plugins: a dict that names, creates and describes."""

import importlib
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from inspect import ismodule
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from moe_lab.registry import loading
from moe_lab.registry.card import Card, describe, parameters, takes_any
from moe_lab.registry.checking import LAW_SECONDS, check_plugins
from moe_lab.registry.guarding import guarded
from moe_lab.registry.report_card import ReportCard
from moe_lab.registry.spelling import unknown_name

LIVE = "__main__"  # the module of a notebook cell
_lock = threading.RLock()


@dataclass(frozen=True)
class Entry:
    """A registered object, the module that registered it, and words for where that is.

    An entry point is imported when its name is asked for; until then it is in place of the object.
    """

    obj: object
    module: str
    label: str
    origin: str
    point: object = None
    spec: object = None  # of the module as it was executed: a reload brings another one
    dist: object = None
    version: int = 1  # of a notebook cell that is run again

    def may_replace(self, old: Self) -> bool:
        """Tell whether this is the same plugin: run again, reloaded, an entry point's module."""
        if old.module == self.module and (old.label == self.label or old.spec is not self.spec):
            return True
        own_point = old.point is not None and _top(old.module) == _top(self.module)
        return own_point or (old.obj is self.obj and self.point is None)


class Registry:
    """A list of plugins of one kind, filled on first use.

    Parameters
    ----------
    kind : str
        What one plugin is called, in the singular.
    *packages : str
        Packages (or modules) whose files register plugins of this kind; the first one's `base`
        module is the contract.
    group : str, optional
        Entry point group by which installed packages add plugins.

    Attributes
    ----------
    adapter : callable or None
        Makes a plugin out of `**parts`; set by the contract's module where there is one.
    created : set of str
        Names of the plugins that this process has made use of, for the record of a run.

    Examples
    --------
    >>> gates = Registry("gate")
    >>> @gates.register("even")
    ... class EvenGate:
    ...     '''The same weight for every expert.'''
    >>> gates.names()
    ['even']
    >>> gates.create("evn")
    Traceback (most recent call last):
    ValueError: Unknown gate 'evn'. Did you mean 'even'? Registered: even.
    """

    def __init__(self, kind: str, *packages: str, group: str | None = None):
        self.kind = kind
        self.packages = packages
        self.group = group
        self.adapter: Callable | None = None
        self.created: set[str] = set()
        self._entries: dict[str, Entry] = {}
        self._broken: dict[str, loading.Failure] = {}
        self._state = "new"
        loading.registries.append(self)

    def register(self, name: str, obj: Any = None, /, **parts: Any) -> Any:
        """Add a plugin: as a decorator, directly, or in one line from parts.

        Parameters
        ----------
        name : str
            What the plugin is called from now on.
        obj : class or callable, optional
            The plugin; without it and without parts, a decorator is returned.
        **parts
            What the contract's adapter makes a plugin of, such as
            `experts.register("huber", regressor=HuberRegressor)`.

        Returns
        -------
        obj : class or callable
            The plugin, or a decorator that returns it.

        Raises
        ------
        ValueError
            If the name is taken; only a re-run notebook cell may replace its own plugin.
        """
        caller = sys._getframe(1).f_globals
        module, spec = caller.get("__name__", LIVE), caller.get("__spec__")
        if not isinstance(name, str) or not name:
            raise TypeError(f"name of a {self.kind} must be a non-empty string, got {name!r}.")
        if parts:
            return self._add(name, self._adapt(name, obj, parts), module, spec, label=name)
        if obj is None:
            return lambda decorated: self._add(name, decorated, module, spec)
        return self._add(name, obj, module, spec)

    def names(self) -> list[str]:
        """Return the sorted names of all plugins that work."""
        self._load()
        return sorted(self._entries)

    def __contains__(self, name):
        self._load()
        return name in self._entries

    def __repr__(self):
        return f"<Registry of {self.kind} plugins>"

    def get(self, name: str) -> Any:
        """Return the registered class or function; a broken plugin raises its own exception."""
        return self._entry(name).obj

    def create(self, name: str, /, **params: Any) -> Any:
        """Return `get(name)(**params)` after a check of the parameters' names."""
        obj = self.get(name)
        self.created.add(name)
        wrong = [] if takes_any(obj) else [key for key in params if key not in parameters(obj)]
        if wrong:
            owner = f"{self.kind} {name!r}"
            known = parameters(obj)
            raise TypeError(
                unknown_name("parameter", wrong[0], known, owner=owner, listed="Parameters")
            )
        return obj(**params)

    def items(self) -> list:
        """Return (name, class or function) of all plugins that work; entry points are imported."""
        self._import_entry_points()
        return [(name, entry.obj) for name, entry in sorted(self._entries.items())]

    def entry(self, name: str) -> Entry:
        """Return where a plugin comes from: its `Entry`."""
        return self._entry(name)

    def resolve(self, spec: Any, base: type) -> Any:
        """Return a plugin from a name, a (name, params) pair or an instance of `base`.

        Raises
        ------
        TypeError
            If `spec` is none of the three.
        """
        if isinstance(spec, str):
            return self.create(spec)
        if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], dict):
            return self.create(spec[0], **spec[1])
        if isinstance(spec, base):
            return spec
        raise TypeError(
            f"{self.kind} must be a registered name, a (name, params) pair or an instance of "
            f"{base.__name__}, got {spec!r}. Registered: {', '.join(self.names())}."
        )

    def name_of(self, plugin: object) -> str | None:
        """Return the name under which the class of an instance is registered, or None."""
        found = (name for name, entry in self._entries.items() if entry.obj is type(plugin))
        return next(found, None)

    def card(self, name: str) -> Card:
        """Return the card of a plugin: summary, parameters, origin, notes."""
        entry = self._entry(name)
        return describe(name, self.kind, entry.obj, entry.origin)

    def cards(self) -> list[Card]:
        """Return the cards of all plugins that work; one that cannot be described is broken."""
        found = []
        for name, obj in self.items():
            entry = self._entries[name]
            try:
                found.append(describe(name, self.kind, obj, entry.origin))
            except Exception as error:
                self._fail(name, entry.origin, error)
        return found

    def check(self, name: str, *, seconds: float = LAW_SECONDS) -> ReportCard:
        """Run the laws of this kind on a plugin, in a process of its own.

        Parameters
        ----------
        name : str
            A notebook cell's own plugin is sent there; any other is imported there.
        seconds : float, default=60.0
            Limit for each law.

        Returns
        -------
        card : ReportCard
            One verdict a law; a notebook shows it as a table.
        """
        live = self._entries.get(name)
        if live is None or live.module != LIVE:
            (card,) = check_plugins(name, self.kind, seconds=seconds)
            return card
        import cloudpickle

        with TemporaryDirectory() as folder:
            pickled = Path(folder) / "plugin.pickle"
            pickled.write_bytes(cloudpickle.dumps(live.obj))
            (card,) = check_plugins(name, self.kind, seconds=seconds, pickled=str(pickled))
        card.origin = live.origin
        return card

    @property
    def broken(self) -> dict:
        """Plugins left out, each name with its (origin, exception)."""
        self._import_entry_points()
        return {name: (bad.origin, bad.exception) for name, bad in self._broken.items()}

    def _entry(self, name):
        self._load()
        self._import_entry_point(name)
        if name in self._entries:
            return self._entries[name]
        if name in self._broken:
            self._broken[name].raise_own()
        raise ValueError(unknown_name(self.kind, name, self.names()))

    def _adapt(self, name, obj, parts):
        if self.packages:
            importlib.import_module(f"{self.packages[0]}.base")
        if self.adapter is None or obj is not None:
            raise TypeError(
                f"{self.kind} {name!r} must be registered as one class or function, got "
                f"{', '.join(sorted(parts))}{' beside it' if obj is not None else ''}."
            )
        return self.adapter(**parts)

    def _add(self, name, obj, module, spec, label=None):
        if not callable(obj):
            raise TypeError(
                f"{self.kind} {name!r} must be a class or function, got {obj!r}; "
                "register the class, create() makes the instance."
            )
        missing = sorted(getattr(obj, "__abstractmethods__", ()))
        if missing:
            raise TypeError(
                f"{self.kind} {name!r} must have the method {missing[0]}, got the class "
                f"{obj.__name__} without {' and '.join(missing)}; write what "
                f"{self.packages[0] if self.packages else self.kind}.base asks for."
            )
        if not module.startswith("moe_lab."):  # no name is free before all are known
            self._load()
        label = label or getattr(obj, "__qualname__", type(obj).__qualname__)
        self._put(name, Entry(obj, module, label, loading.origin(module, label), spec=spec))
        return obj

    def _put(self, name, entry):
        old = self._entries.get(name)
        if old is not None and not entry.may_replace(old):
            raise ValueError(
                f"name of a {self.kind} must be free, got {name!r} from {entry.origin}, which "
                f"{old.origin} has taken; choose another name."
            )
        if (
            old is not None and old.point is not None
        ):  # its module is imported before it is asked for
            entry = replace(entry, origin=old.origin, dist=old.dist)
        if old is not None and entry.module == LIVE and old.obj is not entry.obj:
            entry = replace(entry, version=old.version + 1)
            warnings.warn(
                f"{self.kind} {name!r} is replaced by version {entry.version}, from "
                f"{entry.origin}; instances made before keep the version that they were made of.",
                stacklevel=4,  # the cell
            )
        self._entries[name] = entry
        self._broken.pop(name, None)  # a file that was mended and reloaded

    def _load(self):
        with _lock:
            if self._state != "new":
                return
            self._state = "loading"
            try:
                for package in self.packages:
                    for failure in loading.load_package(package):
                        self._broken.setdefault(failure.name, failure)
                self._find_entry_points()
                self._state = "loaded"
            finally:
                if self._state != "loaded":  # MOE_LAB_STRICT raised; the next call raises again
                    self._state = "new"

    def _find_entry_points(self):
        from importlib.metadata import entry_points

        for point in entry_points(group=self.group) if self.group else ():
            origin = loading.entry_point_origin(point)
            old = self._entries.get(point.name)
            if old is not None and _top(old.module) == _top(point.module):
                self._entries[point.name] = replace(old, origin=origin, dist=point.dist)
                continue  # a drop-in has imported its module
            try:
                self._put(
                    point.name,
                    Entry(None, point.module, point.value, origin, point, dist=point.dist),
                )
            except ValueError as error:
                self._fail(point.name, origin, error)
        if loading.is_strict():
            for name in list(self._entries):
                self._import_entry_point(name)

    def _import_entry_points(self):
        self._load()
        for name in list(self._entries):
            self._import_entry_point(name)

    def _import_entry_point(self, name):
        found = self._entries.get(name)
        if found is None or found.point is None:
            return
        del self._entries[name]
        try:
            obj = guarded(found.origin, found.point.load)
            if name in self._entries:  # its module registered it
                own = self._entries[name]
                self._entries[name] = replace(own, origin=found.origin, dist=found.dist)
                return
            if ismodule(obj) or not callable(obj):
                raise loading.registers_nothing(found.origin, name, [self.kind])
        except (Exception, SystemExit) as error:
            self._forget(found.module)
            self._fail(name, found.origin, error)
        else:
            self._entries[name] = replace(found, obj=obj, point=None)

    def _fail(self, name, origin, error):
        failure = loading.Failure(name, origin, error, error.__traceback__)
        self._broken.setdefault(name, failure)
        failure.report()

    def _holds(self, name, module):
        return name in self._entries and self._entries[name].module == module

    def _forget(self, module):
        """Take out what a module registered, and return it."""
        taken = {name: entry for name, entry in self._entries.items() if entry.module == module}
        self._entries = {name: one for name, one in self._entries.items() if name not in taken}
        return taken


def _top(module):
    return module.partition(".")[0]
