"""Experts by name: parameters within parameters, as scikit-learn's ensembles have them."""

from collections.abc import Mapping
from typing import Any, Self

from moe_lab.experts.names import kept, params_of, with_params


class NamesExperts:
    """``get_params`` and ``set_params`` of an estimator whose ``experts`` may be a dict.

    ``get_params()["trees"]`` is an expert, ``get_params()["trees__n_estimators"]`` a parameter of
    it; ``set_params(trees="drop")`` leaves it out.
    """

    def get_params(self, deep: bool = True) -> dict:
        """Return the parameters; ``deep``: of gate, trainer and named experts, too."""
        params = super().get_params(deep=deep)  # type: ignore[misc]
        for name, expert in self._named().items() if deep else ():
            params[name] = expert
            params |= {f"{name}__{key}": value for key, value in params_of(expert).items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of named experts by ``name`` or ``name__parameter``."""
        if "experts" in params:
            self.experts = params.pop("experts")
        named, before = dict(self._named()), self._named()
        whole = {name: params.pop(name) for name in list(params) if name in named}
        named |= whole
        for key in list(params):
            name, _, parameter = key.partition("__")
            if name in named and parameter:
                named[name] = with_params(named[name], **{parameter: params.pop(key)})
        if any(named[name] is not before[name] for name in named):
            self.experts = named
        return super().set_params(**params)  # type: ignore[misc]

    def _named(self):
        return self.experts if isinstance(self.experts, Mapping) else {}

    def _check_names(self):
        """Refuse names that would not be told from parameters."""
        own = super().get_params(deep=False)
        for name in self._named():
            if not isinstance(name, str) or "__" in name or name in own:
                raise ValueError(
                    "experts must be named by words without '__' that are no parameters of the "
                    f"mixture, got {name!r}."
                )
        if self._named() and not kept(self._named()):
            raise ValueError(f"experts must hold at least one expert, got {self.experts!r}.")
