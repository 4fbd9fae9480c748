"""What the tests of the layers share: code in two processes."""

import subprocess
import sys
import textwrap

import pytest

START = """
import sys
import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from moe_lab.nn import HierarchicalMoE, SparseMoE, update_biases

rank, meet = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)

def join():
    distributed.init_process_group("gloo", init_method="file://" + meet, rank=rank, world_size=2)
"""
END = """
distributed.destroy_process_group()
print("done")
"""


@pytest.fixture
def in_two_processes(tmp_path):
    """Return a function that runs code in two processes, which `join()` when they like."""
    return lambda code: _run(code, tmp_path)


def _run(code, folder):
    """Fail unless both come to the code's end."""
    code = START + textwrap.dedent(code) + END
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(folder / "meet")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        for one in running:
            said, errors = one.communicate(timeout=60)
            assert said == "done\n", errors
    finally:
        for one in running:
            one.kill()
