"""The resampler: any chunking gives the same samples, and they are the ones that soxr gives for the whole."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.audio.pcm import AudioError
from emotion.audio.resample import Resampler
from emotion.types import RATE, Audio
from tests.conftest import vowel

RATES = (8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000)


def speech(rate: int) -> Audio:
    return np.asarray(soxr.resample(vowel(150, 1.5), RATE, rate), np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_equals_soxr_on_the_whole(rate: int) -> None:
    samples = speech(rate)
    resampler = Resampler(rate)
    made = np.concatenate([resampler.push(samples), resampler.flush()])
    whole = soxr.resample(samples, rate, RATE)
    assert abs(len(made) - len(whole)) <= 1
    least = min(len(made), len(whole))
    assert np.std(made[:least] - whole[:least]) < 1e-3 * np.std(whole)


@given(st.sampled_from(RATES), st.lists(st.integers(1, 3000), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_chunking_changes_nothing(rate: int, sizes: list[int]) -> None:
    samples = speech(rate)
    whole, parts = Resampler(rate), Resampler(rate)
    cuts = np.cumsum(sizes)
    pieces = [parts.push(piece) for piece in np.split(samples, cuts[cuts < len(samples)])]
    assert np.array_equal(np.concatenate([whole.push(samples), whole.flush()]),
                          np.concatenate([*pieces, parts.flush()]))


def test_a_saved_state_goes_on_equal() -> None:
    samples = speech(44100)
    one = Resampler(44100)
    head = one.push(samples[:20000])
    two = pickle.loads(pickle.dumps(one))
    assert len(head)
    assert np.array_equal(one.push(samples[20000:]), two.push(samples[20000:]))


@pytest.mark.parametrize("rate", [0, 7999, 48001, 44101, 96000])
def test_other_rates_are_refused(rate: int) -> None:
    with pytest.raises(AudioError, match="multiple of 25"):
        Resampler(rate)
