"""Laws that every voice stage keeps: alone equals batch, calls never mix, states pickle, inputs stay as they were."""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from emotion.types import HOP, Audio
from emotion.voice.loudness import LoudnessMeter
from emotion.voice.pitch import PitchTracker
from emotion.voice.quality import QualityMeter
from emotion.voice.rate import RateMeter
from emotion.voice.vad import Vad
from tests.conftest import vowel

HOPS = 8
VAD, PITCH = Vad(), PitchTracker()
STAGES: dict[str, Any] = {"vad": VAD, "pitch": PITCH, "loudness": LoudnessMeter(), "quality": QualityMeter(),
                          "rate": RateMeter()}
Step = Callable[[list[Any], Audio], list[Any]]


def calls() -> Audio:
    """Four different calls of eight hops: two voices, a pause in one, noise, silence."""
    rng = np.random.default_rng(5)
    seconds = HOPS / 2
    low, high = vowel(110, seconds), vowel(230, seconds, 0.05)
    low[2 * HOP:4 * HOP] = 0
    noisy = vowel(160, seconds) + rng.normal(0, 0.01, HOPS * HOP)
    return np.stack([low, high, noisy, np.zeros(HOPS * HOP)]).astype(np.float32)


def stepper(name: str, waves: Audio) -> Step:
    """The stage's step with the activities and f0s that belong to these hops worked out before."""
    vads, pitches = [VAD.start() for _ in waves], [PITCH.start() for _ in waves]
    notes: dict[bytes, tuple[Any, Any]] = {}
    for hop in np.split(waves, HOPS, axis=1):
        activities = VAD.step(vads, hop)
        for row, activity, f0 in zip(hop, activities, PITCH.step(pitches, hop, activities), strict=True):
            notes[row.tobytes()] = (activity, f0)
    wanted = {"vad": 0, "pitch": 1, "loudness": 1, "quality": 2, "rate": 2}[name]

    def step(states: list[Any], hops: Audio) -> list[Any]:
        rows = [notes[row.tobytes()] for row in hops]
        known = [list(values) for values in zip(*rows, strict=True)][:wanted]
        made: list[Any] = STAGES[name].step(states, hops, *known)
        return made

    return step


def run(step: Step, states: list[Any], waves: Audio) -> list[list[Any]]:
    return [step(states, hop) for hop in np.split(waves, waves.shape[1] // HOP, axis=1)]


def same(one: Any, other: Any) -> None:
    """Equal up to what the order of additions inside a matrix product may move."""
    if isinstance(one, np.ndarray):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    elif one is None or other is None:
        assert one is other
    elif isinstance(one, Sequence):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            same(left, right)
    elif hasattr(one, "__slots__"):
        for field in type(one).__dataclass_fields__:
            same(getattr(one, field), getattr(other, field))
    else:
        assert one == pytest.approx(other, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("name", STAGES)
def test_alone_equals_batch(name: str) -> None:
    waves = calls()
    step = stepper(name, waves)
    together = run(step, [STAGES[name].start() for _ in waves], waves)
    for row in range(len(waves)):
        alone = run(step, [STAGES[name].start()], waves[row:row + 1])
        same([value[0] for value in alone], [value[row] for value in together])


@pytest.mark.parametrize("name", STAGES)
def test_a_state_pickles_in_mid_call_and_resumes_equal(name: str) -> None:
    waves = calls()[:2]
    step = stepper(name, waves)
    states = [STAGES[name].start() for _ in waves]
    run(step, states, waves[:, :4 * HOP])
    thawed = pickle.loads(pickle.dumps(states))
    same(run(step, thawed, waves[:, 4 * HOP:]), run(step, states, waves[:, 4 * HOP:]))


@pytest.mark.parametrize("name", STAGES)
def test_input_is_not_written_to_and_memory_is_flat(name: str) -> None:
    waves = calls()
    step = stepper(name, waves)
    before = waves.copy()
    waves.setflags(write=False)
    states = [STAGES[name].start() for _ in waves]
    run(step, states, waves)
    size = len(pickle.dumps(states))
    for _ in range(3):
        run(step, states, waves)
    np.testing.assert_array_equal(waves, before)
    assert abs(len(pickle.dumps(states)) - size) < 5000


@pytest.mark.parametrize("name", STAGES)
def test_who_is_in_the_batch_changes_nothing(name: str) -> None:
    waves = calls()
    step = stepper(name, waves)
    states = [STAGES[name].start() for _ in waves]
    straight = run(step, states, waves)
    mixed = [STAGES[name].start() for _ in waves]
    for hop, samples in enumerate(np.split(waves, HOPS, axis=1)):
        order = [0, 2] if hop % 2 else [3, 1, 0, 2]
        rest = [row for row in range(4) if row not in order]
        for rows in (order, rest):
            if rows:
                values = step([mixed[row] for row in rows], samples[rows])
                same(values, [straight[hop][row] for row in rows])
