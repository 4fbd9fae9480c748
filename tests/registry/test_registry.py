"""The class Registry: names, errors, cards, and who may take a name."""

import functools
import re

import pytest

from moe_lab.registry import Registry
from moe_lab.registry.kinds import find_kind


class Softmax:
    """Weights from a
    linear model.

    The second paragraph is not on the card.
    """

    card_notes = ("Needs scaled columns.", "Jordan & Jacobs <1994>")

    def __init__(self, C=1.0, max_iter=100):
        self.C = C
        self.max_iter = max_iter


@pytest.fixture
def gates():
    registry = Registry("gate")
    registry.register("softmax", Softmax)
    registry.register("constant", lambda: "the same for all rows")
    return registry


def run_cell(code, **names):
    """Run code as a notebook cell runs it: in the module __main__."""
    exec(code, {"__name__": "__main__", **names})


def test_names_are_sorted_and_create_passes_the_parameters(gates):
    assert gates.names() == ["constant", "softmax"]
    assert gates.create("softmax", C=3.0).C == 3.0
    assert gates.create("constant") == "the same for all rows"
    assert "softmax" in gates
    assert "tree" not in gates


def test_register_returns_what_it_registers(gates):
    assert gates.register("again", Softmax) is Softmax
    assert gates.register("decorated")(Softmax) is Softmax
    assert gates.get("decorated") is Softmax


WRONG = [
    (("get", "sofmax"), ValueError, "Unknown gate 'sofmax'. Did you mean 'softmax'? Registered: "),
    (("get", "SOFTMAX"), ValueError, "Did you mean 'softmax'?"),
    (("create", "zzz"), ValueError, "Unknown gate 'zzz'. Registered: constant, softmax."),
    (("card", "constnat"), ValueError, "Did you mean 'constant'?"),
    (("get", 5), ValueError, "Unknown gate 5."),
    (("register", "new", "no class"), TypeError, "must be a class or function, got 'no class'"),
    (("register", "new", Softmax()), TypeError, "register the class"),
    (("register", 5, Softmax), TypeError, "must be a non-empty string, got 5"),
    (("register", Softmax), TypeError, "must be a non-empty string"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_calls_say_the_way_out(gates, call, error, message):
    method, *args = call
    with pytest.raises(error, match=re.escape(message)):
        getattr(gates, method)(*args)


def test_a_misspelt_parameter_is_named_with_those_there_are(gates):
    message = (
        "Unknown parameter 'max_itr' of gate 'softmax'. "
        "Did you mean 'max_iter'? Parameters: C, max_iter."
    )
    with pytest.raises(TypeError, match=re.escape(message)):
        gates.create("softmax", max_itr=3)


def test_a_plugin_that_takes_any_parameter_gets_them_all(gates):
    gates.register("open", lambda **params: params)
    assert gates.create("open", anything=1) == {"anything": 1}


def test_one_line_makes_a_plugin_of_parts():
    experts = Registry("expert")
    experts.adapter = lambda regressor: functools.partial(dict, regressor=regressor)
    experts.register("huber", regressor="HuberRegressor")
    assert experts.create("huber", epsilon=2) == {"regressor": "HuberRegressor", "epsilon": 2}


def test_one_line_needs_a_kind_that_can_be_made_of_parts(gates):
    with pytest.raises(TypeError, match="must be registered as one class or function, got part"):
        gates.register("huber", part=Softmax)


def test_a_card_tells_summary_parameters_origin_and_notes(gates):
    card = gates.card("softmax")
    assert (card.name, card.kind, card.summary) == (
        "softmax",
        "gate",
        "Weights from a linear model.",
    )
    assert card.parameters == {"C": 1.0, "max_iter": 100}
    assert card.origin == __file__
    assert card.notes == Softmax.card_notes
    for part in ("C=1.0, max_iter=100", __file__, "Needs scaled columns."):
        assert part in str(card)
    html = card._repr_html_()
    assert "Weights from a linear model." in html
    assert "Jordan &amp; Jacobs &lt;1994&gt;" in html


def test_a_card_of_something_without_a_signature_says_what_is_known(gates):
    gates.register("builtin", dict)
    assert "parameters  none" in str(gates.card("builtin"))
    assert gates.create("builtin", a=1) == {"a": 1}


def test_a_card_lists_a_required_parameter_without_a_default(gates):
    gates.register("column", lambda column: column)
    assert "parameters  column\n" in str(gates.card("column"))


def test_a_taken_name_is_refused_naming_both_origins(gates):
    with pytest.raises(ValueError, match="softmax") as refused:
        run_cell("@gates.register('softmax')\nclass Mine: pass", gates=gates)
    assert "(__main__.Mine)" in str(refused.value)
    assert __file__ in str(refused.value)
    assert gates.get("softmax") is Softmax


def test_registering_the_same_object_again_changes_nothing(gates):
    gates.register("softmax", Softmax)
    assert gates.names() == ["constant", "softmax"]


@pytest.mark.parametrize(
    "cell",
    [
        "@gates.register('mine')\nclass Mine:\n    run = number",
        "class Mine:\n    run = number\ngates.register('mine', Mine)",
        "@gates.register('mine')\ndef mine(run=number): ...\nmine.run = number",
    ],
)
def test_a_cell_that_runs_again_replaces_its_own_plugin(gates, cell):
    run_cell(cell, gates=gates, number=1)
    for number, old in ((2, gates.get("mine")), (3, None)):
        with pytest.warns(UserWarning, match=f"gate 'mine' is replaced by version {number}"):
            run_cell(cell, gates=gates, number=number)
        assert old is None or old.run == 1
        assert gates.get("mine").run == number


def test_a_one_line_cell_that_runs_again_replaces_its_own_plugin():
    experts = Registry("expert")
    experts.adapter = lambda regressor: functools.partial(dict, regressor=regressor)
    run_cell("experts.register('mine', regressor='Huber')", experts=experts)
    with pytest.warns(UserWarning, match="instances made before keep the version that they were"):
        run_cell("experts.register('mine', regressor='TheilSen')", experts=experts)
    assert experts.create("mine") == {"regressor": "TheilSen"}


def test_another_class_of_a_cell_does_not_replace_it(gates):
    run_cell("@gates.register('mine')\nclass Mine: pass", gates=gates)
    with pytest.raises(ValueError, match="__main__.Other.* which .*__main__.Mine.* has taken"):
        run_cell("@gates.register('mine')\nclass Other: pass", gates=gates)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("gate", "gate"),
        ("gates", "gate"),
        ("pool", "pooler"),
        ("divide", "divider"),
        ("data set", "data set"),
        ("Datasets", "data set"),
    ],
)
def test_a_kind_is_found_by_its_word_in_one_or_many_and_by_its_folder(word, kind):
    assert find_kind(word).kind == kind


def test_an_unknown_kind_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="Unknown kind of plugin 'gtae'. Did you mean 'gate'?"):
        find_kind("gtae")
