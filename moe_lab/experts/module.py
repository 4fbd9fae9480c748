"""Module expert: any torch module of your own."""

from moe_lab.experts._net import NetExpert
from moe_lab.experts.base import experts


@experts.register("module")
class ModuleExpert(NetExpert):
    """A torch module of your own, behind the table's embeddings.

    Parameters
    ----------
    make : class or callable
        ``make(n_inputs, n_outputs)`` gives the Module, from (n_samples, n_inputs) to (n_samples,
        n_outputs): of one number, or of a logit for each class. It may return a pair of this and a
        loss, to be added while training. To be pickled, it must be importable: no lambda.
    params : dict, optional
        Passed to ``make`` by name.
    n_bins : int, default=0
        Pieces between the quantiles of a number, by which it is embedded; 0: read as it is.
    learning_rate, weight_decay, max_epochs, patience, verbose
        As for the mlp expert.

    Examples
    --------
    >>> from torch import nn
    >>> class Tanh(nn.Sequential):
    ...     def __init__(self, n_inputs, n_outputs):
    ...         super().__init__(nn.Linear(n_inputs, 8), nn.Tanh(), nn.Linear(8, n_outputs))
    >>> expert = ModuleExpert(Tanh)  # or the class itself: MoERegressor(Tanh, n_experts=3, ...)
    """

    title = "module"

    def __init__(
        self,
        make,
        params=None,
        n_bins=0,
        learning_rate=2e-3,
        weight_decay=1e-2,
        max_epochs=100,
        patience=10,
        verbose=0,
    ):
        self.make = make
        self.params = params
        self.n_bins = n_bins
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def body(self, chunks, n_outputs):
        return self.make(sum(chunks), n_outputs, **self.params or {})
