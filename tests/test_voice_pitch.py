"""Pitch: right on known tones, unmoved by gain, in agreement with Praat and librosa, None where nobody speaks."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.types import F0, FRAMES, HOP, Activity, Audio
from emotion.voice.pitch import MIN_VOICED, REFERENCE, PitchTracker, summary, tone_hertz
from tests.conftest import vowel

TRACKER = PitchTracker()
SPEECH = Activity(np.ones(FRAMES, np.bool_), np.ones(FRAMES, np.float32))


def track(wave: Audio) -> list[F0]:
    state = TRACKER.start()
    return [TRACKER.step([state], wave[None, at:at + HOP], [SPEECH])[0] for at in range(0, len(wave) - HOP + 1, HOP)]


def hertz(wave: Audio) -> Audio:
    return np.concatenate([f0.hertz for f0 in track(wave)])


@pytest.mark.parametrize("wanted", [75, 100, 140, 200, 280, 400])
def test_a_vowel_has_its_pitch_through_a_telephone(wanted: float) -> None:
    from benchmarks.simulate import telephone

    wave = vowel(wanted, 3)
    truth = wanted * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * (np.arange(300) + 0.5) / 100))
    for heard in (wave, telephone(wave)):
        found = hertz(heard)
        voiced = ~np.isnan(found)
        assert voiced.mean() > 0.6
        assert np.median(np.abs(found[voiced] / truth[voiced] - 1)) < 0.02


@given(st.floats(-12, 12))
@settings(deadline=None, max_examples=10)
def test_a_gain_changes_nothing(gain: float) -> None:
    wave = vowel(130, 1.0, 0.05)
    np.testing.assert_allclose(hertz(wave * np.float32(10 ** (gain / 20))), hertz(wave), rtol=1e-3)


def test_without_voice_activity_nothing_is_voiced() -> None:
    quiet = Activity(np.zeros(FRAMES, np.bool_), np.zeros(FRAMES, np.float32))
    found = TRACKER.step([TRACKER.start()], vowel(150, 0.5)[None], [quiet])[0]
    assert found.pitch is None
    assert np.isnan(found.hertz).all()


def test_the_range_is_kept() -> None:
    found = hertz(vowel(300, 2))
    voiced = found[~np.isnan(found)]
    assert ((voiced >= 60) & (voiced <= 500)).all()


def test_tones_and_hertz_agree() -> None:
    logits = np.full((1, 120), -50.0, np.float32)
    logits[0, 36] = 10
    assert tone_hertz(logits)[0] == pytest.approx(110, rel=1e-3)


def test_summary_of_a_rising_track() -> None:
    semitones = np.linspace(20, 25, FRAMES)
    found = summary((REFERENCE * 2 ** (semitones / 12)).astype(np.float32))
    assert found is not None
    assert found.median == pytest.approx(22.5, abs=0.01)
    assert found.range == pytest.approx(3, abs=0.01)
    assert found.slope == pytest.approx(5 / 0.49, rel=0.01)
    assert found.jumps == 0
    assert found.voiced == 1


def test_a_jump_is_counted_and_a_few_frames_are_unknown() -> None:
    row = np.full(FRAMES, 100, np.float32)
    row[25:] = 150
    found = summary(row)
    assert found is not None
    assert found.jumps == pytest.approx(2)
    row[:] = np.nan
    row[:MIN_VOICED - 1] = 100
    assert summary(row) is None


@pytest.mark.slow
def test_it_agrees_with_praat_and_librosa_on_clean_speech(data: Path) -> None:
    """Medians within 0.6 semitones on every clip where the two agree with each other within one."""
    from benchmarks.datasets import speech
    from benchmarks.peers.pitch import praat_ac, pyin

    apart = []
    for clip in speech.select(data, corpora=("EmoDB",), split="dev")[::32]:
        wave = clip.read(8000)[0]
        ours, praat, librosa = (12 * np.log2(np.nanmedian(found)) for found in
                                (hertz(np.concatenate([wave, np.zeros(HOP, np.float32)])), praat_ac(wave, 8000),
                                 pyin(wave, 8000)))
        if abs(praat - librosa) < 1:
            apart.append(abs(ours - (praat + librosa) / 2))
    assert len(apart) >= 2
    assert max(apart) < 0.6
