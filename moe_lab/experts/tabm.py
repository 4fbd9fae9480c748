"""TabM expert: many small networks in one, for tables."""

from sklearn.utils import check_random_state

from moe_lab.device import resolve_device
from moe_lab.experts._net import NetClassifier, NetRegressor
from moe_lab.experts.base import Expert, experts
from moe_lab.table import NumericTable, Prepared


@experts.register("tabm")
class TabMExpert(Expert):
    """An ensemble of networks that share most weights (Gorishniy, Kotelnikov & Babenko, 2024).

    Numbers are embedded piecewise linearly; every member is trained by itself, training stops when
    their mean loss on held-out rows does.

    Parameters
    ----------
    n_members : int, default=16
        Networks in one.
    width : int, default=128
        Of each of the two hidden layers.
    n_bins : int, default=24
        Pieces of a column's embedding; 0: columns are read as they are.
    dropout : float, default=0.1
    learning_rate : float, default=2e-3
        At first; it falls whenever the held-out loss stalls.
    weight_decay : float, default=3e-4
    max_epochs : int, default=100
    patience : int, default=10
        Epochs without a better held-out loss before training stops.
    verbose : int, default=0
        1 shows a progress bar; Ctrl-C then ends training with the best weights so far.
    """

    example_params = {"n_members": 4, "width": 32, "max_epochs": 40}

    def __init__(
        self,
        n_members=16,
        width=128,
        n_bins=24,
        dropout=0.1,
        learning_rate=2e-3,
        weight_decay=3e-4,
        max_epochs=100,
        patience=10,
        verbose=0,
    ):
        self.n_members = n_members
        self.width = width
        self.n_bins = n_bins
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose

    def build(self, task, *, n_classes=None, random_state=None, device="cpu", n_jobs=None):
        try:
            import tabm  # noqa: F401
        except ImportError as error:
            raise ImportError("tabm is not installed; run pip install tabm.") from error
        model = TabMRegressor if task == "regression" else TabMClassifier
        settings = self.get_params(deep=False)
        settings |= {"random_state": random_state, "device": resolve_device(device)}
        return Prepared(NumericTable(scale=True), model(**settings))


class _TabM:
    """What makes a network of `_net` a TabM."""

    title = "tabm"

    def __init__(
        self,
        n_members=16,
        width=128,
        n_bins=24,
        dropout=0.1,
        learning_rate=2e-3,
        weight_decay=3e-4,
        max_epochs=100,
        patience=10,
        verbose=0,
        random_state=None,
        device="cpu",
    ):
        self.n_members = n_members
        self.width = width
        self.n_bins = n_bins
        self.dropout = dropout
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose
        self.random_state = random_state
        self.device = device

    def _train(self, X, targets, weight, n_outputs):
        """Train; torch's global generator, from which weights and dropout are drawn, is left as it
        was."""
        import torch

        on_card = [torch.device(self.device)] if self.device != "cpu" else []
        with torch.random.fork_rng(on_card):
            torch.manual_seed(check_random_state(self.random_state).randint(2**31 - 1))
            super()._train(X, targets, weight, n_outputs)

    def _make_net(self, X, n_outputs, rng):
        from moe_lab.experts._tabm_net import TabMNet

        return TabMNet(
            X,
            n_outputs,
            n_members=self.n_members,
            width=self.width,
            n_bins=self.n_bins,
            dropout=self.dropout,
        )


class TabMRegressor(_TabM, NetRegressor):
    """TabM for a number."""


class TabMClassifier(_TabM, NetClassifier):
    """TabM for classes."""
