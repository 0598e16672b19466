"""Alerts: who is told what, when, how often, and the promise of the budget."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.alerts import TOLD, Alerter, Feedback, calibrate, motive, read_feedback, upper_bound
from emotion.config import AlertsConfig
from emotion.ladder import Ladder
from emotion.types import RATE, Motive, Reason, Span
from tests.scripted import SURE, Script, alerts, run


def told(script: Script, config: AlertsConfig = SURE) -> list[tuple[float, str, int, str]]:
    return [(alert.at / RATE, alert.kind, alert.rung, alert.audience) for alert in alerts(run(script, config))]


@pytest.mark.parametrize(("rung", "audiences"), [
    (1, {"hint"}), (2, {"hint"}), (3, {"agent"}), (4, {"agent", "supervisor"}), (5, {"agent", "supervisor"}),
    (6, {"supervisor", "agent"}),
])
def test_the_codebooks_table_says_who_is_told(rung: int, audiences: set[str]) -> None:
    found = told(Script("c", "zh", 20, phrases=[(5, "x", rung, "judgement")]))
    raised = [row for row in found if row[1] == "raise"]
    assert {row[3] for row in raised} == audiences == set(TOLD[rung])
    assert {row[2] for row in raised} == {rung}


@pytest.mark.parametrize("text", ["我要投诉", "I want to file a complaint"])
def test_five_and_six_are_told_in_the_hop_of_the_phrase_and_lower_rungs_wait(text: str) -> None:
    assert told(Script("c", "zh", 8, phrases=[(5.1, text, 5, "complaint")]))[0][0] == 5.5
    assert told(Script("c", "zh", 8, phrases=[(5.1, text, 6, "threat")]))[0][0] == 5.5
    assert told(Script("c", "zh", 8, phrases=[(5.1, text, 3, "judgement")]))[0][0] == 5.5 + SURE.dwell_s


def test_no_budget_silences_a_complaint_that_was_said() -> None:
    strict = AlertsConfig(strictness=0.999)
    assert told(Script("c", "zh", 8, phrases=[(5.1, "我要投诉", 5, "complaint")]), strict)[0][2] == 5
    assert told(Script("c", "zh", 8, phrases=[(5.1, "太差了", 3, "judgement")]), strict)[0][3] == "hint"


def test_a_rung_is_told_once_however_often_it_is_said() -> None:
    again: list[tuple[float, str, int, Motive]] = [(float(t), "太差了", 3, "judgement") for t in range(5, 55, 5)]
    assert len(told(Script("c", "zh", 60, phrases=again))) == 1


def test_within_the_cool_down_the_same_rung_is_not_told_again_and_after_it_is() -> None:
    config = AlertsConfig(strictness=0.6, cool_down_s=60)
    up: list[tuple[float, str, int, Motive]] = [(5.0, "a", 3, "judgement"), (15.0, "不投诉了", 0, "calming"),
                                                (30.0, "b", 3, "judgement"), (40.0, "不投诉了", 0, "calming"),
                                                (80.0, "c", 3, "judgement")]
    raised = [row for row in told(Script("c", "zh", 100, phrases=up), config) if row[1] == "raise" and row[2] == 3]
    assert [row[0] for row in raised] == [6.0, 81.0]


def test_a_hint_with_the_card_that_still_stands_there_is_not_told_again() -> None:
    again: list[tuple[float, str, int, Motive]] = [(5.0, "等", 1, "waiting"), (15.0, "等了半天", 2, "waiting")]
    assert [row[2] for row in told(Script("c", "zh", 40, phrases=again))] == [1]
    later: list[tuple[float, str, int, Motive]] = [(5.0, "等", 1, "waiting"), (80.0, "等了半天", 2, "waiting")]
    assert [row[2] for row in told(Script("c", "zh", 100, phrases=later))] == [1, 2]
    other: list[tuple[float, str, int, Motive]] = [(5.0, "等", 1, "waiting"), (15.0, "我说过了", 2, "repetition")]
    assert [row[2] for row in told(Script("c", "zh", 40, phrases=other))] == [1, 2]


def test_calming_is_news_to_those_who_were_told_and_only_above_hints() -> None:
    calm: list[tuple[float, str, int, Motive]] = [(5.0, "a", 4, "demand"), (30.0, "谢谢", 0, "calming")]
    found = alerts(run(Script("c", "zh", 60, phrases=calm)))
    eased = [alert for alert in found if alert.kind == "ease"]
    assert {alert.audience for alert in eased} == {"agent", "supervisor"}
    assert all(alert.motive == "calming" and alert.rung == 2 for alert in eased)
    assert eased[0].at / RATE == 30.5 + SURE.ease_dwell_s
    quiet: list[tuple[float, str, int, Motive]] = [(5.0, "a", 2, "urging"), (30.0, "谢谢", 0, "calming")]
    assert [row[1] for row in told(Script("c", "zh", 60, phrases=quiet))] == ["raise"]


def test_after_a_call_on_five_or_six_the_agent_is_offered_care() -> None:
    calm_end: list[tuple[float, str, int, Motive]] = [(5.0, "我要投诉", 5, "complaint"), (30.0, "谢谢", 0, "calming")]
    care = alerts(run(Script("c", "en", 60, phrases=calm_end)))[-1]
    assert (care.kind, care.audience, care.rung) == ("care", "agent", 5)
    assert "inferred" in care.guidance["en"].avoid
    assert all(row[1] != "care" for row in told(Script("c", "en", 60, phrases=[(5, "bad", 4, "demand")])))


def test_a_warning_comes_once_before_rung_five() -> None:
    config = AlertsConfig(strictness=0.6, warn=0.01, warn_cool_down_s=120)
    found = told(Script("c", "zh", 60, phrases=[(5, "凭什么", 4, "accusation")]), config)
    assert [row[1] for row in found].count("warn") == 1


def test_after_a_complaint_there_is_no_warning_of_one() -> None:
    config = AlertsConfig(strictness=0.6, warn=0.001, warn_cool_down_s=5)
    said: list[tuple[float, str, int, Motive]] = [(5, "我要投诉", 5, "complaint"), (20, "谢谢你", 0, "calming")]
    found = told(Script("c", "zh", 60, phrases=said), config)
    complained = next(row[0] for row in found if row[2] == 5)
    assert all(row[0] < complained for row in found if row[1] == "warn")


def test_a_click_of_a_dwell_does_not_pass_for_a_held_rung() -> None:
    config = AlertsConfig(strictness=0.6, dwell_s=3)
    brief: list[tuple[float, str, int, Motive]] = [(5.0, "a", 3, "judgement"), (7.0, "不投诉了", 0, "calming")]
    assert all(row[2] < 3 for row in told(Script("c", "zh", 30, phrases=brief), config))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 110), st.integers(0, 6)), max_size=12))
def test_laws_unique_ids_cool_down_and_cards_in_both_languages(said: list[tuple[float, int]]) -> None:
    script = Script("law", "en", 120, phrases=[(at, f"{at}", rung, "calming" if rung == 0 else "demand")
                                               for at, rung in said])
    found = alerts(run(script))
    assert len({alert.id for alert in found}) == len(found)
    last: dict[tuple[str, int], int] = {}
    for alert in found:
        assert set(alert.guidance) == {"zh", "en"}
        assert 0 <= alert.score <= 1
        if alert.kind == "raise":
            key = alert.audience, alert.rung
            assert alert.at - last.get(key, -10**9) >= SURE.cool_down_s * RATE
            last[key] = alert.at


def test_batch_equals_alone_and_a_state_resumes_from_a_pickle() -> None:
    scripts = [Script("a", "zh", 40, phrases=[(10, "垃圾", 3, "judgement"), (20, "我要投诉", 5, "complaint")]),
               Script("b", "zh", 40, phrases=[(12, "凭什么", 4, "accusation")], heat=[(5, 30, 1.0)])]
    ladder, alerter = Ladder(), Alerter(SURE)
    ladders = [ladder.start() for _ in scripts]
    together = [alerter.start(script.name) for script in scripts]
    alone = [alerter.start(script.name) for script in scripts]
    for pair in zip(*(script.hops() for script in scripts), strict=True):
        readings = [row[0] for row in pair]
        standings, moves = zip(*ladder.step(ladders, readings, [row[1] for row in pair]), strict=True)
        found = alerter.step(together, readings, standings, moves)
        assert found == [alerter.step([state], [reading], [standing], [move])[0] for state, reading, standing, move
                         in zip(alone, readings, standings, moves, strict=True)]
        together = pickle.loads(pickle.dumps(together))
    assert together == alone


def test_the_motive_is_the_most_telling_reason() -> None:
    def reason(name: Motive, weight: float) -> Reason:
        return Reason("words", name, name, Span(0, 1), weight, {"zh": "", "en": ""})

    assert motive([reason("displeasure", 5), reason("waiting", 1)]) == "waiting"
    assert motive([reason("waiting", 1), reason("demand", 2)]) == "demand"
    assert motive([reason("displeasure", 1)]) == "displeasure"
    assert motive([]) == "displeasure"


# ── the budget ──────────────────────────────────────────────────────────────────────────────────

def test_the_upper_bound_is_the_exact_poisson_one() -> None:
    assert upper_bound(0, 0.05) == pytest.approx(-math.log(0.05), rel=1e-6)
    assert upper_bound(3, 0.05) == pytest.approx(7.7537, rel=1e-4)


def test_calibration_keeps_its_budget_on_calls_it_has_not_seen() -> None:
    """The promise: over many calibrations, the true rate exceeds the budget in at most 2 % of them."""
    rng = np.random.default_rng(0)
    hours, budget, rate = 0.1, 0.5, 2.0

    def calls(n: int) -> list[Feedback]:
        return [Feedback(hours, ((3, float(rng.uniform(0.5, 1)), "wrong"),) if rng.random() < rate * hours else ())
                for _ in range(n)]

    broken = 0
    for _ in range(200):
        chosen = calibrate(calls(400), budget)
        expected = rate * (1 - max(0.0, (chosen.strictness - 0.5) / 0.5))
        broken += expected > budget
    assert broken / 200 <= 0.05
    assert calibrate(calls(4000), budget).strictness < 0.95


def test_a_larger_budget_is_never_stricter_and_wrong_verdicts_make_it_stricter() -> None:
    calls = [Feedback(1.0, ((3, 0.5 + n / 200, "wrong" if n % 3 == 0 else "useful"),)) for n in range(100)]
    levels = [calibrate(calls, budget).strictness for budget in (0.05, 0.2, 0.5, 2.0)]
    assert levels == sorted(levels, reverse=True)
    assert calibrate([Feedback(100.0)], 0.1).strictness == 0.5
    assert calibrate([Feedback(1.0)], 0.1).rate == math.inf


def test_feedback_rows_are_read_and_unjudged_alerts_count_by_the_share_of_wrong() -> None:
    rows = [{"hours": 30.0, "alerts": [{"rung": 3, "score": 0.9, "verdict": "wrong"}]},
            {"hours": 30.0, "alerts": [{"rung": 4, "score": 0.9, "verdict": "useful"}]},
            {"hours": 40.0, "alerts": [{"rung": 3, "score": 0.9, "verdict": None}]}]
    half = calibrate(read_feedback(rows), 10.0)
    assert half.rate == pytest.approx(upper_bound(1.5) / 100)
    with pytest.raises(ValueError, match="alerts"):
        read_feedback([{"hours": 1, "alerts": 3}])


def test_the_config_chooses_the_least_strictness_within_the_budget() -> None:
    loose, tight = Alerter(AlertsConfig(false_alerts_per_hour=50)), Alerter(AlertsConfig(false_alerts_per_hour=1e-9))
    assert loose.thresholds.strictness < tight.thresholds.strictness
    assert Alerter(AlertsConfig(strictness=0.77)).thresholds.strictness == 0.77
