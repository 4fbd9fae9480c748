"""MLP expert: a small neural network in torch."""

from moe_lab.device import resolve_device
from moe_lab.experts._net import NetClassifier, NetRegressor
from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared


@experts.register("mlp")
class MLPExpert(Expert):
    """A multilayer perceptron on standardised columns, trained by AdamW and stopped early.

    Parameters
    ----------
    hidden : tuple of int, default=(128, 128)
        Widths of the hidden layers.
    learning_rate : float, default=2e-3
        At first; it falls whenever the held-out loss stalls.
    weight_decay : float, default=1e-2
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out loss before training stops.
    verbose : int, default=0
        1 shows a progress bar; Ctrl-C then ends training with the best weights so far.
    """

    def __init__(
        self,
        hidden=(128, 128),
        learning_rate=2e-3,
        weight_decay=1e-2,
        max_epochs=100,
        patience=10,
        verbose=0,
    ):
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        try:
            import torch  # noqa: F401
        except ImportError as error:
            raise ImportError("torch is not installed; run pip install torch.") from error
        model = NetRegressor if task == "regression" else NetClassifier
        settings = self.get_params(deep=False)
        settings |= {"random_state": random_state, "device": resolve_device(device)}
        return Prepared(NumericTable(scale=True), model(**settings))
