"""The caller's own normal: it moves to the person, keeps the population, and stops learning when it gets hot."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.baseline import FEATURES, RAISED, Baseline, BaselineState, raised, shipped, values
from emotion.types import Loudness, Mood, Pitch, Quality, Rate, Shift, Voice

PEOPLE = shipped()
MEAN = dict(zip(FEATURES, PEOPLE.mean["zh"], strict=True))
WITHIN = dict(zip(FEATURES, np.sqrt(np.diag(PEOPLE.within)), strict=True))
ANGER = {name: rise / WITHIN[name] for name, rise in zip(FEATURES, PEOPLE.anger, strict=True)}
PITCH = FEATURES.index("pitch")


def voice(**offsets: float) -> Voice:
    """A hop full of speech, each feature so many within-spreads above the population's mean."""
    at = {name: MEAN[name] + offsets.get(name, 0.0) * WITHIN[name] for name in FEATURES}
    return Voice(1.0, Pitch(at["pitch"], at["pitch_range"], 0.0, 0.0, 0.6), Rate(at["rate"], at["rate"], 0.4, 0.3),
                 Loudness(at["loudness"], 35.0, at["effort"]), Quality(None, None, None, -at["quality"], None))


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
    assert set(PEOPLE.mean) == {"zh", "en"}
    assert all(row.shape == (len(FEATURES),) for row in (*PEOPLE.mean.values(), PEOPLE.smooth, PEOPLE.anger))
    for matrix in (PEOPLE.within, PEOPLE.between):
        np.testing.assert_array_equal(matrix, matrix.T)
        assert np.linalg.eigvalsh(matrix).min() > 0


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
    hot = voice(**ANGER)
    first = hear(state, hot, 6)
    hour = hear(state, hot, 7200)
    assert first.heat is not None
    assert hour.heat is not None
    assert first.heat > 2
    assert hour.heat > max(0.5, 0.3 * first.heat)


def test_pitch_counts_more_once_the_person_is_known_and_effort_from_the_first_word() -> None:
    def heat(calm: int, **offsets: float) -> float:
        state = Baseline().start("zh")
        if calm:
            hear(state, voice(), calm)
        found = hear(state, voice(**offsets), 6).heat
        assert found is not None
        return found

    high, strong = ({name: ANGER[name] for name in names} for names in (("pitch",), ("effort", "quality")))
    assert heat(0, **high) < heat(0, **strong)
    assert heat(60, **high) > heat(60, **strong)
    assert heat(60, **high) > 2 * heat(0, **high)


def test_a_gain_is_no_shout() -> None:
    """The level alone rises by 12 dB; with effort beside it, it counts."""
    gain, shout = (Baseline().start("zh") for _ in range(2))
    for state in (gain, shout):
        hear(state, voice(), 40)
    louder = 12 / WITHIN["loudness"]
    plain, both = hear(gain, voice(loudness=louder), 8), hear(shout, voice(loudness=louder, effort=3), 8)
    only = hear(hear_calm(), voice(effort=3), 8)
    assert plain.heat == pytest.approx(0, abs=0.3)
    assert not raised(plain)
    assert both.heat is not None
    assert only.heat is not None
    assert both.heat > only.heat + 0.3


def hear_calm() -> BaselineState:
    state = Baseline().start("zh")
    hear(state, voice(), 40)
    return state


def test_raised_is_heat_over_its_threshold() -> None:
    state = hear_calm()
    assert not raised(hear(state, voice(pitch=1), 2))
    hot = hear(state, voice(pitch=4, effort=4, quality=3), 6)
    assert hot.heat is not None
    assert hot.heat > RAISED
    assert raised(hot)


def test_above_rung_two_nothing_is_learnt() -> None:
    state = Baseline().start("zh")
    hear(state, voice(), 20)
    before = state.mean.copy(), state.weight.copy()
    hear(state, voice(pitch=3, effort=3), 20, rung=3)
    np.testing.assert_array_equal((state.mean, state.weight), before)


def test_calm_stretches_weigh_more_than_heated_ones() -> None:
    calm, hot = Baseline().start("zh"), Baseline().start("zh")
    hear(calm, voice(), 20)
    hear(hot, voice(pitch=5, effort=5, loudness=5), 20)
    assert hot.weight[PITCH] < 0.7 * calm.weight[PITCH]


def test_nothing_heard_is_unknown_and_learns_nothing() -> None:
    state = Baseline().start("en")
    silent = Voice(0.0, None, None, None, None)
    assert Baseline().step([state], [silent], [None], [0]) == [None]
    assert Baseline().step([state], [None], [None], [0]) == [None]
    assert not state.weight.any()


def test_a_feature_that_is_missing_is_none_and_not_zero() -> None:
    state = Baseline().start("zh")
    shift = Baseline().step([state], [Voice(0.5, voice().pitch, None, None, None)], [None], [0])[0]
    assert shift is not None
    assert shift.pitch is not None
    assert shift.rate is shift.effort is shift.arousal is shift.loudness is None


def test_mood_gives_arousal() -> None:
    assert values(None, Mood(0.7, 0.1, 0.1, 0.1, 0.1, 0.6))[FEATURES.index("arousal")] == 0.7


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
    before = state.mean[PITCH]
    hear(state, voice(pitch=offset), 1)
    assert abs(state.mean[PITCH] - before) < 0.2 * WITHIN["pitch"]
