"""The mood stage: level is not mood, streams and batches agree, little speech is no estimate, state travels."""

from __future__ import annotations

import pickle
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion import weights
from emotion.config import MoodConfig
from emotion.mood import MIN_SPEECH, MoodModel, MoodState
from emotion.types import BANDS, FRAMES, HOP, Activity, Audio, Mood
from emotion.voice.logmel import LogMel
from tests.conftest import vowel

MODEL = MoodModel()


def activity(share: float = 1.0) -> Activity:
    speech = np.arange(FRAMES) < round(share * FRAMES)
    return Activity(speech, speech.astype(np.float32))


def mels(wave: Audio) -> list[Audio]:
    front = LogMel()
    state = [front.start()]
    return [front.step(state, wave[None, at:at + HOP]) for at in range(0, len(wave) // HOP * HOP, HOP)]


def moods(wave: Audio, model: MoodModel = MODEL) -> list[Mood | None]:
    state = [model.start()]
    return [model.step(state, mel, [activity()])[0] for mel in mels(wave)]


@pytest.mark.parametrize("name", ["mood-open", "mood-research"])
def test_probabilities_add_to_one(name: str) -> None:
    last = moods(vowel(180, 3), MoodModel(MoodConfig(name)))[-1]
    assert last is not None
    assert sum((last.anger, last.joy, last.sadness, last.fear, last.calm)) == pytest.approx(1, abs=1e-5)
    assert all(0 <= value <= 1 for value in astuple(last))


@pytest.mark.parametrize("gain_db", [-12.0, -6.0, 6.0, 12.0])
@pytest.mark.parametrize("hertz", [120.0, 240.0])
def test_level_is_not_mood(gain_db: float, hertz: float) -> None:
    noise = np.random.default_rng(1).standard_normal(24000).astype(np.float32)
    wave = vowel(hertz, 3, level=0.05) + np.float32(1e-4) * noise
    for plain, louder in zip(moods(wave), moods(wave * np.float32(10 ** (gain_db / 20))), strict=True):
        assert (plain is None) == (louder is None)
        if plain is not None and louder is not None:
            assert np.abs(np.subtract(astuple(plain), astuple(louder))).max() <= 0.05


def test_too_little_speech_is_unknown() -> None:
    state = [MODEL.start()]
    mel = mels(vowel(200, 3))
    assert MODEL.step(state, mel[0], [activity(0.5)]) == [None]
    assert state[0].heard < MIN_SPEECH
    MODEL.step(state, mel[1], [activity()])
    assert MODEL.step(state, mel[2], [activity()])[0] is not None
    assert MODEL.step(state, mel[3], [activity(0.0)]) == [None]


def test_silence_is_forgotten() -> None:
    state = [MODEL.start()]
    for mel in mels(vowel(200, 2)):
        MODEL.step(state, mel, [activity()])
    before = state[0].heard
    for mel in mels(np.zeros(40 * HOP, np.float32)):
        assert MODEL.step(state, mel, [activity(0.0)]) == [None]
    assert state[0].heard < 0.3 * before


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), batch=st.integers(2, 6), me=st.integers(0, 5))
def test_a_call_is_the_same_whoever_is_beside_it(seed: int, batch: int, me: int) -> None:
    rng = np.random.default_rng(seed)
    me %= batch
    together, alone = [MODEL.start() for _ in range(batch)], [MODEL.start()]
    for _ in range(4):
        mel = rng.normal(-4, 3, (batch, FRAMES, BANDS)).astype(np.float32)
        talk = [activity(float(rng.random())) for _ in range(batch)]
        shared = MODEL.step(together, mel, talk)[me]
        own = MODEL.step(alone, mel[me:me + 1], [talk[me]])[0]
        assert (shared is None) == (own is None)
        if shared is not None and own is not None:
            assert np.abs(np.subtract(astuple(shared), astuple(own))).max() < 1e-4


def test_state_pickles_in_mid_call_and_inputs_stay_as_they_were() -> None:
    state = [MODEL.start()]
    heard = mels(vowel(200, 4))
    copies = [mel.copy() for mel in heard]
    for mel in heard[:4]:
        MODEL.step(state, mel, [activity()])
    other: list[MoodState] = [pickle.loads(pickle.dumps(state[0]))]
    for mel in heard[4:]:
        assert MODEL.step(state, mel, [activity()]) == MODEL.step(other, mel, [activity()])
    assert all(np.array_equal(mel, copy) for mel, copy in zip(heard, copies, strict=True))


def test_memory_is_flat() -> None:
    state = [MODEL.start()]
    size = len(pickle.dumps(state[0]))
    for _ in range(20):
        for mel in mels(vowel(200, 2)):
            MODEL.step(state, mel, [activity()])
    assert len(pickle.dumps(state[0])) == size
    assert np.isfinite(state[0].memory).all()


def test_no_calls_no_moods() -> None:
    assert MODEL.step([], np.zeros((0, FRAMES, BANDS), np.float32), []) == []


def test_policy_refuses_what_is_not_cleared() -> None:
    with pytest.raises(weights.WeightsError, match="commercial"):
        MoodModel(MoodConfig("mood-research", commercial_only=True))
    assert MoodModel(MoodConfig("mood-open", commercial_only=True)).weights.commercial_use


def test_other_weights_are_refused_by_their_labels() -> None:
    with pytest.raises(weights.WeightsError, match="mood needs"):
        MoodModel(MoodConfig("text-zh"))
