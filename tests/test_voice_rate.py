"""Speech rate: counts over time, pauses apart, unmoved by gain, honest about its error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.types import FRAMES, HOP, Activity, Audio, Mask, Rate
from emotion.voice.pitch import PitchTracker
from emotion.voice.rate import (
    COUNTS,
    MIN_SPEECH,
    OFFSET,
    SLOPE,
    WITNESS_OFFSET,
    RateMeter,
    pauses,
    raw,
    reckon,
    witness,
)
from emotion.words.listen import onsets
from tests.conftest import vowel

METER, TRACKER = RateMeter(), PitchTracker()


def activity(speech: bool) -> Activity:
    return Activity(np.full(FRAMES, speech), np.full(FRAMES, float(speech), np.float32))


def measure(wave: Audio, last: int | None = None) -> list[Rate | None]:
    """Rates of every hop of a wave that is all speech up to sample `last`."""
    state, pitch, found = METER.start(), TRACKER.start(), []
    for at in range(0, len(wave) - HOP + 1, HOP):
        activities = [activity(last is None or at < last)]
        f0s = TRACKER.step([pitch], wave[None, at:at + HOP], activities)
        found.append(METER.step([state], wave[None, at:at + HOP], activities, f0s)[0])
    return found


def with_peaks(every: int, speech: Mask) -> Audio:
    """A window whose counts all have a peak each so many frames of speech."""
    found = np.full((COUNTS, len(speech)), np.nan, np.float32)
    found[:, np.flatnonzero(speech)[::every]] = -20
    return found


def test_rate_is_count_over_time_and_articulation_leaves_pauses_out() -> None:
    speech = np.zeros(1000, np.bool_)
    speech[100:300] = speech[310:500] = speech[600:700] = True
    found = reckon(with_peaks(20, speech), speech)
    assert found is not None
    assert raw(with_peaks(20, speech), speech) == pytest.approx((24.5, 5.0), abs=0.6)
    assert found.syllables == pytest.approx(SLOPE * 25 / 5.0 + OFFSET, abs=0.2)
    assert found.articulation == pytest.approx(found.syllables * 5.0 / 4.9)
    assert found.pause == pytest.approx(1.0)


def test_the_error_is_larger_in_a_short_window() -> None:
    speech = np.ones(1000, np.bool_)
    long = reckon(with_peaks(20, speech), speech)
    speech[200:] = False
    short = reckon(with_peaks(20, speech), speech)
    assert long is not None
    assert short is not None
    assert short.error > long.error > 0


def test_peaks_far_under_the_loud_ones_do_not_count() -> None:
    speech = np.ones(1000, np.bool_)
    found = with_peaks(20, speech)
    found[:, 10::20] = -60
    assert raw(found, speech)[0] == pytest.approx(50)


def test_little_speech_is_unknown() -> None:
    speech = np.zeros(1000, np.bool_)
    speech[:MIN_SPEECH - 1] = True
    assert reckon(with_peaks(10, speech), speech) is None
    assert reckon(np.full((COUNTS, 1000), np.nan, np.float32), ~np.zeros(1000, np.bool_)) is None


def test_a_buzz_of_four_syllables_a_second_has_four() -> None:
    found = measure(vowel(150, 8))[-1]
    assert found is not None
    assert (found.syllables - OFFSET) / SLOPE == pytest.approx(4, abs=0.5)


def test_a_ten_second_drop_out_ends_in_unknown_and_not_in_slow_speech() -> None:
    found = measure(np.concatenate([vowel(150, 6), np.zeros(12 * 8000, np.float32)]), last=6 * 8000)
    assert found[-1] is None
    known = [rate.syllables for rate in found if rate is not None]
    assert known[-1] == pytest.approx(known[5], rel=0.4)


@pytest.mark.parametrize("gain", [-12.0, 12.0])
def test_a_gain_changes_nothing(gain: float) -> None:
    wave = vowel(180, 4, 0.05)
    plain, moved = measure(wave)[-1], measure(wave * np.float32(10 ** (gain / 20)))[-1]
    assert plain is not None
    assert moved is not None
    assert moved.syllables == pytest.approx(plain.syllables, rel=1e-3)


def test_a_second_witness_pulls_by_its_sureness_and_makes_the_estimate_surer() -> None:
    speech = np.ones(1000, np.bool_)
    alone = reckon(with_peaks(20, speech), speech)
    assert alone is not None
    both = witness(alone, [2.0] * 20, speech)
    assert both is not None
    heard = 4.0 + WITNESS_OFFSET
    assert min(heard, alone.syllables) < both.syllables < max(heard, alone.syllables)
    assert abs(both.syllables - heard) < abs(both.syllables - alone.syllables)
    assert both.error < min(alone.error, 0.4)
    assert both.articulation == pytest.approx(both.syllables)


def test_syllables_that_an_ear_hears_in_silence_do_not_count() -> None:
    wave = vowel(150, 6)
    rates = []
    for phantom in (0.0, 3.0):
        state, pitch = METER.start(), TRACKER.start()
        for at in range(0, 24 * HOP, HOP):
            spoken = at >= 12 * HOP
            hop = wave[None, at - 12 * HOP: at - 11 * HOP] if spoken else np.zeros((1, HOP), np.float32)
            activities = [activity(spoken)]
            f0s = TRACKER.step([pitch], hop, activities)
            rate = METER.step([state], hop, activities, f0s, [2.0 if spoken else phantom])[0]
        rates.append(rate)
    assert rates[0] is not None
    assert rates[0] == rates[1]


def test_a_witness_who_did_not_hear_all_of_it_is_not_asked() -> None:
    speech = np.ones(1000, np.bool_)
    alone = reckon(with_peaks(20, speech), speech)
    assert witness(alone, [], speech) == witness(alone, [2.0] * 19 + [None], speech) == alone
    assert witness(None, [2.0] * 20, speech) is None


def test_onsets_are_what_the_posteriors_rise_by_across_hops() -> None:
    sounding = np.array([0.1, 0.9, 0.2, 0.6, 0.6], np.float32)
    scores = np.log(np.stack([1 - sounding, sounding], axis=1))
    count, last = onsets(scores, 0.0)
    assert count == pytest.approx(0.9 + 0.4)
    assert onsets(scores[:1], last) == pytest.approx((0.0, 0.1))
    assert onsets(scores[:0], 0.3) == (0.0, 0.3)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_pauses_and_speech_fill_the_time_between_first_and_last(row: list[bool]) -> None:
    speech = np.array(row)
    places = np.flatnonzero(speech)
    between = int(places[-1] - places[0] + 1) if len(places) else 0
    assert sum(pauses(speech)) + int(speech.sum()) == between
    assert raw(np.full((COUNTS, len(row)), np.nan, np.float32), speech)[0] == 0


@pytest.mark.slow
def test_it_follows_hand_counted_syllables(data: Path) -> None:
    """A dozen windows on a telephone: r of the counts over .75 (the benchmark has the figure on all of them)."""
    from benchmarks import simulate
    from benchmarks.tasks.rate import measure as listen
    from benchmarks.tasks.rate import windows

    some = windows(data)[::8]
    heard = [simulate.degrade(window.wave, 8000, "telephone", at, data) for at, window in enumerate(some)]
    counts = listen(heard)[:, 0]
    rates = counts / np.array([window.seconds for window in some])
    assert np.corrcoef(rates, [window.rate for window in some])[0, 1] > 0.75
