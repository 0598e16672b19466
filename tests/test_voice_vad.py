"""Voice activity: the step grid, the gate, the hysteresis; and that it tells speech from pauses on a telephone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.config import VadConfig
from emotion.types import FRAMES, HOP
from emotion.voice.vad import CONTEXT, EVEN, FLOOR, RISE, STEP, Vad, VadState, above_noise, decide, fuse
from tests.conftest import vowel

CONFIG = VadConfig()


def test_what_a_hop_leaves_waits_for_the_next() -> None:
    vad, state = Vad(), Vad().start()
    wave = vowel(140, 4)
    for hop in range(8):
        activity = vad.step([state], wave[None, hop * HOP:(hop + 1) * HOP])[0]
        assert activity.speech.shape == activity.probability.shape == (FRAMES,)
        done = (hop + 1) * HOP // STEP * STEP
        np.testing.assert_array_equal(state.rest, wave[done:(hop + 1) * HOP])
        np.testing.assert_array_equal(state.context, wave[done - CONTEXT:done])


def test_under_the_gate_the_model_is_not_asked() -> None:
    vad, state = Vad(), Vad().start()
    vad.step([state], vowel(140, 0.5)[None])
    activity = vad.step([state], np.full((1, HOP), 1e-4, np.float32))[0]
    assert activity.probability.max() == 0
    assert not state.hidden.any()


def test_the_noise_falls_at_once_and_rises_slowly() -> None:
    state = VadState()
    quiet, loud = (np.random.default_rng(2).normal(0, level, (1, HOP)).astype(np.float32) for level in (0.001, 0.1))
    above_noise([state], loud)
    high = state.noise
    above_noise([state], quiet)
    low = state.noise
    assert high - low == pytest.approx(40, abs=3)
    above = above_noise([state], loud)
    assert state.noise == pytest.approx(low + RISE)
    assert above.mean() == pytest.approx(40, abs=3)
    above_noise([state], np.zeros((1, HOP), np.float32))
    assert state.noise == pytest.approx(10 * np.log10(FLOOR))


def test_the_level_moves_the_odds_and_alone_makes_no_speech() -> None:
    sure = np.linspace(0, 1, 11, dtype=np.float32)
    np.testing.assert_allclose(fuse(sure, np.full(11, EVEN, np.float32)), np.clip(sure, 1e-3, 1 - 1e-3), rtol=1e-4)
    assert (fuse(sure, np.full(11, 60.0, np.float32)) > fuse(sure, np.zeros(11, np.float32))).all()
    assert fuse(np.array([0.1]), np.array([60.0]))[0] < CONFIG.end


def test_speech_begins_and_ends_at_its_thresholds() -> None:
    row = np.full(FRAMES, 0.1, np.float32)
    row[10:20] = 0.6
    row[20:25] = 0.4
    assert np.flatnonzero(decide(row, VadState(), CONFIG)).tolist() == list(range(10, 25))


def test_a_burst_is_no_speech_and_a_short_gap_no_pause() -> None:
    row = np.zeros(FRAMES, np.float32)
    row[2:2 + CONFIG.min_speech - 1] = 1
    row[30:40] = 1
    assert np.flatnonzero(decide(row, VadState(), CONFIG)).tolist()[0] == 30
    row[:] = 1
    row[10:10 + CONFIG.min_gap - 1] = 0
    assert decide(row, VadState(), CONFIG).all()
    row[10:10 + CONFIG.min_gap + 1] = 0
    assert not decide(row, VadState(), CONFIG).all()


@given(st.lists(st.floats(0, 1, width=32), min_size=FRAMES, max_size=FRAMES), st.booleans())
def test_sure_frames_are_never_overruled_for_long(row: list[float], speaking: bool) -> None:
    probability = np.array(row, np.float32)
    speech = decide(probability, VadState(speaking=speaking, quiet=0 if speaking else 10**6), CONFIG)
    quiet = 0
    for value, found in zip(probability, speech, strict=True):
        quiet = quiet + 1 if value < CONFIG.end else 0
        assert not (found and quiet > CONFIG.min_gap)


@pytest.mark.slow
@pytest.mark.parametrize(("condition", "least"), [("telephone", 0.98), ("pink10", 0.96)])
def test_it_tells_speech_from_pauses(data: Path, condition: str, least: float) -> None:
    from benchmarks import simulate
    from benchmarks.metrics.voice import auc
    from benchmarks.tasks.vad import compose

    calls = compose(data, 3, 1)
    vad = Vad()
    score, truth = [], []
    for at, (wave, labels) in enumerate(calls):
        heard = simulate.degrade(wave, 8000, condition, at, data)
        state = vad.start()
        score += [vad.step([state], heard[None, hop * HOP:(hop + 1) * HOP])[0].probability
                  for hop in range(len(heard) // HOP)]
        truth.append(labels[:len(heard) // HOP * FRAMES])
    labels = np.concatenate(truth)
    assert auc(np.concatenate(score)[labels >= 0], labels[labels >= 0] == 1) > least
