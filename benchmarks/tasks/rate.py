"""Speech rate against EmoDB's hand-made syllables: windows with 10 s of speech, one speaker and one mood each.

Clips are chained with 0.3 s between; the truth is syllables over the time from first to last syllable of each clip,
pauses of 0.2 s and more taken out. Ours runs as the live stage does, for each speaker with weights that were trained
and calibrated without him (models/rate-loso/). Peers are given the true time of speech and a straight line fitted on
the other speakers, all conditions together. `telephone/zh` is AISHELL (one Mandarin speaker of whom nothing was
learnt), a hanzi a syllable, with the default weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import speech, words
from benchmarks.listen import costs
from benchmarks.metrics.voice import correlation, mean_error
from benchmarks.peers.rate import COUNTERS
from benchmarks.task import SYSTEM, Options, Row, bootstrap, cpu_ms
from emotion import weights
from emotion.config import RateConfig
from emotion.types import F0, FRAMES, HOP, RATE, Audio
from emotion.voice.rate import RateMeter
from emotion.voice.vad import Vad

SUMMARY = "syllables per second on 10 s of speech, each speaker left out once: r and mean error, beside two peers"
TASK = "rate"
CONDITIONS = ("clean", "telephone", "pink20", "pink10", "pink5", "babble20", "babble10", "loss5")
GAP_S, LONG_PAUSE_S, WINDOW_S = 0.3, 0.2, 10.0
LEAVE_OUT = weights.FOLDER / "rate-loso"
_NO_PITCH = F0(np.full(FRAMES, np.nan, np.float32), None)


@dataclass(frozen=True, slots=True)
class Window:
    """Clean samples at 8 kHz with their true count, time of speech, and speaker."""

    wave: Audio
    count: int
    seconds: float
    speaker: str

    @property
    def rate(self) -> float:
        return self.count / self.seconds


def validate(data: Path) -> list[str]:
    """What is missing, in plain words."""
    table = data / "speech" / "emodb_syllables.csv"
    return speech.validate(data) + ([] if table.is_file() else [f"{table} is missing"])


def evaluate(options: Options) -> Iterator[Row]:
    """r and errors per condition, calibrated peers beside, then the cost."""
    found = windows(options.data)
    found = found[::6] if options.quick else found
    speakers = np.array([window.speaker for window in found])
    truth = np.array([window.rate for window in found])
    peers = COUNTERS if options.peers else {}
    counts: dict[tuple[str, str], NDArray[np.float64]] = {}
    heard: list[Audio] = []
    for condition in CONDITIONS:
        heard = [simulate.degrade(window.wave, RATE, condition, options.seed + at, options.data)
                 for at, window in enumerate(found)]
        ours, error = measure(heard, speakers)
        known = np.isfinite(ours)
        low, high = bootstrap(np.abs(ours - truth)[known])
        yield Row(TASK, SYSTEM, condition, "r", correlation(ours[known], truth[known]), n=int(known.sum()))
        yield Row(TASK, SYSTEM, condition, "mae_calibrated", mean_error(ours[known], truth[known]), low, high,
                  int(known.sum()))
        yield Row(TASK, SYSTEM, condition, "inside_one_sd", float(np.mean(np.abs(ours - truth)[known] < error[known])))
        for name, counter in peers.items():
            counts[name, condition] = np.array([counter(wave, RATE) / window.seconds
                                                for wave, window in zip(heard, found, strict=True)])
    for name in peers:
        raw = {condition: counts[name, condition] for condition in CONDITIONS}
        for condition, fitted in calibrated(raw, truth, speakers).items():
            yield Row(TASK, name, condition, "r", correlation(raw[condition], truth), n=len(truth))
            yield Row(TASK, name, condition, "mae_calibrated", mean_error(fitted, truth), n=len(truth))
    if not words.missing(options.data):
        yield from _mandarin(options)
    for batch, stages in costs(heard[0]).items():
        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", stages["rate"])
    for name, counter in peers.items():
        yield Row(TASK, name, "telephone", "cpu_ms_per_s_b1",
                  cpu_ms(lambda counter=counter: counter(heard[0], RATE), len(heard[0]) / RATE, 1))  # type: ignore[misc]


def windows(data: Path) -> list[Window]:
    """Clips of one speaker in one mood, chained until they hold WINDOW_S of speech; shorter rests are left out."""
    marks = speech.syllables(data)
    clips = [clip for clip in speech.clips(data) if str(clip.path.relative_to(data / "speech")) in marks]
    clips.sort(key=lambda clip: (clip.speaker, clip.emotion, clip.path.name))
    found: list[Window] = []
    waves: list[Audio] = []
    count, seconds = 0, 0.0
    for before, clip in pairwise([None, *clips]):
        assert clip is not None
        if before is None or (before.speaker, before.emotion) != (clip.speaker, clip.emotion):
            waves, count, seconds = [], 0, 0.0
        own = marks[str(clip.path.relative_to(data / "speech"))]
        waves += [clip.read(RATE)[0], np.zeros(int(GAP_S * RATE), np.float32)]
        count, seconds = count + len(own), seconds + spoken_s(own)
        if seconds >= WINDOW_S:
            found.append(Window(np.concatenate(waves), count, seconds, clip.speaker))
            waves, count, seconds = [], 0, 0.0
    return found


def spoken_s(marks: Sequence[tuple[float, float]]) -> float:
    """Seconds from first to last syllable, long pauses taken out."""
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(marks)]
    return marks[-1][1] - marks[0][0] - sum(gap for gap in gaps if gap >= LONG_PAUSE_S)


def measure(waves: Sequence[Audio], speakers: NDArray[np.str_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Our rate over the whole of each wave and its stated error, NaN where unknown."""
    vad = Vad()
    config = RateConfig(window_s=max(map(len, waves)) / RATE + 1)
    found = np.full((2, len(waves)), np.nan)
    for speaker in sorted(set(speakers)):
        path = LEAVE_OUT / f"{speaker.rpartition(':')[2]}.onnx"
        meter = RateMeter(config, model=path if path.is_file() else None)
        mine = np.flatnonzero(speakers == speaker)
        padded = np.zeros((len(mine), (max(len(waves[at]) for at in mine) // HOP + 2) * HOP), np.float32)
        for row, at in zip(padded, mine, strict=True):
            row[:len(waves[at])] = waves[at]
        vads, states = [vad.start() for _ in mine], [meter.start() for _ in mine]
        for start in range(0, padded.shape[1], HOP):
            hop = padded[:, start:start + HOP]
            rates = meter.step(states, hop, vad.step(vads, hop), [_NO_PITCH] * len(mine))
            for at, value in zip(mine, rates, strict=True):
                if value is not None:
                    found[:, at] = value.syllables, value.error
    return found[0], found[1]


def calibrated(raw: dict[str, NDArray[np.float64]], truth: NDArray[np.float64],
               speakers: NDArray[np.str_]) -> dict[str, NDArray[np.float64]]:
    """A straight line for each speaker from all the others, all conditions together."""
    found = {condition: np.zeros(len(truth)) for condition in raw}
    for speaker in sorted(set(speakers)):
        others = speakers != speaker
        line = np.polyfit(np.concatenate([values[others] for values in raw.values()]),
                          np.tile(truth[others], len(raw)), 1)
        for condition, values in raw.items():
            found[condition][~others] = np.polyval(line, values[~others])
    return found


def _mandarin(options: Options) -> Iterator[Row]:
    """Read Mandarin sentences: count of hanzi over the span that voice activity finds in the clean clip."""
    items = [item for item in words.part(words.real(options.data), "aishell") if item.text.isalpha()]
    items = items[:: 50 if options.quick else 5]
    clean = [words.read(item, RATE) for item in items]
    vad = Vad()
    spans = []
    for wave in clean:
        state = vad.start()
        padded = np.resize(np.concatenate([wave, np.zeros(2 * HOP, np.float32)]), (len(wave) // HOP + 1) * HOP)
        speech_found = np.concatenate([vad.step([state], hop[None])[0].speech for hop in padded.reshape(-1, HOP)])
        gaps = np.diff(np.flatnonzero(speech_found))
        spans.append(int(speech_found.sum()) + int(gaps[(gaps > 1) & (gaps <= 20)].sum()))
    truth = np.array([len(item.text) / (frames / 100) for item, frames in zip(items, spans, strict=True)])
    for condition in ("clean", "telephone", "pink10"):
        heard = [simulate.degrade(wave, RATE, condition, at, options.data) for at, wave in enumerate(clean)]
        ours, _ = measure(heard, np.array(["AISHELL"] * len(items)))
        known = np.isfinite(ours)
        yield Row(TASK, SYSTEM, f"{condition}/zh", "r", correlation(ours[known], truth[known]), n=int(known.sum()))
        yield Row(TASK, SYSTEM, f"{condition}/zh", "mae", mean_error(ours[known], truth[known]), n=int(known.sum()))
