"""Voice activity on calls that are half silence: clips of one speaker with pauses between, through every line.

Truth comes from the clean clip: a frame within 30 dB of the clip's loud frames (95th percentile) is speech, gaps
under 0.2 s between such frames too; more than 45 dB below, or between the clips, is not; in between nobody knows and
the frame is left out, as are 30 ms on both sides of every border.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import speech
from benchmarks.listen import BATCHES, Ears, costs
from benchmarks.metrics.voice import auc
from benchmarks.peers.vad import DETECTORS
from benchmarks.task import SYSTEM, Options, Row, cpu_ms
from emotion.types import FRAME, RATE, Audio

SUMMARY = "voice activity: AUC, misses and false alarms per frame on calls with pauses, eight lines"
TASK = "vad"
validate = speech.validate
_GAP = 20
_BORDER = 3


def evaluate(options: Options) -> Iterator[Row]:
    """AUC and the default threshold's errors under each condition, peers beside; then the cost."""
    calls = compose(options.data, 6 if options.quick else 40, options.seed)
    truths = [truth for _, truth in calls]
    known = np.concatenate(truths) >= 0
    labels = np.concatenate(truths)[known] == 1
    ears = Ears(stages=("vad",))
    heard_on_telephone: list[Audio] = []
    for condition in simulate.CONDITIONS:
        waves = [simulate.degrade(wave, RATE, condition, options.seed + at, options.data)
                 for at, (wave, _) in enumerate(calls)]
        if condition == "telephone":
            heard_on_telephone = waves
        heard = ears.listen(waves)
        score = np.concatenate([one.probability for one in heard])[known]
        speech_found = np.concatenate([one.speech for one in heard])[known]
        yield from _rows(SYSTEM, condition, score, speech_found, labels)
        for name, (detector, threshold) in DETECTORS.items() if options.peers else ():
            score = np.concatenate([detector(wave) for wave in waves])[known]
            yield from _rows(name, condition, score, score > threshold, labels)
    for batch, stages in costs(np.concatenate(heard_on_telephone[:4])).items():
        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", stages["vad"])
    if options.peers:
        wave = heard_on_telephone[0]
        for name, (detector, _) in DETECTORS.items():
            yield Row(TASK, name, "telephone", f"cpu_ms_per_s_b{BATCHES[0]}",
                      cpu_ms(lambda detector=detector: detector(wave), len(wave) / RATE))  # type: ignore[misc]


def compose(data: Path, count: int, seed: int) -> list[tuple[Audio, NDArray[np.int8]]]:
    """Calls of about 20 s, one speaker each: samples, and per frame 1 speech, 0 none, -1 unknown."""
    rng = np.random.default_rng(seed)
    clips = speech.clips(data)
    speakers = sorted({clip.speaker for clip in clips})
    found = []
    for at in range(count):
        own = [clip for clip in clips if clip.speaker == speakers[at % len(speakers)]]
        waves: list[Audio] = []
        truths: list[NDArray[np.int8]] = []
        while sum(map(len, waves)) < 20 * RATE:
            wave, _ = own[rng.integers(len(own))].read(RATE)
            wave = wave[: len(wave) // FRAME * FRAME]
            wave = wave / max(float(np.sqrt(simulate.active_power(wave))), 1e-6) * np.float32(0.06)
            pause = int(rng.uniform(0.5, 2.5) * RATE) // FRAME
            quiet = rng.normal(0, 1e-4, pause * FRAME).astype(np.float32)
            waves += [wave, quiet]
            truths += [label(wave), np.zeros(pause, np.int8)]
        found.append((np.concatenate(waves), np.concatenate(truths)))
    return found


def label(wave: Audio) -> NDArray[np.int8]:
    """Truth of a clean clip, a value per whole frame."""
    level = 10 * np.log10(np.mean(wave.reshape(-1, FRAME) ** 2, axis=1) + 1e-12)
    loud = np.percentile(level, 95)
    speech_found = level > loud - 30
    places = np.flatnonzero(speech_found)
    for left, right in itertools.pairwise(places):
        if right - left <= _GAP:
            speech_found[left:right] = True
    truth = np.where(speech_found, 1, np.where(level < loud - 45, 0, -1)).astype(np.int8)
    for border in np.flatnonzero(np.diff(speech_found.astype(np.int8))):
        truth[max(0, border + 1 - _BORDER):border + 1 + _BORDER] = -1
    return truth


def _rows(system: str, condition: str, score: Audio, found: NDArray[np.bool_],
          labels: NDArray[np.bool_]) -> Iterator[Row]:
    yield Row(TASK, system, condition, "auc", auc(score, labels), n=len(labels))
    yield Row(TASK, system, condition, "miss", float(np.mean(~found[labels])), n=int(labels.sum()))
    yield Row(TASK, system, condition, "false_alarm", float(np.mean(found[~labels])), n=int((~labels).sum()))
