"""Loudness: power is Parseval's, a gain moves the level and nothing else, digital silence is None."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.types import FRAMES, HOP, Activity, Audio, Loudness
from emotion.voice.loudness import LoudnessMeter, band_powers
from tests.conftest import tone, vowel


def activity(speech: bool) -> Activity:
    return Activity(np.full(FRAMES, speech), np.full(FRAMES, float(speech), np.float32))


def measure(*hops: tuple[Audio, bool]) -> Loudness | None:
    meter, value = LoudnessMeter(), None
    state = meter.start()
    for samples, speech in hops:
        value = meter.step([state], samples[None], [activity(speech)])[0]
    return value


def test_level_of_a_tone_is_its_rms() -> None:
    found = measure((tone(1000, 0.5, 0.1), True))
    assert found is not None
    assert found.level == pytest.approx(20 * np.log10(0.1 / np.sqrt(2)), abs=0.2)


def test_bands_hold_the_power_that_lies_in_them() -> None:
    low, high = band_powers(np.stack([tone(500, 0.5), tone(2000, 0.5)]))
    assert low[5, 2] == pytest.approx(0.005, rel=0.05)
    assert low[5, 3:].max() < 1e-5
    assert high[5, 5] + high[5, 4] == pytest.approx(0.005, rel=0.1)
    assert high[5, :3].sum() == pytest.approx(0.005, rel=0.05)


@given(st.floats(-12, 12))
@settings(deadline=None)
def test_a_gain_moves_the_level_and_nothing_else(gain: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.002, HOP).astype(np.float32)
    voice = vowel(150, 0.5) + rng.normal(0, 0.002, HOP).astype(np.float32)
    factor = np.float32(10 ** (gain / 20))
    plain = measure((noise, False), (voice, True))
    moved = measure((noise * factor, False), (voice * factor, True))
    assert plain is not None
    assert moved is not None
    assert moved.level - plain.level == pytest.approx(gain, abs=0.05)
    assert moved.above_noise == pytest.approx(plain.above_noise, abs=0.05)
    assert moved.effort == pytest.approx(plain.effort, abs=0.05)


def test_effort_rises_when_the_spectrum_flattens_at_the_same_level() -> None:
    soft = measure((tone(500, 0.5, 0.1) + tone(2000, 0.5, 0.01), True))
    hard = measure((tone(500, 0.5, 0.05) + tone(2000, 0.5, 0.08), True))
    assert soft is not None
    assert hard is not None
    assert hard.effort - soft.effort > 5


def test_no_speech_is_unknown() -> None:
    assert measure((tone(500, 0.5), False)) is None
    assert measure((np.zeros(HOP, np.float32), True)) is None
