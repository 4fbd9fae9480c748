"""Layers in processes that torch.distributed has joined: who waits for whom, and what for."""

import copy
import pickle

import torch

from moe_lab.nn import SparseMoE, processes


def test_a_process_predicts_alone(in_two_processes):
    in_two_processes(
        """
        options = {"losses": {"switch": 1.0, "importance": 1.0}, "bias_rate": 0.1}
        layers = [SparseMoE(8, 4, 16, **options), HierarchicalMoE(8, (2, 2), 16, **options)]
        join()
        for layer in layers if rank == 0 else []:
            with torch.no_grad():
                layer(torch.randn(5, 8))
            _, routing = layer.eval()(torch.randn(5, 8))
            routing.loss.backward()
        distributed.barrier()
        """
    )


UNEVEN = """
    losses = dict.fromkeys(("gshard", "importance", "load", "switch"), 1.0)
    noisy = SparseMoE(8, 4, 16, noisy=True, losses=losses)
    torch.randn_like = torch.zeros_like  # the draws of its noise
    losses = {"gshard": 1.0, "importance": 1.0, "switch": 1.0}
    plain, two_levels = SparseMoE(8, 4, 16), HierarchicalMoE(8, (2, 2), 16, losses=losses)
    x = torch.rand(40, 8)

    def gradients(layer, x):
        layer.zero_grad()
        routing = layer(x)[1]
        routing.loss.backward()
        return routing.loss.detach(), [one.grad for one in layer.gate.parameters()]

    layers = [plain, two_levels, noisy]
    whole = [gradients(layer, x) for layer in layers]
    join()
    for n in (30, 40):
        for layer, (loss, grads) in zip(layers, whole, strict=True):
            mine, parts = gradients(layer, x[:n] if rank == 0 else x[n:])
            torch.testing.assert_close(mine, loss)
            for part, grad in zip(parts, grads, strict=True):
                distributed.all_reduce(part)
                torch.testing.assert_close(part / 2, grad, rtol=1e-4, atol=1e-6)
"""


def test_batches_of_other_sizes_and_of_no_rows_are_one_batch_to_the_losses(in_two_processes):
    in_two_processes(UNEVEN)


def test_processes_with_groups_of_their_own_make_as_many_steps_as_they_like(in_two_processes):
    in_two_processes(
        """
        join()
        own, _ = distributed.new_subgroups(1)
        for make in (SparseMoE, lambda d, e, **o: HierarchicalMoE(d, (2, 2), **o)):
            layer = make(8, 4, process_group=own, bias_rate=0.1)
            parallel = DistributedDataParallel(layer)
            with parallel.join():
                for _ in range(3 - rank):
                    y, routing = parallel(torch.randn(5, 8))
                    (y.square().sum() + routing.loss).backward()
                    update_biases(parallel)
        """
    )


def test_a_process_fits_a_network_alone(in_two_processes):
    in_two_processes(
        """
        import numpy as np
        from moe_lab.registry import experts
        join()
        X = np.random.default_rng(0).normal(size=(60, 3))
        net = {"n_experts": 4, "width": 8, "n_blocks": 1, "max_epochs": 2}
        if rank == 0:
            experts.create("sparse_moe", **net).build("regression").fit(X, X[:, 0]).predict(X)
        distributed.barrier()
        """
    )


def test_loads_of_several_batches_are_those_of_all_processes(in_two_processes):
    in_two_processes(
        """
        layer = SparseMoE(8, 4, 16, bias_rate=0.1, losses={})
        x = torch.randn(4, 20, 8) + torch.randn(4, 1, 8)  # each batch to other experts
        load = sum(layer(one)[1].load for one in x)
        expected = (load.sum() - 4 * load).sign()
        layer.gate.linear.load_bias.reset_parameters()
        join()
        parallel = DistributedDataParallel(layer)
        for one in x[2 * rank : 2 * rank + 2]:
            parallel(one)[0].sum().backward()
        update_biases(parallel)
        assert torch.equal(layer.gate.linear.load_bias.steps, expected)
        """
    )


def test_a_group_stays_with_copies_and_is_not_saved():
    group = object()
    layer = SparseMoE(8, 4, process_group=group, bias_rate=0.1)
    assert copy.deepcopy(layer).gate.peers.group is group
    loaded = pickle.loads(pickle.dumps(layer))
    assert loaded.gate.peers.group is None
    assert loaded.gate.linear.load_bias.peers.group is None


def test_who_works_alone_has_no_others(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda group=None: 3)
    assert processes.count() == 3
    with processes.alone(False):
        assert processes.count() == 3
    with processes.alone():
        assert processes.count() == 1
    assert processes.count() == 3


def test_plain_data_parallel_trains_experts_that_only_some_processes_ask(in_two_processes):
    in_two_processes(
        """
        nested = [SparseMoE(8, 2, 16, losses={"switch": 1.0, "z": 1.0}) for _ in range(3)]
        mixed = [nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 8), nn.ReLU(True)), nn.Linear(8, 8)]
        layers = [SparseMoE(8, 3, top_k=1, experts=one) for one in (mixed, nested)]
        join()
        x = torch.rand(20, 8)
        for layer in layers:
            with torch.no_grad():  # each process asks another expert, and nobody the third
                layer.gate.linear.weight.zero_()[:, rank] = 9.0
            parallel = DistributedDataParallel(layer)
            with torch.no_grad():
                layer.gate.linear.weight.zero_()[:, rank] = 9.0
            for _ in range(3):
                y, routing = parallel(x)
                assert routing.load[rank] == 20
                (y.square().mean() + routing.loss).backward()
            assert all(one.grad is not None for one in layer.parameters())
        """
    )


def test_sharded_experts_are_the_experts(in_two_processes):
    in_two_processes(
        """
        from torch.distributed.fsdp import fully_shard
        make = [
            lambda: SparseMoE(8, 4, 16, bias=True),
            lambda: SparseMoE(8, 4, 16, None),
            lambda: SparseMoE(8, 4, top_k=1, experts=[nn.Linear(8, 8) for _ in range(4)]),
            lambda: HierarchicalMoE(8, (2, 2), 16),
        ]
        layers = [one() for one in make]
        x = torch.rand(20, 8)

        def gradients(layer, x):
            layer.zero_grad()
            y, routing = layer(x)
            (y.square().mean() + routing.loss).backward()
            return [one.grad for one in layer.parameters()]

        whole = [gradients(layer, x) for layer in layers]
        whole = [[one.clone() for one in grads] for grads in whole]
        join()
        for layer, expected in zip(layers, whole, strict=True):
            for one in getattr(layer.experts, "members", []):
                fully_shard(one)
            fully_shard(layer.experts)
            fully_shard(layer)
            for _ in range(2):
                mine = gradients(layer, x[10 * rank : 10 * rank + 10])
            for got, one in zip(mine, expected, strict=True):
                torch.testing.assert_close(got.full_tensor(), one, rtol=1e-4, atol=1e-5)
        """
    )
