"""What an expert is: one model per subtask. Any scikit-learn estimator is one as it stands."""

import inspect
import sys
from abc import ABC, abstractmethod
from importlib.util import find_spec

from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from moe_lab.device import resolve_device
from moe_lab.registry import experts
from moe_lab.table import NumericTable, Prepared

__all__ = [
    "AUTO",
    "EstimatorExpert",
    "Expert",
    "as_expert",
    "as_experts",
    "configure",
    "experts",
    "is_stacker",
    "label",
]

# What experts="auto" means, most gain for the time first; catboost where it is installed.
AUTO = (
    "lightgbm",
    "linear",
    "extra_trees",
    "linear_mixture",
    "xgboost",
    "k_nearest",
    "mlp",
    "catboost",
)


class Expert(ABC, BaseEstimator):
    """Builds one model for one subtask.

    A stacker is an expert that depends on the others: with ``depends_on = "experts"``, on the class
    and on what it builds, ``fit(X, y, sample_weight, predictions=...)`` and the predict methods get
    what the plain experts say, (n_samples, n_experts, n_outputs): in fit of rows that they did not
    see. Only a trainer that cross-fits can train it.
    """

    tasks = ("regression", "classification")
    depends_on = None

    @abstractmethod
    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        """Build an unfitted estimator with ``fit(X, y, sample_weight)``.

        It takes the table as it comes (DataFrame or array, categories, missing values).

        Parameters
        ----------
        task : {"regression", "classification"}
        n_classes : int, optional
            Number of classes; y is a code in 0..n_classes-1, and some may be missing in a part.
        random_state : int, optional
        device : str, default="cpu"
            "auto", "cpu", "cuda" or "cuda:N".
        n_jobs : int, optional

        Returns
        -------
        estimator : object with ``predict`` (regression) or ``predict_proba`` and ``classes_``
            Optional powers: ``log_prob(X, y)`` (nats), ``scale_``, ``n_parameters_``,
            ``parametric``; ``cross_fit(X, y, folds, sample_weight)``, which predicts every row out
            of fold, and ``refit(X, y, sample_weight)``, which is called on the same instance after
            it, fits all rows with what was found or made, and drops that. A network has
            ``learn_features(X, sample_weight)``, ``learn_target(y, sample_weight)``,
            ``module(Z, n_outputs)`` and ``net_``, by which ``train="gradient"`` trains it together
            with others; `NetExpert` has them all.
        """


class EstimatorExpert(Expert):
    """A scikit-learn estimator as an expert.

    Parameters
    ----------
    regressor, classifier : estimator, optional
        What to build for either task. It is cloned, never fitted; a plain model gets scikit-learn's
        table preparation in front, one that holds a Pipeline or a ColumnTransformer is left as it
        is.
    """

    def __init__(self, regressor=None, classifier=None):
        self.regressor = regressor
        self.classifier = classifier

    @property
    def tasks(self):
        parts = {"regression": self.regressor, "classification": self.classifier}
        return tuple(task for task, part in parts.items() if part is not None)

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        estimator = self.regressor if task == "regression" else self.classifier
        if estimator is None:
            other = self.classifier if task == "regression" else self.regressor
            raise TypeError(_wrong_task(other, task))
        estimator = configure(estimator, random_state=random_state, n_jobs=n_jobs, device=device)
        return (
            estimator
            if _prepares_tables(estimator)
            else Prepared(NumericTable(scale=False), estimator)
        )


def _wrong_task(estimator, task):
    kind = "regressor" if task == "regression" else "classifier"
    return f"For {task}, every expert must be a {kind}, got {estimator!r}."


def _prepares_tables(estimator):
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return get_tags(estimator).input_tags.categorical or any(
        isinstance(part, Pipeline | ColumnTransformer) for part in parts
    )


class _EstimatorFactory:
    """What one line registers: makes an EstimatorExpert from the estimator's own parameters."""

    def __init__(self, regressor=None, classifier=None):
        parts = [part for part in (regressor, classifier) if part is not None]
        if not parts or not all(inspect.isclass(part) for part in parts):
            raise TypeError(
                f"experts.register needs a class as regressor= or classifier=, got {regressor!r} "
                f"and "
                f"{classifier!r}; to use an instance, pass it in experts=[...]."
            )
        self.regressor, self.classifier = regressor, classifier
        self.__doc__ = parts[0].__doc__
        self.__signature__ = inspect.signature(parts[0])
        if not all(has_fit_parameter(part, "sample_weight") for part in parts):
            self.card_notes = ("fit takes no sample_weight: it gets a weighted bootstrap.",)

    def __call__(self, **params):
        return EstimatorExpert(
            regressor=self.regressor and self.regressor(**params),
            classifier=self.classifier and self.classifier(**params),
        )


def _adapt(module=None, **parts):
    """Make a plugin of one line: of scikit-learn estimators, or of a torch Module's class."""
    if module is None:
        return _EstimatorFactory(**parts)
    if parts or not callable(module):
        raise TypeError(
            "experts.register needs module= alone, a Module class or a function of n_inputs and "
            f"n_outputs, got module={module!r}{' and ' if parts else ''}{', '.join(parts)}."
        )
    from moe_lab.experts.module import ModuleFactory

    return ModuleFactory(module)


experts.adapter = _adapt


def as_expert(obj, task=None):
    """Return an Expert from a registered name, a (name, params) pair, an Expert, any estimator or
    the class of a torch Module.

    Raises
    ------
    TypeError
        If it cannot be an expert, or does not serve ``task``.
    """
    if isinstance(obj, BaseEstimator | Pipeline) and not isinstance(obj, Expert):
        if is_classifier(obj):
            expert = EstimatorExpert(classifier=obj)
        elif is_regressor(obj):
            expert = EstimatorExpert(regressor=obj)
        else:
            raise TypeError(f"An expert must be a classifier or a regressor, got {obj!r}.")
    elif _is_module(obj):
        expert = _module_expert(obj)
    else:
        expert = experts.resolve(obj, Expert)
    if task is not None and task not in expert.tasks:
        raise TypeError(_wrong_task(obj, task))
    return expert


def _is_module(obj):
    """Whether it is a torch Module or the class of one; torch is not imported for that."""
    torch = sys.modules.get("torch")
    kind = obj if inspect.isclass(obj) else type(obj)
    return torch is not None and issubclass(kind, torch.nn.Module)


def _module_expert(obj):
    from moe_lab.experts.module import ModuleExpert

    if not inspect.isclass(obj):
        raise TypeError(
            "A torch Module must be given as its class, of which every expert makes its own, got "
            f"an instance of {type(obj).__name__}. Pass the class, or ModuleExpert(make) with a "
            "function make(n_inputs, n_outputs)."
        )
    return ModuleExpert(obj)


def as_experts(spec, task, n_experts=None):
    """Return the list of Experts that ``experts=`` and ``n_experts=`` describe.

    Parameters
    ----------
    spec : "auto", one expert or a list of them
    task : {"regression", "classification"}
    n_experts : int, optional
        How many copies of one expert; with a list, its length or None.

    Returns
    -------
    experts : list of Expert
    """
    specs = listed(spec)
    if specs is not None:
        if not specs:
            raise ValueError(f"experts must hold at least one expert, got {spec!r}.")
        if n_experts is not None and n_experts != len(specs):
            raise ValueError(
                f"n_experts must be None or the length of experts, got n_experts={n_experts} and "
                f"{len(specs)} experts."
            )
        return [as_expert(one, task) for one in specs]
    if n_experts is None:
        raise ValueError(
            f"n_experts must be given when experts is one expert, got n_experts=None and "
            f"experts={spec!r}. "
            "Pass n_experts=4, a list of experts, or a divide that decides (a column, rules)."
        )
    return [as_expert(spec, task)] * n_experts


def listed(spec):
    """Return the experts that ``experts=`` lists, or None where it is one expert to be copied."""
    if isinstance(spec, str) and spec == "auto":
        return [name for name in AUTO if name != "catboost" or find_spec(name)]
    is_pair = len(spec) == 2 and isinstance(spec[1], dict) if isinstance(spec, tuple) else False
    return list(spec) if isinstance(spec, list | tuple) and not is_pair else None


def is_stacker(expert):
    """Say whether an expert, or what it built, is fitted to what the other experts say."""
    return getattr(expert, "depends_on", None) == "experts"


def label(expert):
    """Return the name by which people know an Expert: its registered one, or the estimator's class.

    Examples
    --------
    >>> label(as_expert("linear"))
    'linear'
    """
    if isinstance(expert, EstimatorExpert):
        return type(expert.classifier if expert.regressor is None else expert.regressor).__name__
    if hasattr(expert, "make"):  # a torch Module of the caller's
        return getattr(expert.make, "__name__", "module")
    return experts.name_of(expert) or type(expert).__name__


def configure(estimator, *, random_state, n_jobs, device):
    """Clone an estimator and set these parameters wherever it has them, inside pipelines too."""
    estimator = clone(estimator)
    settings = {"random_state": random_state, "n_jobs": n_jobs, "device": resolve_device(device)}
    found = {name: name.rsplit("__", 1)[-1] for name in estimator.get_params(deep=True)}
    return estimator.set_params(
        **{name: settings[last] for name, last in found.items() if last in settings}
    )
