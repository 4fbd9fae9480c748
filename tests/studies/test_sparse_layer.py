"""Sparse experts against dense nets: equal costs, a task for memory alone, what tables say."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from moe_lab.bench import leaderboard
from moe_lab.studies import sparse_layer as study
from moe_lab.studies.sparse_layer.training import STAGES

SETTING = study.Setting(
    n_facts=512,
    n_topics=4,
    n_answers=8,
    dim=16,
    n_experts=8,
    hidden_dim=16,
    n_steps=200,
    batch_size=128,
    device="cpu",
)
SHORT = replace(SETTING, n_steps=20)
RATES = dict.fromkeys(study.METHODS, 0.02)


@pytest.fixture(scope="module")
def compared():
    return study.compare(SETTING, RATES, seeds=[0, 1], n_jobs=1)


@pytest.mark.parametrize("sizes", [{}, {"top_k": 1}, {"n_experts": 32, "dim": 24}])
def test_dense_and_sparse_cost_the_same(sizes):
    table = study.costs(replace(SETTING, **sizes))
    sparse = table.loc[list(study.SPARSE)]
    dense, large = table.loc[study.DENSE], table.loc["dense, same parameters"]
    assert (sparse["active_flops"] == dense["active_flops"]).all()
    assert (sparse["parameters"] == large["parameters"]).all()
    assert large["active_flops"] > 2 * dense["active_flops"]
    assert large["parameters"] > 2 * dense["parameters"]


def test_an_odd_number_of_experts_costs_the_same_within_two_percent():
    table = study.costs(replace(SETTING, n_experts=9))
    flops = table["active_flops"] / table.loc[study.DENSE, "active_flops"]
    assert flops[list(study.SPARSE)].to_numpy() == pytest.approx(1, abs=0.02)


def test_active_flops_are_those_of_two_experts_gate_and_readout():
    d, h, e, c = SETTING.dim, SETTING.hidden_dim, SETTING.n_experts, SETTING.n_answers
    expected = 2 * (2 * 2 * d * h) + 2 * d * e + 2 * d * c
    assert study.costs(SETTING).loc["sparse, switch loss", "active_flops"] == expected


def test_facts_are_those_of_their_seed():
    first, again, other = (SETTING.facts(seed) for seed in (3, 3, 4))
    assert all(np.array_equal(*pair) for pair in zip(first[:3], again[:3], strict=True))
    assert not np.array_equal(first.keys, other.keys)
    assert not np.array_equal(first.answers, other.answers)


def test_topics_have_shares_as_one_over_their_rank_and_keys_of_variance_one():
    facts = study.draw_facts(24_000, 16, n_topics=4, n_answers=8, separation=2.0, seed=0)
    assert np.bincount(facts.topics).tolist() == [11520, 5760, 3840, 2880]
    assert facts.table()["bits"].sum() == pytest.approx(24_000 * 3)
    variances = [
        study.draw_facts(24_000, 64, n_topics=99, n_answers=8, separation=s, seed=0).keys.var()
        for s in (0.0, 2.0)
    ]
    assert variances == pytest.approx([1, 1], rel=0.2)


def test_neither_topic_nor_a_line_tells_the_answer():
    facts = study.Setting().facts(0)
    assert facts.table()["commonest_answer"].max() < 2 / facts.n_answers
    line = LogisticRegression(C=100.0, max_iter=200).fit(facts.keys, facts.answers)
    assert line.score(facts.keys, facts.answers) < 2.5 / facts.n_answers
    other = LogisticRegression(max_iter=200).fit(facts.keys, facts.topics)
    assert other.score(facts.keys, facts.topics) > 0.99  # the topics themselves are plain to see


def test_sparse_experts_recall_more_than_a_dense_net_of_the_same_flops(compared):
    scores, _ = compared
    bits = scores.groupby("method")["bits"].mean()
    assert bits["linear"] < bits[study.DENSE] < bits[list(study.SPARSE)].min() - 0.3
    assert bits["dense, same parameters"] > bits[study.DENSE] + 0.3


def test_bits_are_those_of_the_cross_entropy_and_recall_that_of_the_likeliest_answer():
    facts, net = SETTING.facts(0), study.build(study.DENSE, SETTING, seed=0)
    trained = study.train(net, facts, n_steps=30, batch_size=128, learning_rate=0.02, seed=0)
    with torch.no_grad():
        chances = net(torch.from_numpy(facts.keys))[0].double().softmax(1).numpy()
    own = chances[np.arange(len(facts.answers)), facts.answers]
    assert trained.bits[-1] == pytest.approx(3 + np.log2(own).mean(), abs=1e-5)
    assert trained.recalled[-1] == pytest.approx((chances.argmax(1) == facts.answers).mean())


def test_the_load_of_a_stage_is_all_choices_of_its_steps(compared):
    _, trained = compared
    for (method, _), one in trained.items():
        assert (one.loads is None) == (method not in study.SPARSE)
        assert one.steps[-1] == SETTING.n_steps
        assert len(one.bits) == STAGES
        if one.loads is not None:
            choices = np.diff(one.steps, prepend=0) * SETTING.batch_size * SETTING.top_k
            assert one.loads.sum(axis=1).tolist() == choices.tolist()
            assert one.experts.shape == (SETTING.n_facts, SETTING.top_k)


@pytest.mark.slow
def test_a_seed_says_it_all_however_many_nets_train_at_a_time():
    before = torch.get_rng_state(), torch.get_num_threads()
    (one, of_one), (two, of_two) = (
        study.compare(SHORT, RATES, seeds=[5], n_jobs=jobs) for jobs in (1, 2)
    )
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
    method = "sparse, bias"
    assert np.array_equal(of_one[method, 5].loads, of_two[method, 5].loads)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_balancing_keeps_the_busiest_expert_from_taking_all(compared):
    busiest = study.balance(compared[1])["busiest"]
    assert busiest["sparse, switch loss"] < busiest["sparse, no balancing"]
    assert busiest["sparse, bias"] < busiest["sparse, no balancing"]


def test_loads_at_the_end_are_told_in_even_shares():
    loads = np.array([[100, 0, 0, 0]] * 30 + [[60, 20, 20, 0]] * 10)
    one = study.Trained(np.arange(1, 41), None, None, loads, None, 0.0)
    (row,) = study.balance({("sparse, bias", 0): one}).to_dict("records")
    assert row == pytest.approx({"busiest": 2.4, "idlest": 0.0, "dead": 1.0})


def test_a_gate_that_is_not_trained_stays_as_drawn():
    net = study.build("sparse, gate not trained", SHORT, seed=0)
    drawn = net.layer.gate.linear.weight.clone()
    experts = net.layer.experts.w1.clone()
    study.train(net, SHORT.facts(0), n_steps=5, batch_size=128, learning_rate=0.02, seed=0)
    assert torch.equal(net.layer.gate.linear.weight, drawn)
    assert not torch.equal(net.layer.experts.w1, experts)


def test_tuning_tries_every_rate_on_facts_of_its_own():
    table = study.tune(SHORT, [0.001, 0.02], ["linear", study.DENSE], n_jobs=1)
    assert table.columns.tolist() == [0.001, 0.02, "best"]
    assert table.index.tolist() == ["linear", study.DENSE]
    assert (table["best"] == table[[0.001, 0.02]].idxmax(axis=1)).all()
    (scores, _) = study.compare(SHORT, {"linear": 0.02}, seeds=[0], n_jobs=1)
    assert scores["bits"][0] != table.loc["linear", 0.02]


def test_sizes_tell_the_cost_of_every_net():
    table = study.sizes(SHORT, [4, 8], [0.02], seeds=[0], n_jobs=1)
    assert len(table) == 2 * len(study.FAMILIES)
    for count in (4, 8):
        one = table[table["n_experts"] == count].set_index("method")
        expected = study.costs(replace(SHORT, n_experts=count), study.FAMILIES)
        pd.testing.assert_frame_equal(
            one.loc[expected.index, expected.columns], expected, check_names=False
        )


def trained_with(experts):
    return study.Trained(np.array([1]), None, None, None, np.asarray(experts)[:, None], 0.0)


def test_experts_that_are_the_topics_tell_all_of_them_and_random_ones_nothing():
    facts = SETTING.facts(0)
    rng = np.random.default_rng(0)
    known = {
        ("topics", 0): trained_with(facts.topics),
        ("random", 0): trained_with(rng.integers(8, size=len(facts.topics))),
        ("answers", 0): trained_with(facts.answers),
    }
    table = study.specialisation(known, SETTING)
    assert table.loc["topics", ["topic", "topic_told", "experts_per_topic"]].tolist() == (
        pytest.approx([1, 1, 1])
    )
    assert table.loc["random", "topic"] < 1.5 * table.loc["random", "topic_chance"] < 0.05
    assert table.loc["random", "experts_per_topic"] > 7
    assert table.loc["answers", "answer"] == pytest.approx(1)
    assert table.loc["answers", "topic"] < 1.5 * table.loc["answers", "topic_chance"] < 0.05


def test_shares_of_topics_sum_to_one_and_idle_experts_have_none():
    facts = SETTING.facts(0)
    shares = study.shares_of_topics(trained_with(facts.topics), facts, n_experts=6)
    assert shares[:, :4] == pytest.approx(np.eye(4))
    assert np.isnan(shares[:, 4:]).all()


def test_differences_are_paired_by_seed(compared):
    scores, _ = compared
    table = study.differences(scores)
    bits = scores.pivot(index="seed", columns="method", values="bits")
    gain = bits["sparse, bias"] - bits[study.DENSE]
    row = table.loc["sparse, bias"]
    assert row["difference"] == pytest.approx(gain.mean())
    assert row["se"] == pytest.approx(abs(gain[0] - gain[1]) / 2)
    assert row[["n", "better"]].tolist() == [2, 2]
    assert study.DENSE not in table.index


def test_the_report_reads_the_scores(compared):
    scores, _ = compared
    board = leaderboard(study.as_scores(scores, SETTING), study.DENSE, "log_loss")
    bits = scores.groupby("method")["bits"].mean()
    told = 3 - board.set_index("method")["score"] / np.log(2)
    assert told[bits.index].to_numpy() == pytest.approx(bits.to_numpy())


def test_figures_show_what_the_tables_say(compared):
    scores, trained = compared
    end, way = study.plot_learning(scores, trained, SETTING).axes
    methods = list(study.METHODS)
    assert [tick.get_text() for tick in end.get_yticklabels()] == methods
    mean = np.mean([trained["linear", seed].bits for seed in (0, 1)], axis=0)
    assert way.lines[0].get_ydata() == pytest.approx(mean)
    loads = study.plot_loads(trained, seed=0)
    assert [axis.get_title() for axis in loads.axes[:3]] == list(study.SPARSE[:3])
    shares = 2.0 ** np.asarray(loads.axes[0].collections[0].get_array())
    assert shares.mean(axis=0) == pytest.approx(np.ones(STAGES), abs=0.01)
    experts = study.plot_experts(trained, SETTING, seed=0).axes[:4]
    shown = np.asarray(experts[0].images[0].get_array().filled(np.nan))
    assert np.nansum(shown, axis=0)[[0, 2]] == pytest.approx([1, 1])


def test_memory_is_drawn_against_flops_and_parameters():
    table = study.sizes(SHORT, [4, 8], [0.02], seeds=[0], n_jobs=1)
    for axis, column in zip(
        study.plot_memory(table).axes, ("active_flops", "parameters"), strict=True
    ):
        drawn = {line.get_label(): line.get_xdata() for line in axis.lines}
        sparse = table[table["method"] == "sparse, switch loss"]
        assert sorted(drawn["sparse, switch loss"]) == sorted(sparse[column])
        assert len(drawn["dense nets"]) == 4


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(ValueError, match="batch_size must be at most n_facts, got batch_size=128"):
        study.compare(replace(SHORT, n_facts=100), {"linear": 0.02}, seeds=[0], n_jobs=1)
    with pytest.raises(ValueError, match="Unknown method 'sparse, bia'.* Did you mean 'sparse, bi"):
        study.build("sparse, bia", SHORT, seed=0)


def test_the_sentences_of_the_study_tell_its_numbers(compared):
    scores, trained = compared
    costs = study.costs(SETTING)
    by_size = pd.DataFrame(
        {
            "n_experts": [4, 4, 8, 8],
            "method": ["sparse, switch loss", "dense, same parameters"] * 2,
            "bits": [0.9, 1.2, 1.0, 1.0],
        }
    )
    against, sizes, cloud, load, topics = study.in_words(
        SETTING, scores, costs, trained, by_size, scores[scores["method"].isin(study.FAMILIES)]
    )
    mean = scores.groupby("method")["bits"].mean()
    gain = mean["sparse, switch loss"] - mean[study.DENSE]
    assert f"Of 3 bits the sparse layer recalls {mean['sparse, switch loss']:.2f}" in against
    assert f": {gain:+.2f} ± " in against
    assert "0.75 with 4, 1.00 with 8" in sizes
    assert f"{study.DENSE} {mean[study.DENSE]:.2f}" in cloud
    busiest = study.balance(trained)["busiest"]["sparse, no balancing"]
    assert f"sparse, no balancing {busiest:.2f}" in load
    told = study.specialisation(trained, SETTING)["topic"]["sparse, gate not trained"]
    assert f"sparse, gate not trained {told:.2f}" in topics
