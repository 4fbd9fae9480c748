"""How fast the sparse layer is: against the dense limit, and against other packages' layers.

``python -m moe_lab.studies.sparse_speed`` prints the table. One thread, CPU time (on CUDA the time
between two events), by turns; a figure is the median of the repeats with their quartiles. The dense
limit is a plain net on as many rows as the layer dispatches, without a gate; the layer has its
default losses unless a row says otherwise. No pair is timed before its outputs are seen to be equal
or, against the limit, nothing is seen to be dropped.
"""

# shapes: (n)samples, (e)xperts, (d)features, (h)idden

import gc
import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from moe_lab.device import resolve_device
from moe_lab.nn import SparseMoE, load_mixture_of_experts
from moe_lab.progress import progress


class Size(NamedTuple):
    """A layer's size: rows, features, hidden units, experts."""

    n: int
    d: int
    h: int
    e: int

    def __str__(self):
        return f"{self.n:,} x {self.d} -> {self.h}, {self.e} experts"


FIRST = Size(4096, 512, 2048, 16)
LIMITS = {  # size -> goal, in times of the dense limit
    FIRST: 1.12,
    Size(16384, 256, 1024, 64): 1.12,
    Size(20000, 32, 64, 8): 1.3,
    Size(1000, 10, 64, 4): 2.0,
}
DROPLESS = Size(1024, 256, 1024, 16)
SCALING = (Size(65536, 64, 128, 8), Size(65536, 64, 128, 512))


class Pair(NamedTuple):
    """Two things to time by turns, and the goal of the first's time over the second's."""

    name: str
    ours: Callable
    theirs: Callable
    goal: str
    faster: bool = False  # whether the goal is of theirs over ours


def step(
    layer: torch.nn.Module, x: torch.Tensor, grad: torch.Tensor, backward: bool = True
) -> Callable:
    """Return a function that runs a layer once, with backward through output and loss."""

    def run():
        if not backward:
            with torch.no_grad():
                return layer(x)
        y, loss = _output_and_loss(layer(x))
        torch.autograd.backward([y, loss], [grad, torch.ones_like(loss)])
        layer.zero_grad()
        x.grad = None

    return run


def _output_and_loss(answer):
    if isinstance(answer, torch.Tensor):
        return answer, answer.new_zeros((), requires_grad=True)
    y, said = answer
    loss = said if isinstance(said, torch.Tensor) else said.loss
    return y, loss if loss.requires_grad else loss.requires_grad_()


def limit_pair(
    size: Size, goal: float | str, backward: bool = True, losses: dict | None = None
) -> Pair:
    """Pair the layer with a dense net on k rows for each of its rows."""
    torch.manual_seed(0)
    layer = SparseMoE(size.d, size.e, size.h, losses=losses)
    net = torch.nn.Sequential(
        torch.nn.Linear(size.d, size.h, bias=False),
        torch.nn.ReLU(inplace=True),
        torch.nn.Linear(size.h, size.d, bias=False),
    )
    x = torch.randn(size.n, size.d, requires_grad=True)
    many = torch.randn(2 * size.n, size.d, requires_grad=True)
    _, routing = layer(x)
    if routing.dropped != 0 or routing.load.sum() != 2 * size.n:
        raise RuntimeError(f"The layer must serve every choice, got the load {routing.load}.")
    name = f"dense limit, {size}" + ("" if backward else ", forward") + _loss_name(losses)
    ours = step(layer, x, torch.randn_like(x), backward)
    return Pair(name, ours, step(net, many, torch.randn_like(many), backward), f"<= {goal}")


def _loss_name(losses):
    return ", no loss" if losses == {} else ""


def package_pair(
    name: str, size: Size, capacity_factor: float, goal: str, backward: bool = True
) -> Pair:
    """Pair the layer with the package's, same weights and outputs."""
    torch.manual_seed(0)
    theirs = importlib.import_module("mixture_of_experts").MoE(
        size.d,
        num_experts=size.e,
        hidden_dim=size.h,
        second_policy_train="all",
        capacity_factor_train=capacity_factor,
    )
    ours = load_mixture_of_experts(theirs)
    x = torch.randn(1, size.n, size.d, requires_grad=True)
    (y, loss), (expected, expected_loss) = map(_output_and_loss, (ours(x), theirs(x)))
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss, expected_loss)
    grad = torch.randn_like(x)
    pair = (step(ours, x, grad, backward), step(theirs, x, grad, backward))
    return Pair(f"mixture-of-experts, {name}, {size}", *pair, goal, faster=True)


def transformers_pairs() -> Iterator[Pair]:
    """Pair the layer with transformers' Mixtral block, by its loop and by grouped_mm."""
    mixtral = importlib.import_module("transformers.models.mixtral.modeling_mixtral")
    torch.manual_seed(0)
    for kind, goal in (("grouped_mm", ">= 1"), ("eager", ">= 1.5")):
        config = mixtral.MixtralConfig(
            hidden_size=FIRST.d,
            intermediate_size=FIRST.h,
            num_local_experts=FIRST.e,
            num_experts_per_tok=2,
            hidden_act="silu",
        )
        config._experts_implementation = kind
        theirs = mixtral.MixtralSparseMoeBlock(config)
        for one in theirs.parameters():
            torch.nn.init.normal_(one, std=0.02)
        ours = SparseMoE(*FIRST[1::2], FIRST.h, activation="silu", gated=True, losses={})
        gate_up = theirs.experts.gate_up_proj.transpose(1, 2)  # (e, d, 2h)
        with torch.no_grad():
            ours.gate.linear.weight.copy_(theirs.gate.weight.t())
            ours.experts.w1.copy_(gate_up[..., : FIRST.h])
            ours.experts.w_gated.copy_(gate_up[..., FIRST.h :])
            ours.experts.w2.copy_(theirs.experts.down_proj.transpose(1, 2))
        x = torch.randn(1, FIRST.n, FIRST.d, requires_grad=True)
        expected, _ = _output_and_loss(theirs(x))
        torch.testing.assert_close(ours(x)[0], expected, rtol=1e-4, atol=1e-5)
        grad = torch.randn_like(x)
        pair = (step(ours, x, grad), step(theirs, x, grad))
        yield Pair(f"transformers {kind}, gated, {FIRST}", *pair, goal, faster=True)


def scaling_pair(losses: dict | None = None) -> Pair:
    """Pair the layer of many experts with that of few."""
    runs = []
    for size in reversed(SCALING):
        torch.manual_seed(0)
        layer = SparseMoE(size.d, size.e, size.h, losses=losses)
        x = torch.randn(size.n, size.d, requires_grad=True)
        if layer(x)[1].dropped != 0:
            raise RuntimeError("The layer must drop nothing.")
        runs.append(step(layer, x, torch.randn_like(x)))
    name = f"512 over 8 experts, {SCALING[0].n:,} x 64 -> 128" + _loss_name(losses)
    ours, theirs = runs
    return Pair(name, ours, theirs, "< 1.5")


def cpu_seconds(run: Callable) -> float:
    """Return the CPU seconds of a run."""
    began = time.process_time()
    run()
    return time.process_time() - began


def cuda_seconds(run: Callable) -> float:
    """Return the seconds of a run on the CUDA device, between two events of its stream."""
    began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    began.record()
    run()
    ended.record()
    torch.cuda.synchronize()
    return began.elapsed_time(ended) / 1e3


def by_turns(pair: Pair, repeats: int, seconds_of: Callable = cpu_seconds) -> np.ndarray:
    """Return the seconds of both, an array of shape (repeats, 2)."""
    seconds = np.empty((repeats, 2))
    for run in pair[1:3]:
        run()
    for row in progress(seconds, pair.name, shown=True):
        for j, run in enumerate(pair[1:3]):
            row[j] = seconds_of(run)
    return seconds


def cuda_peak_memory(run: Callable) -> int:
    """Return the bytes that torch held at most on the device in a run, over those before it."""
    run()
    gc.collect()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def peak_memory(run: Callable) -> int:
    """Return the bytes that torch held at most during a run, over those before it."""
    run()
    gc.collect()
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profile:
        run()
    events = [one for one in profile.profiler.kineto_results.events() if one.name() == "[memory]"]
    events.sort(key=lambda one: one.start_ns())
    return int(np.cumsum([one.nbytes() for one in events]).max())


def first_layer(**options: Any) -> Callable:
    """Return one forward and backward of the first size."""
    layer = SparseMoE(FIRST.d, FIRST.e, FIRST.h, losses={}, **options)
    x = torch.randn(FIRST.n, FIRST.d, requires_grad=True)
    return step(layer, x, torch.randn_like(x))


def pairs() -> Iterator[Pair]:
    """Yield what is timed, one pair at a time: they are large."""
    for size, goal in LIMITS.items():
        yield limit_pair(size, goal)
        yield limit_pair(size, goal, losses={})
    yield limit_pair(FIRST, "1 about", backward=False, losses={})
    if _has("mixture_of_experts"):
        yield package_pair("equal work", FIRST, 1.25, ">= 2.5")
        yield package_pair("equal work, forward", FIRST, 1.25, ">= 3.1", backward=False)
        yield package_pair("nothing dropped", DROPLESS, float(DROPLESS.e), ">= 10")
    if _has("transformers"):
        yield from transformers_pairs()
    yield scaling_pair()
    yield scaling_pair(losses={})


def memory(peak: Callable) -> Iterator[tuple[str, float, str]]:
    """Yield what is weighed: name, megabytes, goal; peak returns the bytes that a run takes."""
    yield f"peak over start, {FIRST}", peak(first_layer()) / 1e6, "<= 280"
    yield "the same, recompute=True", peak(first_layer(recompute=True)) / 1e6, "<= 215"
    if _has("mixture_of_experts"):
        pair = package_pair("", DROPLESS, float(DROPLESS.e), "")
        ours, theirs = peak(pair.ours) / 1e6, peak(pair.theirs) / 1e6
        yield f"nothing dropped, {DROPLESS}: theirs", theirs, ""
        yield "the same: ours", ours, f"<= {theirs / 8:.1f}"


def _has(package):
    # In half precision mixture-of-experts crashes, and rounded outputs are not equal.
    return torch.get_default_dtype() == torch.float32 and importlib.util.find_spec(package)


@click.command()
@click.option("--repeats", default=21, show_default=True)
@click.option("--only", default="", help="Only pairs with this in their name.")
@click.option("--device", default="cpu", show_default=True, type=click.Choice(["cpu", "cuda"]))
@click.option(
    "--dtype",
    default="float32",
    show_default=True,
    type=click.Choice(["float32", "bfloat16"]),
    help="bfloat16 takes CUDA's grouped kernels; other packages are left out.",
)
def main(repeats, only, device, dtype):
    """Print how fast the sparse layer is, and what memory it takes."""
    try:
        resolve_device(device)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    torch.set_num_threads(1)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            _print_tables(Console(), repeats, only, device)
    finally:
        torch.set_default_dtype(before)


def _print_tables(console, repeats, only, device):
    on_cuda = device == "cuda"
    console.print(torch.cuda.get_device_name() if on_cuda else "CPU", torch.get_default_dtype())
    for name in ("mixture_of_experts", "transformers"):
        if not _has(name):
            console.print(f"{name} is not installed, or not for this dtype: its rows are left out.")
    table = Table("against", "ours (ms)", "other (ms)", "ratio", "quartiles", "goal")
    for pair in pairs():
        if only in pair.name:
            seconds = by_turns(pair, repeats, cuda_seconds if on_cuda else cpu_seconds)
            table.add_row(*_cells(pair, seconds))
    console.print(table)
    table = Table("memory", "MB", "goal")
    for name, megabytes, goal in memory(cuda_peak_memory if on_cuda else peak_memory):
        table.add_row(name, f"{megabytes:.1f}", goal)
    console.print(table)


def _cells(pair, seconds):
    ours, other = 1e3 * np.median(seconds, axis=0)
    ratios = seconds[:, 1] / seconds[:, 0] if pair.faster else seconds[:, 0] / seconds[:, 1]
    low, high = np.quantile(ratios, [0.25, 0.75])
    ratio = other / ours if pair.faster else ours / other
    return (
        pair.name,
        f"{ours:.3g}",
        f"{other:.3g}",
        f"{ratio:.2f}",
        f"{low:.2f} to {high:.2f}",
        pair.goal,
    )


if __name__ == "__main__":
    main()
