"""Metrics of positions, composed calls with their truth, and what the ladder and alert tasks make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score

from benchmarks.compose import Composed, Tape, acted, dialogues, trimmed, written
from benchmarks.datasets import texts
from benchmarks.metrics.ladder import at_least, ece, f1, macro_f1, mae, over_groups, qwk
from benchmarks.replay import ablated, at_turns, highest_phrase, standings
from benchmarks.task import Options
from benchmarks.tasks import alerts as alerts_task
from benchmarks.tasks.ladder import first_at
from emotion.config import WordsConfig
from emotion.ladder import Ladder
from emotion.types import RATE
from emotion.words.transcript import TranscriptReader
from tests.conftest import tone
from tests.scripted import Script, run

RUNGS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=60)


@settings(deadline=None, max_examples=30)
@given(RUNGS)
def test_scores_agree_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    y, p = [a for a, _ in pairs], [b for _, b in pairs]
    if len(set(y) | set(p)) > 1:
        expected = cohen_kappa_score(y, p, weights="quadratic", labels=range(7))
        assert qwk(y, p) == pytest.approx(expected, abs=1e-9)
    assert macro_f1(y, p) == pytest.approx(f1_score(y, p, average="macro", labels=sorted(set(y)), zero_division=0))
    assert at_least(3)(y, p) == pytest.approx(f1_score(np.array(y) >= 3, np.array(p) >= 3, zero_division=0))


def test_simple_scores_by_hand() -> None:
    assert qwk([0, 3, 6], [0, 3, 6]) == 1
    assert qwk([0, 6], [6, 0]) == -1
    assert mae([0, 3], [1, 5]) == 1.5
    assert f1([True, True, False], [True, False, True]) == 0.5
    assert ece([0.95, 0.95, 0.05, 0.05], [1, 1, 0, 0]) == pytest.approx(0.05)
    assert ece([0.9] * 10, [1] * 5 + [0] * 5) == pytest.approx(0.4)


def test_intervals_draw_whole_calls() -> None:
    value, low, high = over_groups(mae, [[0, 0], [3]], [[1, 1], [3]], draws=200)
    assert value == pytest.approx(2 / 3)
    assert (low, high) == (0, 1)


def test_a_tape_keeps_both_sides_in_step_and_clips_lose_their_silence() -> None:
    tape = Tape()
    spoken = tape.play("caller", tone(200, 1.0))
    tape.wait(0.5)
    answered = tape.play("agent", tone(300, 0.5))
    assert (spoken.seconds, answered.seconds) == ((0.0, 1.0), (1.5, 2.0))
    assert {len(sum_) for sum_ in map(np.concatenate, (tape.caller, tape.agent))} == {2 * RATE}
    padded = np.concatenate([np.zeros(4000, np.float32), tone(200, 0.5), np.zeros(4000, np.float32)])
    assert 0.5 * RATE <= len(trimmed(padded)) <= 0.65 * RATE


def test_truth_is_looked_up_after_each_turn() -> None:
    made = Composed("x", "zh", "", {"caller": np.zeros(40 * RATE, np.float32)}, truth=((0.0, 0), (10.0, 3), (20.0, 2)))
    assert [made.position(second) for second in (0, 9.9, 10, 25)] == [0, 0, 3, 2]
    rungs = [0] * 21 + [3] * 20 + [1] * 39
    assert at_turns(made, rungs) == ([3, 2], [3, 1])
    assert first_at(rungs, 3, 8.0) == 3.0
    assert first_at(rungs, 5, 0.0) is None


def test_an_ablation_leaves_what_it_names_and_nothing_else() -> None:
    script = Script("a", "zh", 30, phrases=[(10, "垃圾", 3, "judgement")], heat=[(5, 25, 3.0)], anger=[(5, 25, 0.8)],
                    waits=[(12, 20)])
    moments = run(script)
    ladder = Ladder()
    tops = {ear: max(s.rung for s in standings(ladder, ablated(moments, {ear}))) for ear in ("words", "voice", "talk")}
    assert tops == {"words": 3, "voice": 3, "talk": tops["talk"]}
    assert tops["talk"] <= 2
    assert max(s.rung for s in standings(ladder, ablated(moments, ()))) == 0
    assert highest_phrase(moment.reading for moment in moments)[-1] == 3
    everything = standings(ladder, ablated(moments, {"words", "voice", "talk"}))
    assert [s.rung for s in everything] == [m.standing.rung for m in moments if m.standing]


def test_the_text_track_climbs_with_the_words() -> None:
    chat = texts.Dialogue("x", (("caller", "你好，我想查一下订单"), ("agent", "您好"),
                                ("caller", "什么垃圾服务，我要投诉你们！")), None)
    readings = written(chat, "zh", TranscriptReader(WordsConfig()))
    stood = standings(Ladder(), ((reading, None) for reading in readings))
    assert [round(reading.at / RATE) for reading in readings] == [10, 30]
    assert stood[0].rung <= 1
    assert stood[1].rung >= 5


def test_composed_calls_are_the_same_each_time_and_know_their_truth(data: Path) -> None:
    one, again = (next(acted(data, "telephone", count=1)) for _ in range(2))
    assert np.array_equal(one.sides["caller"], again.sides["caller"])
    assert one.angry_at is not None
    assert one.position(one.angry_at - 1) == 0
    assert one.position(one.angry_at + 1) == 3
    assert 60 < one.seconds < 150
    assert len(one.sides["caller"]) == len(one.sides["agent"])


def test_a_composed_dialogue_gives_every_ear_something(data: Path) -> None:
    made = list(dialogues(data, "zh", count=2))
    assert any(call.utterances for call in made)
    assert all(call.truth[0] == (0.0, 0) and len(call.truth) >= 2 for call in made)
    assert all(utterance.span.end <= len(call.sides["caller"]) for call in made for utterance in call.utterances)


def test_calm_chats_raise_nothing_and_speed_is_told(data: Path) -> None:
    told = [alerts_task._tell(pairs, alerts_task.LEAST)
            for pairs in alerts_task._chats(Options(data, quick=True))][:20]
    assert sum(call.hours for call in told) > 0.5
    rows = {row.metric: row.value for row in alerts_task._speed()}
    assert rows["cpu_ms_per_call_s"] < 0.5
    assert rows["latency_p99_ms"] < 300
