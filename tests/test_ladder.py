"""The ladder: where a caller stands, why, and what no ear alone may do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.ladder import Ladder, calming_depth, log_odds, lowered, parameters, posterior
from emotion.types import HOP, RATE, Heard, Phrase, Span, Turn
from tests.scripted import Script, changes, run

CALM = (0.94, 0.03, 0.01, 0.01, 0.005, 0.003, 0.002)


def rungs(script: Script) -> list[int]:
    return [moment.standing.rung for moment in run(script) if moment.standing is not None]


def test_an_untouched_call_stays_calm_for_an_hour_and_a_missing_ear_is_no_evidence() -> None:
    ladder = Ladder()
    silent, deaf = ladder.start(), ladder.start()
    for reading, far in Script("quiet", "zh", 3600).hops():
        standing, _ = ladder.step([silent], [reading], [far])[0]
    for reading, far in Script("deaf", "zh", 60, by=None).hops():
        other, _ = ladder.step([deaf], [reading], [far])[0]
    assert standing.rung == other.rung == 0
    assert standing.posterior == other.posterior == posterior(ladder.start())


@pytest.mark.parametrize(("text", "rung"), [("我要投诉", 5), ("12315", 6), ("垃圾", 3), ("凭什么", 4)])
def test_an_explicit_phrase_jumps_in_the_hop_it_is_heard(text: str, rung: int) -> None:
    script = Script("jump", "zh", 20, phrases=[(10.2, text, rung, "complaint")])
    assert [(c.at / RATE, c.before, c.after) for c in changes(run(script))] == [(10.5, 0, rung)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=20, max_size=120), st.floats(0.0, 1.0))
def test_voice_and_mood_alone_never_carry_a_caller_above_rung_3(heats: list[float], anger: float) -> None:
    heat = [(n / 2, n / 2 + 0.5, z) for n, z in enumerate(heats)]
    script = Script("voice", "zh", len(heats) / 2, heat=heat, anger=[(0, 999, anger)], by=None)
    for moment in run(script):
        assert moment.standing is not None
        assert moment.standing.rung <= 3
        assert sum(moment.standing.posterior[4:]) < 1e-9


def test_a_shout_reaches_rung_3_and_whatever_talk_does_stays_at_2() -> None:
    assert max(rungs(Script("shout", "zh", 30, heat=[(5, 30, 4.0)], by=None))) == 3
    noisy = Script("talk", "zh", 300, waits=[(10, 200)], repeats=[(t, "单号") for t in range(20, 280, 20)],
                   interrupts=[float(t) for t in range(20, 280, 5)], transfers=[30.0, 60.0, 90.0])
    assert max(rungs(noisy)) == 2


def test_without_words_the_upper_rungs_are_out_of_reach_even_with_everything_else() -> None:
    everything = Script("all but words", "zh", 300, heat=[(5, 300, 6.0)], anger=[(5, 300, 0.99)], waits=[(10, 200)],
                        transfers=[20.0, 40.0], by=None)
    assert max(rungs(everything)) == 3


def test_a_position_persists_through_data_and_time() -> None:
    turns = [(float(t), "单号三七二", CALM, 0.02) for t in range(20, 580, 15)]
    assert set(rungs(Script("data", "zh", 600, phrases=[(10, "什么态度", 3, "judgement")], turns=turns))[25:]) == {3}


@pytest.mark.parametrize(("said", "before", "after"), [
    ("好的", 4, {3}), ("好的 谢谢", 4, {2}), ("好的 谢谢", 3, {1}), ("解决了 谢谢", 5, {0, 1}), ("okay", 3, {2}),
    ("okay thank you", 5, {3}), ("it is solved, thanks", 4, {0, 1}), ("okay thank you", 1, {0}),
])
def test_calming_lowers_by_the_decided_cases(said: str, before: int, after: set[int]) -> None:
    script = Script("calming", "zh", 40, phrases=[(10, "x", before, "judgement")], turns=[(20, said, CALM, 0.97)])
    assert rungs(script)[-1] in after


def test_grudging_acceptance_with_fresh_displeasure_lowers_nothing() -> None:
    fresh = (0.01, 0.02, 0.07, 0.85, 0.03, 0.01, 0.01)
    script = Script("grudging", "zh", 40, phrases=[(10, "凭什么", 4, "accusation")],
                    turns=[(20, "好的 谢谢 但是太差了", fresh, 0.9)])
    assert rungs(script)[-1] == 4


def test_two_weak_strikes_weigh_more_than_one() -> None:
    weak = (0.30, 0.20, 0.15, 0.25, 0.06, 0.02, 0.02)
    once = run(Script("one", "zh", 60, turns=[(10, "嗯", weak, 0.0)]))[-1].standing
    twice = run(Script("two", "zh", 60, turns=[(10, "嗯", weak, 0.0), (30, "嗯", weak, 0.0)]))[-1].standing
    assert once is not None and twice is not None
    assert sum(twice.posterior[2:]) > sum(once.posterior[2:])


def test_hot_voice_that_is_calm_again_falls_only_after_a_time() -> None:
    found = rungs(Script("cooling", "zh", 200, heat=[(10, 25, 3.5), (25, 200, -0.3)], by=None))
    assert found[50] == 3 == found[70]
    assert found[-1] <= 2


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_contributions_of_a_change_add_up(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 6)), max_size=6))
    heat = data.draw(st.lists(st.tuples(st.floats(0, 50), st.floats(0.5, 20), st.floats(-2, 4)), max_size=4))
    script = Script("sum", "en", 60, phrases=[(at, f"p{at:.2f}", rung, "calming" if rung == 0 else "judgement")
                                              for at, rung in words],
                    heat=[(at, at + long, z) for at, long, z in heat], waits=[(5, 20)])
    moments = run(script)
    last = posterior(Ladder().start())
    for moment in moments:
        if moment.change is None:
            continue
        assert moment.standing is not None
        threshold = max(moment.change.before, moment.change.after) - 1
        moved = log_odds(moment.standing.posterior)[threshold] - log_odds(last)[threshold]
        assert sum(reason.weight for reason in moment.change.reasons) == pytest.approx(moved, abs=1e-6)
        last = moment.standing.posterior


def test_reasons_say_what_and_when_in_both_languages() -> None:
    script = Script("why", "zh", 30, phrases=[(12.3, "等了半天", 4, "waiting")], heat=[(10, 14, 3.5)])
    reasons = [reason for change in changes(run(script)) for reason in change.reasons]
    assert any(reason.text["zh"] == "“等了半天” (12.3 s)" for reason in reasons)
    rate = next(reason for reason in reasons if reason.key == "rate")
    assert rate.text["zh"].startswith("语速比平时快 42 % (10")
    assert rate.text["en"].startswith("speaks faster than usual by 42 % (10")
    for change in changes(run(script)):
        weights = [reason.weight for reason in change.reasons if reason.ear != "time"]
        assert weights == sorted(weights, reverse=True)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 6)), max_size=5), st.floats(-3, 5))
def test_standing_is_a_distribution_and_forecast_a_probability(words: list[tuple[float, int]], z: float) -> None:
    script = Script("law", "en", 20, phrases=[(at, "p", rung, "judgement") for at, rung in words], heat=[(2, 18, z)])
    for moment in run(script):
        standing = moment.standing
        assert standing is not None
        assert sum(standing.posterior) == pytest.approx(1, abs=1e-6)
        assert min(standing.posterior) >= 0
        assert 0 <= standing.confidence <= 1
        assert sum(standing.posterior[5:]) - 1e-9 <= standing.forecast <= 1


def test_batch_equals_alone_interleaved_and_resumed_from_a_pickle() -> None:
    scripts = [Script("a", "zh", 40, phrases=[(10, "垃圾", 3, "judgement")], heat=[(5, 30, 2.0)]),
               Script("b", "zh", 40, waits=[(3, 25)], heat=[(5, 30, -0.5)], anger=[(8, 30, 0.6)])]
    ladder = Ladder()
    together = [ladder.start() for _ in scripts]
    alone = [ladder.start() for _ in scripts]
    for pair in zip(*(script.hops() for script in scripts), strict=True):
        readings, shifts = [row[0] for row in pair], [row[1] for row in pair]
        frozen = copy.deepcopy(readings)
        found = ladder.step(together, readings, shifts)
        assert readings == frozen
        assert found == [Ladder().step([state], [reading], [far])[0]
                         for state, reading, far in zip(alone, readings, shifts, strict=True)]
        together = pickle.loads(pickle.dumps(together))
    assert together == alone


def test_a_state_stays_small_over_an_hour() -> None:
    ladder = Ladder()
    state = ladder.start()
    talkative = Script("long", "zh", 3600, phrases=[(float(t), "还没好", 1, "displeasure") for t in range(10, 3600, 7)],
                       heat=[(0, 3600, 0.4)])
    sizes = [len(pickle.dumps(state)) for reading, far in talkative.hops()
             if ladder.step([state], [reading], [far]) and reading.at % (600 * RATE) == 0]
    assert max(sizes) < 8000
    assert sizes[-1] <= sizes[0] * 1.5


def test_lost_packets_make_the_voice_count_for_less() -> None:
    clean = run(Script("clean", "zh", 16, heat=[(10, 16, 2.0)], by=None))[-1].standing
    lossy = run(Script("loss", "zh", 16, heat=[(10, 16, 2.0)], by=None, degraded=("loss",)))[-1].standing
    assert clean is not None and lossy is not None
    assert sum(lossy.posterior[2:]) < sum(clean.posterior[2:])


def test_a_phrase_and_the_sentence_that_holds_it_are_not_counted_twice() -> None:
    ladder = Ladder()
    span = Span(0, HOP)
    turn = Turn(span, "太差了", (0.02, 0.02, 0.06, 0.8, 0.06, 0.02, 0.02), 0.0, ("太差了",))
    phrase = Phrase("bad", "太差了", 3, "judgement", span, 0.9)
    reading, _ = next(iter(Script("x", "zh", 1).hops()))
    both, only = ladder.start(), ladder.start()
    ladder.step([both], [replace(reading, words=Heard("transcript", (phrase,), turn))], [None])
    ladder.step([only], [replace(reading, words=Heard("transcript", (), turn))], [None])
    assert both.words == pytest.approx(only.words)


def test_depth_of_calming_and_where_it_leads() -> None:
    depths = parameters().depth

    def depth(*keys: str) -> int:
        return calming_depth([Phrase(key, key, 0, "calming", Span(0, 1), 1.0) for key in keys], depths)

    assert [depth("all-right"), depth("all-right", "thanks"), depth("is-solved"), depth()] == [1, 2, 1, 1]
    assert depth("is-solved", "thanks") == depth("complaint-withdrawn") == 3
    assert [lowered(rung, 3) for rung in range(7)] == [0, 0, 0, 1, 1, 1, 1]
    assert [lowered(rung, 2) for rung in range(7)] == [0, 0, 0, 1, 2, 3, 4]


def test_a_wrong_parameter_file_is_refused(tmp_path: Path) -> None:
    text = Path("emotion/ladder.toml").read_text("utf-8").replace("opening = [", "opening = [0.1, ")
    wrong = tmp_path / "ladder.toml"
    wrong.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="seven numbers"):
        parameters(str(wrong))
