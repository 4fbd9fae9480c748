"""Training one net on the facts, and what is noted on the way."""

# shapes: (n)samples, (e)xperts, (k) choices of a row, (s)tages of training

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from moe_lab.nn import update_biases
from moe_lab.nn.threads import one_thread

if TYPE_CHECKING:
    from moe_lab.studies.sparse_layer.facts import Facts
    from moe_lab.studies.sparse_layer.nets import Net

__all__ = ["Trained", "train"]

STAGES = 40  # after each the recall is measured
WARM_UP = 0.1  # share of the steps in which the learning rate rises; then it falls to 0


class Trained(NamedTuple):
    """What came of training one net."""

    steps: np.ndarray  # (s,): steps made at the end of each stage
    bits: np.ndarray  # (s,): bits recalled of one fact, mean over all facts
    recalled: np.ndarray  # (s,): share of the facts whose answer was the likeliest
    loads: np.ndarray | None  # (s, e): rows that each expert served in a stage
    experts: np.ndarray | None  # (n, k): the experts of each fact in the end, best first
    seconds: float  # of all steps; CPU time where the device is the CPU


def train(
    net: Net,
    facts: Facts,
    *,
    n_steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    device: str = "cpu",
) -> Trained:
    """Train a net by Adam to tell the answers from the keys.

    Parameters
    ----------
    net : Net
        Changed in place.
    facts : Facts
    n_steps, batch_size : int
    learning_rate : float
        The highest: it rises to it, and falls to 0.
    seed : int
        Draws the order of the facts.
    device : str, default="cpu"

    Returns
    -------
    trained : Trained
    """
    if batch_size > len(facts.keys):
        raise ValueError(
            "batch_size must be at most n_facts, "
            f"got batch_size={batch_size} and n_facts={len(facts.keys)}."
        )
    net.to(device)
    keys, answers = (torch.from_numpy(one).to(device) for one in facts[:2])
    update = _updater(net, learning_rate, n_steps)
    order = _batches(len(keys), batch_size, seed, device)
    ends = np.linspace(0, n_steps, min(STAGES, n_steps) + 1).round().astype(int)
    stages = []
    with one_thread():
        for n_more in np.diff(ends):
            began = _clock(device)
            load = sum(
                _step(net, keys[rows], answers[rows], update) for rows in islice(order, n_more)
            )
            seconds = _clock(device) - began
            stages.append((_numbers(load), seconds, *_recall(net, keys, answers, facts.bits)))
    loads, seconds, bits, recalled, experts = zip(*stages, strict=True)
    served = None if experts[-1] is None else np.array(loads)
    return Trained(ends[1:], np.array(bits), np.array(recalled), served, experts[-1], sum(seconds))


def _updater(net, learning_rate, n_steps):
    """Return a function that makes Adam's next step down a loss."""
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, n_steps, pct_start=WARM_UP, cycle_momentum=False
    )

    def update(loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        update_biases(net)

    return update


def _batches(n_facts, batch_size, seed, device):
    """Yield rows, all facts in a new order again and again; what fills no batch is left out."""
    generator = torch.Generator().manual_seed(seed)
    n_whole = n_facts // batch_size * batch_size
    while True:
        order = torch.randperm(n_facts, generator=generator)[:n_whole]
        yield from order.to(device).split(batch_size)


def _step(net, keys, answers, update):
    """Make a step and return the load of each expert, 0 where there are none."""
    net.train()
    logits, routing = net(keys)
    loss = F.cross_entropy(logits, answers)
    update(loss if routing is None else loss + routing.loss)
    return 0 if routing is None else routing.load


@torch.no_grad()
def _recall(net, keys, answers, bits):
    """Return bits recalled of a fact, share of the facts recalled, and the experts asked."""
    net.eval()
    logits, routing = net(keys)
    unknown = F.cross_entropy(logits, answers).item() / np.log(2)  # bits still to be told
    recalled = (logits.argmax(1) == answers).float().mean().item()
    return bits - unknown, recalled, None if routing is None else _numbers(routing.experts)


def _numbers(tensor):
    return tensor.cpu().numpy() if isinstance(tensor, torch.Tensor) else tensor


def _clock(device):
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
