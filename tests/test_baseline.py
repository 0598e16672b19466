"""The caller's own normal: it moves to the person, keeps the population, and stops learning when it gets hot."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.baseline import FEATURES, Baseline, BaselineState, population, values
from emotion.types import Loudness, Mood, Pitch, Quality, Rate, Shift, Voice

ZH = population()["zh"]


def voice(**offsets: float) -> Voice:
    """A hop full of speech, each feature so many within-spreads above the population's mean."""
    at = {name: ZH[name].mean + offsets.get(name, 0.0) * ZH[name].within for name in FEATURES}
    return Voice(1.0, Pitch(at["pitch"], at["pitch_range"], 0.0, 0.0, 0.6), Rate(at["rate"], at["rate"], 0.4, 0.3),
                 Loudness(-25.0, at["loudness"], at["effort"]), Quality(None, None, None, None, -at["quality"]))


def hear(state: BaselineState, heard: Voice, hops: int, rung: int = 0) -> Shift:
    shift = None
    for _ in range(hops):
        shift = Baseline().step([state], [heard], [None], [rung])[0]
    assert shift is not None
    return shift


def z(shift: Shift, name: str = "pitch") -> float:
    found = getattr(shift, name)
    assert found is not None
    return float(found.z)


def test_every_language_has_every_feature() -> None:
    for table in population().values():
        assert set(table) == set(FEATURES)
        assert all(row.within > 0 and row.between > 0 and row.heat >= 0 for row in table.values())


def test_a_caller_at_the_populations_normal_is_at_his_own() -> None:
    shift = hear(Baseline().start("zh"), voice(), 20)
    assert z(shift) == pytest.approx(0, abs=1e-6)
    assert shift.heat == pytest.approx(0, abs=1e-6)


def test_the_normal_moves_to_the_person_in_ten_to_twenty_seconds() -> None:
    state = Baseline().start("zh")
    first = hear(state, voice(pitch=2.0), 1)
    later = hear(state, voice(pitch=2.0), 39)
    assert first.personal < 0.1
    assert 0.4 < later.personal < 0.65
    assert later.pitch is not None
    assert first.pitch is not None
    assert later.pitch.change < 0.65 * first.pitch.change


def test_a_rise_shows_more_once_the_person_is_known() -> None:
    known, new = Baseline().start("zh"), Baseline().start("zh")
    hear(known, voice(), 80)
    assert z(hear(known, voice(pitch=4), 6)) > 1.3 * z(hear(new, voice(pitch=4), 6)) > 0


def test_anger_at_hello_is_high_and_stays_high() -> None:
    """Personal evidence does not erase the prior: an hour of shouting does not become the normal."""
    state = Baseline().start("zh")
    hot = voice(effort=5, pitch=5)
    first = hear(state, hot, 6)
    hour = hear(state, hot, 7200)
    assert first.heat is not None
    assert hour.heat is not None
    assert first.heat > 1
    assert hour.heat > max(0.5, 0.3 * first.heat)


def test_above_rung_two_nothing_is_learnt() -> None:
    state = Baseline().start("zh")
    hear(state, voice(), 20)
    before = {name: (row.mean, row.weight) for name, row in state.running.items()}
    hear(state, voice(pitch=3, effort=3), 20, rung=3)
    assert {name: (row.mean, row.weight) for name, row in state.running.items()} == before


def test_calm_stretches_weigh_more_than_heated_ones() -> None:
    calm, hot = Baseline().start("zh"), Baseline().start("zh")
    hear(calm, voice(), 20)
    hear(hot, voice(pitch=5, effort=5, loudness=5), 20)
    assert hot.running["pitch"].weight < 0.7 * calm.running["pitch"].weight


def test_nothing_heard_is_unknown_and_learns_nothing() -> None:
    state = Baseline().start("en")
    silent = Voice(0.0, None, None, None, None)
    assert Baseline().step([state], [silent], [None], [0]) == [None]
    assert Baseline().step([state], [None], [None], [0]) == [None]
    assert all(row.weight == 0 for row in state.running.values())


def test_a_feature_that_is_missing_is_none_and_not_zero() -> None:
    state = Baseline().start("zh")
    shift = Baseline().step([state], [Voice(0.5, voice().pitch, None, None, None)], [None], [0])[0]
    assert shift is not None
    assert shift.pitch is not None
    assert shift.rate is shift.effort is shift.arousal is shift.loudness is None


def test_mood_gives_arousal() -> None:
    assert values(None, Mood(0.7, 0.1, 0.1, 0.1, 0.1, 0.6))["arousal"] == 0.7


@given(st.lists(st.floats(-6, 6), min_size=2, max_size=30))
def test_a_state_pickles_in_mid_call_and_resumes_equal(offsets: list[float]) -> None:
    state = Baseline().start("zh")
    for offset in offsets[:-1]:
        hear(state, voice(pitch=offset), 1)
    thawed = pickle.loads(pickle.dumps(state))
    assert hear(thawed, voice(pitch=offsets[-1]), 1) == hear(state, voice(pitch=offsets[-1]), 1)


@given(st.floats(-50, 50))
def test_one_wild_hop_moves_the_normal_little(offset: float) -> None:
    state = Baseline().start("zh")
    hear(state, voice(), 60)
    before = state.running["pitch"].mean
    hear(state, voice(pitch=offset), 1)
    assert abs(state.running["pitch"].mean - before) < 0.2 * ZH["pitch"].within
