"""Speech rate against EmoDB's hand-made syllables: windows with 10 s of speech, one speaker and one mood each.

The syllables follow each other without gaps, so the true rate of a window is their number over the time from the
first one's start to the last one's end in each clip. `r` and `mae_calibrated` judge a system's count over that time,
put right by a straight line that is fitted on all other speakers, on LINES together: ours and the peers' alike.
`r_live` and `mae_live` judge what the live stage reports, which takes the time from its own voice activity and leaves
pauses of 0.2 s and more out, with the shipped line. `telephone/zh` is AISHELL, one Mandarin speaker of whom nothing was
learnt, a hanzi a syllable, live.
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
from emotion.config import RateConfig, WordsConfig
from emotion.types import HOP, RATE, Audio
from emotion.voice.logmel import LogMel
from emotion.voice.pitch import PitchTracker
from emotion.voice.rate import RateMeter, raw
from emotion.voice.vad import Vad
from emotion.words.spotter import Spotter

SUMMARY = "syllables per second on 10 s of speech, each speaker left out once: r and mean error, beside two peers"
TASK = "rate"
CONDITIONS = ("clean", "telephone", "pink20", "pink10", "pink5", "babble20", "babble10", "loss5")
GAP_S, WINDOW_S = 0.3, 10.0
LINES = ("clean", "telephone", "pink10")
"""Conditions on which a calibration is fitted."""


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
    """r and errors per condition, all calibrated alike, then the live stage, Mandarin, and the cost."""
    found = windows(options.data)
    found = found[::6] if options.quick else found
    speakers = np.array([window.speaker for window in found])
    truth = np.array([window.rate for window in found])
    seconds = np.array([window.seconds for window in found])
    peers = COUNTERS if options.peers else {}
    raws: dict[str, dict[str, NDArray[np.float64]]] = {name: {} for name in (SYSTEM, *peers)}
    telephone: list[Audio] = []
    for condition in CONDITIONS:
        heard = [simulate.degrade(window.wave, RATE, condition, options.seed + at, options.data)
                 for at, window in enumerate(found)]
        telephone = heard if condition == "telephone" else telephone
        counts, live, error = measure(heard).T
        raws[SYSTEM][condition] = counts / seconds
        known = np.isfinite(live)
        apart = np.abs(live - truth)[known]
        yield Row(TASK, SYSTEM, condition, "r_live", correlation(live[known], truth[known]), n=int(known.sum()))
        yield Row(TASK, SYSTEM, condition, "mae_live", float(apart.mean()), n=int(known.sum()))
        yield Row(TASK, SYSTEM, condition, "inside_one_sd", float(np.mean(apart < error[known])))
        for name, counter in peers.items():
            raws[name][condition] = np.array([counter(wave, RATE) for wave in heard]) / seconds
    for name, raw_rates in raws.items():
        for condition, fitted in calibrated(raw_rates, truth, speakers).items():
            low, high = bootstrap(np.abs(fitted - truth))
            yield Row(TASK, name, condition, "r", correlation(raw_rates[condition], truth), n=len(truth))
            yield Row(TASK, name, condition, "mae_calibrated", mean_error(fitted, truth), low, high, len(truth))
    slope, offset = np.polyfit(np.concatenate([raws[SYSTEM][line] for line in LINES]), np.tile(truth, len(LINES)), 1)
    yield Row(TASK, SYSTEM, "all speakers", "slope", float(slope))
    yield Row(TASK, SYSTEM, "all speakers", "offset", float(offset))
    if not words.missing(options.data):
        yield from _mandarin(options)
    for batch, stages in costs(telephone[0]).items():
        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", stages["rate"])
    for name, counter in peers.items():
        yield Row(TASK, name, "telephone", "cpu_ms_per_s_b1", cpu_ms(
            lambda counter=counter: counter(telephone[0], RATE), len(telephone[0]) / RATE, 1))  # type: ignore[misc]


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
        count, seconds = count + len(own), seconds + own[-1][1] - own[0][0]
        if seconds >= WINDOW_S:
            found.append(Window(np.concatenate(waves), count, seconds, clip.speaker))
            waves, count, seconds = [], 0, 0.0
    return found


def measure(waves: Sequence[Audio], spotter: Spotter | None = None) -> NDArray[np.float64]:
    """(waves, 3): nuclei over the whole of each wave, live rate, its stated error; NaN where unknown.

    With a spotter the live rate has the syllables of its Mandarin ear as a second witness.
    """
    vad, tracker, front = Vad(), PitchTracker(), LogMel()
    meter = RateMeter(RateConfig(window_s=max(map(len, waves)) / RATE + 1))
    found = np.full((len(waves), 3), np.nan)
    for block in np.array_split(np.arange(len(waves)), -(-len(waves) // 32)):
        padded = np.zeros((len(block), (max(len(waves[at]) for at in block) // HOP + 2) * HOP), np.float32)
        for row, at in zip(padded, block, strict=True):
            row[:len(waves[at])] = waves[at]
        vads, pitches = [vad.start() for _ in block], [tracker.start() for _ in block]
        states = [meter.start() for _ in block]
        fronts, ears = [front.start() for _ in block], [spotter.start("zh") for _ in block] if spotter else []
        for start in range(0, padded.shape[1], HOP):
            hops = padded[:, start:start + HOP]
            activities = vad.step(vads, hops)
            words = spotter.step(ears, hops, front.step(fronts, hops), activities) if spotter else []
            rates = meter.step(states, hops, activities, tracker.step(pitches, hops, activities),
                               [heard.syllables for heard in words] or None)
            for at, value in zip(block, rates, strict=True):
                found[at, 1:] = (value.syllables, value.error) if value is not None else found[at, 1:]
        found[block, 0] = [raw(state.peaks, state.speech)[0] for state in states]
    return found


def calibrated(raw_rates: dict[str, NDArray[np.float64]], truth: NDArray[np.float64],
               speakers: NDArray[np.str_]) -> dict[str, NDArray[np.float64]]:
    """A straight line for each speaker from all the others, all LINES together."""
    found = {condition: np.zeros(len(truth)) for condition in raw_rates}
    for speaker in sorted(set(speakers)):
        others = speakers != speaker
        line = np.polyfit(np.concatenate([raw_rates[name][others] for name in LINES]),
                          np.tile(truth[others], len(LINES)), 1)
        for condition, values in raw_rates.items():
            found[condition][~others] = np.polyval(line, values[~others])
    return found


def _mandarin(options: Options) -> Iterator[Row]:
    """Read (`/zh`) and synthetic (`/zh-synthetic`) Mandarin, by the nuclei alone and with the ear's syllables.

    Truth is the count of hanzi over the span that voice activity finds in the clean recording.
    """
    read = [item for item in words.part(words.real(options.data), "aishell") if item.text.isalpha()]
    spoken = [item for item in words.synthetic(options.data) if item.language == "zh" and item.held_out
              and item.text.strip("，。！？").isalpha()]
    for name, items in (("zh", read[:: 50 if options.quick else 5]),
                        ("zh-synthetic", spoken[:: max(1, len(spoken) // (10 if options.quick else 100))])):
        yield from _hanzi(options, name, items)


def _hanzi(options: Options, name: str, items: Sequence[words.Spoken]) -> Iterator[Row]:
    clean = [words.read(item, RATE) for item in items]
    vad = Vad()
    spans = []
    for wave in clean:
        state = vad.start()
        padded = np.resize(np.concatenate([wave, np.zeros(2 * HOP, np.float32)]), (len(wave) // HOP + 1) * HOP)
        speech_found = np.concatenate([vad.step([state], hop[None])[0].speech for hop in padded.reshape(-1, HOP)])
        gaps = np.diff(np.flatnonzero(speech_found))
        spans.append(int(speech_found.sum()) + int(gaps[(gaps > 1) & (gaps <= 20)].sum()))
    truth = np.array([sum(map(str.isalpha, item.text)) / max(frames / 100, 0.01)
                      for item, frames in zip(items, spans, strict=True)])
    spotter = Spotter(WordsConfig(ears=("bundled",)))
    for condition in ("clean", "telephone", "pink10"):
        heard = [simulate.degrade(wave, RATE, condition, at, options.data) for at, wave in enumerate(clean)]
        for ear, with_words in ((None, ""), (spotter, "_with_words")):
            ours = measure(heard, ear)[:, 1]
            known = np.isfinite(ours)
            ours, count = ours[known], int(known.sum())
            yield Row(TASK, SYSTEM, f"{condition}/{name}", f"r_live{with_words}", correlation(ours, truth[known]),
                      n=count)
            yield Row(TASK, SYSTEM, f"{condition}/{name}", f"mae_live{with_words}", mean_error(ours, truth[known]),
                      n=count)
