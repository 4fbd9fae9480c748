"""Balancing losses, named after the papers that brought them; all but z are least at balance.

Each is of the rows that it is given. A layer that trains in several processes gives the mean of all
their rows as one row: see `moe_lab.nn.processes.Peers`.
"""

# shapes: (n)samples, (e)xperts, (k) choices of a row

from torch import Tensor


def importance(gate_weights: Tensor) -> Tensor:
    """Squared coefficient of variation of the experts' summed gate weights.

    Parameters
    ----------
    gate_weights : Tensor of shape (n_samples, n_experts)
        Zero for experts that a row did not choose.

    References
    ----------
    Shazeer et al. (2017), Eq. 6 and 7.

    Examples
    --------
    >>> import torch
    >>> importance(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor(0.)
    """
    return _squared_variation(gate_weights.mean(0))


def load(chance: Tensor) -> Tensor:
    """Squared coefficient of variation of the experts' expected loads under the gate's noise.

    Parameters
    ----------
    chance : Tensor of shape (n_samples, n_experts)
        Probability that a new draw of its own noise would let a row choose the expert.

    References
    ----------
    Shazeer et al. (2017), Eq. 8 to 11.
    """
    return _squared_variation(chance.mean(0))


def switch(probabilities: Tensor, shares: Tensor) -> Tensor:
    """n_experts times the sum of dispatched share times mean probability: 1 at balance.

    Parameters
    ----------
    probabilities : Tensor of shape (n_samples, n_experts)
        Softmax of the gate over all experts.
    shares : Tensor of shape (n_experts,)
        Share of all choices that went to each expert, before capacity; sums to 1.

    References
    ----------
    Fedus, Zoph & Shazeer (2022), Switch Transformers, Eq. 4 to 6; there one choice a row.

    Examples
    --------
    >>> import torch
    >>> switch(torch.full((3, 4), 0.25), torch.full((4,), 0.25))
    tensor(1.)
    """
    return shares.shape[0] * (probabilities.mean(0) * shares).sum()


def gshard(probabilities: Tensor, first_shares: Tensor) -> Tensor:
    """As `switch`, with the shares of the first choices alone, however many a row has.

    References
    ----------
    Lepikhin et al. (2021), GShard, Algorithm 1, times n_experts squared.
    """
    return switch(probabilities, first_shares)


def z(logits: Tensor) -> Tensor:
    """Mean squared log-sum-exp of the gate's logits: keeps them small.

    References
    ----------
    Zoph et al. (2022), ST-MoE, Eq. 5.
    """
    return logits.logsumexp(-1).square().mean()


def _squared_variation(x):
    if x.shape[-1] == 1:
        return x.sum() * 0.0
    return x.var(-1, correction=0) / (x.mean(-1).square() + 1e-10)
