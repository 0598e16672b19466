"""What augmentation does to a recording: right length, right loss, nothing broken, the same by the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from emotion.types import RATE
from models.train import augment
from tests.conftest import tone, vowel


def test_the_same_seed_makes_the_same_call() -> None:
    wave = np.repeat(vowel(150, 2), 2)
    noises = [augment.coloured(RATE, 1.0, np.random.default_rng(5))]
    once, again = (augment.call(wave, 2 * RATE, np.random.default_rng(3), noises) for _ in range(2))
    assert np.array_equal(once, again)
    assert once.dtype == np.float32
    assert np.isfinite(once).all()
    assert np.abs(once).max() <= 1


def test_stretching_keeps_the_pitch() -> None:
    wave = tone(200, 2)
    slow = augment.stretch(wave, 0.8)
    assert len(slow) == pytest.approx(len(wave) / 0.8, rel=0.05)
    peak = np.argmax(np.abs(np.fft.rfft(slow[2000:10000]))) * RATE / 8000
    assert peak == pytest.approx(200, abs=3)


def test_playing_faster_raises_the_pitch() -> None:
    fast = augment.resample(tone(200, 1), 1.25)
    assert len(fast) == pytest.approx(RATE / 1.25, rel=0.01)
    assert np.argmax(np.abs(np.fft.rfft(fast))) * RATE / len(fast) == pytest.approx(250, abs=3)


def test_noise_is_as_strong_as_asked(rng: np.random.Generator) -> None:
    wave = vowel(150, 3)
    noisy = augment.add_noise(wave, augment.coloured(3 * RATE, 0.0, rng), 10.0, rng)
    assert 10 * np.log10(np.mean(wave**2) / np.mean((noisy - wave) ** 2)) == pytest.approx(10, abs=0.1)


def test_pink_noise_falls_three_decibels_an_octave(rng: np.random.Generator) -> None:
    power = np.abs(np.fft.rfft(augment.coloured(2**16, 1.0, rng))) ** 2
    assert 10 * np.log10(power[1000:2000].mean() / power[2000:4000].mean()) == pytest.approx(3, abs=0.4)


def test_packets_are_lost_at_the_rate_asked_for(rng: np.random.Generator) -> None:
    wave = np.ones(2000 * augment.PACKET, np.float32)
    lost = np.mean([np.mean(augment.lose_packets(wave, 0.05, rng) < 1) for _ in range(5)])
    assert lost == pytest.approx(0.05, abs=0.015)
    assert wave.min() == 1


def test_the_telephone_takes_the_lows(rng: np.random.Generator) -> None:
    through = augment.telephone_band(tone(100, 1) + tone(1000, 1), rng)
    spectrum = np.abs(np.fft.rfft(through[2000:6000]))
    assert spectrum[50] < 0.1 * spectrum[500]


def test_linear_prediction_finds_a_resonance() -> None:
    shape = augment.lpc(vowel(100, 0.05, 0.1)[:240].astype(np.float64) * np.hamming(240), 8)
    assert shape[0] == 1
    assert np.abs(np.roots(shape)).max() < 1


def test_coding_leaves_a_voice_recognisable() -> None:
    wave = vowel(150, 1)
    assert np.corrcoef(augment.mulaw(wave), wave)[0, 1] > 0.999
    coded = augment.gsm_like(wave)
    before, after = (np.convolve(np.abs(x), np.ones(800) / 800, "valid") for x in (wave, coded))
    assert np.corrcoef(before, after)[0, 1] > 0.9


def test_another_throat_moves_the_pitch_towards_the_other_gender() -> None:
    pytest.importorskip("pyworld", reason="another throat needs the extra [train]")
    wave = np.repeat(vowel(150, 2), 2)
    pitches = []
    for gender in ("F", "M"):
        voice = augment.another_throat(wave, 2 * RATE, gender, np.random.default_rng(8), tempo=0.0)
        assert len(voice) == pytest.approx(len(wave) / 2, rel=0.01)
        spectrum = np.abs(np.fft.rfft(voice[2000:14000]))
        frequencies = np.fft.rfftfreq(12000, 1 / RATE)
        inside = (frequencies > 70) & (frequencies < 320)
        pitches.append(float(frequencies[inside][spectrum[inside].argmax()]))
    assert pitches[0] < 150 < pitches[1]
