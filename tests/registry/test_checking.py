"""plugins check: the laws run elsewhere, within limits; what is broken is said in words."""

import pytest

from moe_lab.registry import poolers
from moe_lab.registry.checking import check_plugins
from moe_lab.registry.report_card import ReportCard, Verdict
from moe_lab.testing import POOLER_CHECKS, finding

FAULTY = '''
import os
import sys
import time

from moe_lab.pool.base import WeightedPooler, poolers


@poolers.register("faulty")
class FaultyPooler(WeightedPooler):
    """Breaks each law in its own way."""

    def weights(self, gate_weights, scales=None):
        asked = {sys._getframe(depth).f_code.co_name for depth in range(1, 5)}
        if "check_pooler_keeps_unanimity" in asked:
            time.sleep(60)
        if "check_pooler_keeps_probabilities" in asked:
            print("heard in the law", flush=True)
            os._exit(7)
        if len(gate_weights) >= 16:
            return gate_weights.cumsum(axis=1) / gate_weights.cumsum(axis=1).sum(1, keepdims=True)
        return gate_weights
'''


def test_laws_that_hang_or_kill_or_fail_are_broken_and_the_rest_goes_on(tmp_path):
    file = tmp_path / "faulty.py"
    file.write_text(FAULTY)
    (card,) = check_plugins(file, seconds=3)
    assert (card.kind, card.name, card.origin, card.passed) == (
        "pooler",
        "faulty",
        str(file),
        False,
    )
    told = {one.law: (one.passed, one.error, one.fails_on) for one in card.verdicts}
    assert told["import"] == told["check_contract"] == (True, "", "")
    assert told["check_pooler_keeps_unanimity"] == (False, "It took longer than 3 s.", "")
    ended = "It ended the process with exit code 7. Last it said: heard in the law"
    assert told["check_pooler_keeps_probabilities"] == (False, ended, "")
    assert told["check_pooler_reads_only_what_it_needs"] == (True, "", "")
    passed, error, fails_on = told["check_pooler_ignores_the_order_of_experts"]
    assert not passed
    assert error.startswith("AssertionError: Not equal to tolerance")
    assert "Max absolute difference" in error
    assert fails_on == "regression, 16 rows, no cell missing, one level in each category"
    assert all(one.seconds >= 0 and one.memory >= 0 for one in card.verdicts)


ONCE = '''
import os
from pathlib import Path

from moe_lab.pool.linear import LinearPooler
from moe_lab.pool.base import poolers

again = Path(__file__).with_suffix(".again")
if again.exists():
    os._exit(5)
again.touch()


@poolers.register("once")
class OncePooler(LinearPooler):
    """Can be imported once."""

    def pool(self, predictions, gate_weights, scales=None):
        os._exit(4)
'''


def test_a_file_that_can_be_imported_only_once_comes_to_an_end(tmp_path):
    file = tmp_path / "once.py"
    file.write_text(ONCE)
    (card,) = check_plugins(file)
    told = [(one.law, one.error) for one in card.verdicts if not one.passed]
    assert told == [
        ("import", "It ended the process with exit code 5."),
        ("check_pooler_keeps_unanimity", "It ended the process with exit code 4."),
    ]


BROKEN = {
    "def (": "SyntaxError: invalid syntax",
    "import os; os._exit(3)": "It ended the process with exit code 3.",
    "import time; time.sleep(60)": "TimeoutError: a plugin must be imported within 1 s",
    "print('hi')": "ValueError: {file} must register 'mine' as divider or expert or gate",
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_file_that_cannot_be_imported_gets_a_card_that_says_why(tmp_path, monkeypatch, code):
    monkeypatch.setenv("MOE_LAB_IMPORT_SECONDS", "1")
    file = tmp_path / "mine.py"
    file.write_text(code)
    (card,) = check_plugins(file)
    (verdict,) = card.verdicts
    assert not card.passed
    assert verdict.error.startswith(BROKEN[code].format(file=file))


@pytest.mark.parametrize(
    ("target", "kind", "message"),
    [
        ("sofmax", "gate", "Unknown gate 'sofmax'. Did you mean 'softmax'?"),
        ("nowhere/mine.py", None, "FILE must be there, got '.*nowhere/mine.py'"),
        ("linear", "expret", "Unknown kind of plugin 'expret'. Did you mean 'expert'?"),
    ],
)
def test_what_is_not_there_is_refused(target, kind, message):
    with pytest.raises(finding.NotThere, match=message):
        finding.plugins(target, kind)


def test_what_is_refused_in_the_other_process_is_refused_here():
    with pytest.raises(ValueError, match="Unknown gate 'sofmax'. Did you mean 'softmax'?"):
        check_plugins("sofmax", "gate")


def test_seconds_must_be_positive():
    with pytest.raises(ValueError, match=r"seconds must be a positive number, got 0\."):
        check_plugins("linear", seconds=0)


LIVE = '''
@poolers.register("live")
class LivePooler(WeightedPooler):
    """The gate's weights, as they are."""

    def weights(self, gate_weights, scales=None):
        return gate_weights
'''


def test_a_notebook_cell_checks_its_own_plugin():
    from moe_lab.pool.base import WeightedPooler

    exec(LIVE, {"__name__": "__main__", "poolers": poolers, "WeightedPooler": WeightedPooler})
    try:
        card = poolers.check("live")
    finally:
        poolers._forget("__main__")
    broken = [one.law for one in card.verdicts if not one.passed]
    assert set(broken) <= {"check_pooler_saves"}, str(card)  # no file could be named for a cell
    assert len(card.verdicts) == len(POOLER_CHECKS) + 2
    assert "✓" in card._repr_html_()


def test_a_report_card_is_safe_html_and_plain_text():
    broken = Verdict("check_x", "A < B.", False, 0.25, 3.0, "ValueError: <b>", "regression, 1 row")
    card = ReportCard("gate", "mine", "<cell>", [broken])
    assert "gate 'mine' from <cell> breaks 1 of 1 laws, in 0.2 s" in str(card)
    assert "FAILED  A < B. (0.2 s, 3 MiB)" in str(card)
    assert "smallest failing input: regression, 1 row" in str(card)
    html = card._repr_html_()
    assert "<cell>" not in html
    assert "A &lt; B." in html
    assert "ValueError: &lt;b&gt;" in html
