"""Gradient under torchrun: several processes train one mixture."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

PROCESSES = """
import sys
import numpy as np
from moe_lab import MoERegressor
from moe_lab.testing import example_table, example_target

X = example_table(240)
y = example_target(X, "regression")
if len(sys.argv) > 2:  # another table in the second process
    import os
    y = y + int(os.environ["RANK"])
experts = [("mlp", {"hidden": (16,)}), ("sparse_moe", {"n_experts": 4, "width": 8, "n_blocks": 1})]
settings = {"batch_size": 34, "max_epochs": 2, "balance": 0.1}
moe = MoERegressor(experts, train=("gradient", settings), device="cpu", random_state=0).fit(X, y)
numbers = np.concatenate([moe.predict(X), moe.gate_weights(X).ravel(), moe.scales_])
from moe_lab.nn import processes
np.save(f"{sys.argv[1]}{processes.count()}{processes.number()}.npy", numbers)
moe.history_.to_csv(f"{sys.argv[1]}{processes.count()}{processes.number()}.csv")
"""


def torchrun(n_processes, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={n_processes}", *map(str, arguments)]
    clean = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=clean)


@pytest.mark.slow
def test_two_processes_of_torchrun_train_what_one_does(tmp_path):
    script = tmp_path / "fit.py"
    script.write_text(PROCESSES)
    subprocess.run([sys.executable, script, tmp_path / "p"], check=True, timeout=300)
    done = torchrun(2, script, tmp_path / "p")
    assert done.returncode == 0, done.stderr
    one, first, second = (np.load(tmp_path / f"p{name}.npy") for name in ("10", "20", "21"))
    assert_array_equal(first, second)
    assert_allclose(first, one, rtol=1e-5, atol=1e-5)
    histories = [pd.read_csv(tmp_path / f"p{name}.csv") for name in ("10", "20")]
    pd.testing.assert_frame_equal(*histories, rtol=1e-5)


@pytest.mark.slow
def test_processes_with_different_tables_are_told_so(tmp_path):
    script = tmp_path / "fit.py"
    script.write_text(PROCESSES)
    done = torchrun(2, script, tmp_path / "p", "different")
    assert done.returncode != 0
    assert "must be the same in all 2 processes" in done.stderr


RUNNING_MEANS = """
import sys
import numpy as np
from torch import nn
from moe_lab import MoERegressor
from moe_lab.nn import processes

class Normed(nn.Sequential):
    def __init__(self, n_inputs, n_outputs):
        super().__init__(nn.BatchNorm1d(n_inputs), nn.Linear(n_inputs, n_outputs))

X = np.random.default_rng(0).normal(size=(200, 3))
moe = MoERegressor(Normed, 2, train=("gradient", {"max_epochs": 2}), device="cpu", random_state=0)
said = moe.fit(X, X[:, 0]).predict(X)
np.save(f"{sys.argv[1]}{processes.number()}.npy", said)
"""


@pytest.mark.slow
def test_processes_end_with_the_same_running_means(tmp_path):
    script = tmp_path / "fit.py"
    script.write_text(RUNNING_MEANS)
    done = torchrun(2, script, tmp_path / "p")
    assert done.returncode == 0, done.stderr
    assert "FutureWarning" not in done.stderr
    assert_array_equal(*(np.load(tmp_path / f"p{number}.npy") for number in (0, 1)))
