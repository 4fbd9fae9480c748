"""Any scikit-learn estimator as an expert, and the one line that registers it."""

import inspect

from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from moe_lab.device import resolve_device
from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared

__all__ = ["EstimatorExpert", "configure", "wrong_task"]


class EstimatorExpert(Expert):
    """A scikit-learn estimator as an expert.

    Parameters
    ----------
    regressor, classifier : estimator, optional
        What to build for either task. It is cloned, never fitted; a plain model gets a
        `NumericTable` in front, one that holds a Pipeline or a ColumnTransformer is left as it
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
            raise TypeError(wrong_task(other, task))
        estimator = configure(estimator, random_state=random_state, n_jobs=n_jobs, device=device)
        return (
            estimator
            if _prepares_tables(estimator)
            else Prepared(NumericTable(scale=False), estimator)
        )


def wrong_task(estimator, task):
    """Return the words for an estimator that does not serve the task."""
    kind = "regressor" if task == "regression" else "classifier"
    return f"For {task}, every expert must be a {kind}, got {estimator!r}."


def _prepares_tables(estimator):
    parts = [estimator, *estimator.get_params(deep=True).values()]
    return get_tags(estimator).input_tags.categorical or any(
        isinstance(part, Pipeline | ColumnTransformer) for part in parts
    )


def configure(estimator, *, random_state, n_jobs, device):
    """Clone an estimator and set these parameters wherever it has them, inside pipelines too."""
    estimator = clone(estimator)
    settings = {"random_state": random_state, "n_jobs": n_jobs, "device": resolve_device(device)}
    if n_jobs == 1:  # what None means; some models warn of a number
        settings["n_jobs"] = None
    found = {name: name.rsplit("__", 1)[-1] for name in estimator.get_params(deep=True)}
    return estimator.set_params(
        **{name: settings[last] for name, last in found.items() if last in settings}
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
