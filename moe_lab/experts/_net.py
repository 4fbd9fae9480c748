"""Networks as experts: minibatches, early stopping, best weights restored."""

import copy
import itertools
import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

# shapes: (n)samples, (d)features, (m)embers of an ensemble, (o)utputs
HELD_OUT = 0.15  # share of the rows by which training is stopped
MIN_HELD_OUT = 10  # rows; with fewer, the training loss stops
PREDICT_ROWS = 65_536


class Net(BaseEstimator):
    """What all networks share: minibatches, early stopping, restoring the best weights.

    A subclass may make another network and score its outputs otherwise.
    """

    title = "mlp"  # of the progress bar

    def __init__(
        self,
        hidden=(128, 128),
        learning_rate=2e-3,
        weight_decay=1e-2,
        max_epochs=100,
        patience=10,
        verbose=0,
        random_state=None,
        device="cpu",
    ):
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.patience = patience
        self.verbose = verbose
        self.random_state = random_state
        self.device = device

    def _train(self, X, targets, weight, n_outputs):
        import torch

        rng = check_random_state(self.random_state)
        kept = weight > 0
        self.net_ = self._make_net(X[kept], n_outputs, rng).to(self.device)
        data = [
            torch.as_tensor(part, device=self.device)
            for part in (
                X[kept].astype(np.float32),
                targets[kept],
                (weight[kept] / weight[kept].mean()).astype(np.float32),
            )
        ]
        order = rng.permutation(int(kept.sum()))
        n_held_out = int(HELD_OUT * len(order))
        if n_held_out < MIN_HELD_OUT:
            train = held_out = order
        else:
            held_out, train = order[:n_held_out], order[n_held_out:]
        self._stop_early(data, train, [part[held_out] for part in data], rng)

    def _make_net(self, X, n_outputs, rng):
        return _build_net([X.shape[1], *self.hidden, n_outputs], rng)

    def _stop_early(self, data, train, held_out, rng):
        from torch.optim import AdamW
        from torch.optim.lr_scheduler import ReduceLROnPlateau
        from tqdm.auto import trange

        optimizer = AdamW(
            self.net_.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
        )
        schedule = ReduceLROnPlateau(optimizer, factor=0.3, patience=self.patience // 2)
        best, self.best_epoch_, self.history_ = None, 0, []
        bar = trange(self.max_epochs, desc=self.title, leave=False, disable=not self.verbose)
        try:
            for epoch in bar:
                self._one_epoch(data, rng.permutation(train), optimizer)
                self.history_.append(self._loss(held_out).item())
                schedule.step(self.history_[-1])
                if best is None or self.history_[-1] < self.history_[self.best_epoch_]:
                    best, self.best_epoch_ = copy.deepcopy(self.net_.state_dict()), epoch
                elif epoch - self.best_epoch_ >= self.patience:
                    break
        except KeyboardInterrupt:
            if best is None or not self.verbose:
                raise
            warnings.warn(
                f"Training was interrupted in epoch {len(self.history_) + 1} of {self.max_epochs}; "
                "the best weights so far are kept.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.net_.load_state_dict(best)
        self.net_.eval()

    def _one_epoch(self, data, order, optimizer):
        size = min(256, max(16, len(order) // 20))
        self.net_.train()
        for start in range(0, len(order), size):
            batch = [part[order[start : start + size]] for part in data]
            optimizer.zero_grad()
            self._batch_loss(*batch).backward()
            optimizer.step()

    def _loss(self, data):
        import torch

        self.net_.eval()
        with torch.no_grad():
            return self._batch_loss(*data)

    def _batch_loss(self, X, targets, weight):
        return (weight * self._row_loss(self.net_(X), targets)).sum() / weight.sum()

    def _outputs(self, X):
        import torch

        device = next(self.net_.parameters()).device
        X = torch.as_tensor(np.asarray(X, dtype=np.float32), device=device)
        with torch.no_grad():
            parts = [self.net_(rows) for rows in X.split(PREDICT_ROWS)]
        return torch.cat(parts).cpu().numpy().astype(float)  # (n, o)

    def __getstate__(self):
        state = super().__getstate__()
        if "net_" in state:  # what was trained on a CUDA device can be read without one
            state["net_"] = copy.deepcopy(state["net_"]).cpu()
        return state


class NetRegressor(RegressorMixin, Net):
    """Network with one output, trained on the squared error of the standardised target."""

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        self.mean_ = np.average(y, weights=weight)
        self.spread_ = np.sqrt(np.average((y - self.mean_) ** 2, weights=weight))
        targets = ((y - self.mean_) / (self.spread_ or 1.0)).astype(np.float32)
        self._train(X, targets, weight, n_outputs=1)
        return self

    def predict(self, X):
        outputs = self._outputs(X)  # (n, o) or (n, m, o)
        return outputs.reshape(len(X), -1).mean(axis=1) * self.spread_ + self.mean_

    def _row_loss(self, outputs, targets):
        errors = outputs.flatten(1) - targets[:, None]  # (n, m): every member is trained by itself
        return (errors**2).mean(dim=1)


class NetClassifier(ClassifierMixin, Net):
    """Network with one output per class, trained on the log-loss."""

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, float)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._train(X, codes, weight, n_outputs=len(self.classes_))
        return self

    def predict_proba(self, X):
        from scipy.special import softmax

        probabilities = softmax(self._outputs(X), axis=-1)  # (n, o) or (n, m, o)
        return probabilities if probabilities.ndim == 2 else probabilities.mean(axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def _row_loss(self, outputs, targets):
        from torch.nn.functional import cross_entropy

        if outputs.ndim == 2:
            return cross_entropy(outputs, targets, reduction="none")
        n_members = outputs.shape[1]  # every member is trained by itself
        losses = cross_entropy(
            outputs.flatten(0, 1), targets.repeat_interleave(n_members), reduction="none"
        )
        return losses.reshape(-1, n_members).mean(dim=1)


def _build_net(widths, rng):
    """Linear layers with ReLU between; torch's usual weights, its global generator untouched."""
    from torch import nn, tensor
    from torch.nn.utils import skip_init

    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        layer = skip_init(nn.Linear, n_in, n_out)
        for parameter in layer.parameters():
            bound = 1 / np.sqrt(max(n_in, 1))
            drawn = rng.uniform(-bound, bound, size=tuple(parameter.shape))
            parameter.data = tensor(drawn.astype(np.float32))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
