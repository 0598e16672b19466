"""Does the shift from a caller's own normal show when he gets angry, and not when he does not?

Composed calls of acted speech, one speaker each, 0.6 s between clips, through the telephone: `calm-angry` (25 s neutral
or calm, then 15 s angry), `calm` (40 s neutral) and `angry` (12 s, angry from the first word), each kind four times a
speaker, in other orders. The shift counts as seen when pitch, effort and what goes with them are raised together
(emotion.baseline.raised); mood is not heard here, and each speaker is held against a population that was fitted
without him. Figures are shares of calls, their intervals over calls; speakers with fewer than three clips of either
kind are left out. `/strong` and `/mild` part RAVDESS's calls by how strong the first angry clip was meant to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import speech
from benchmarks.datasets.normals import fit, gather
from benchmarks.listen import Ears
from benchmarks.task import SYSTEM, Options, Row, bootstrap
from emotion.baseline import Baseline, raised
from emotion.types import HOP, RATE, Audio, Language, Shift, Voice

SUMMARY = "own normal: seconds until anger shows in pitch or effort, false alarms in calm calls, gain law"
TASK = "baseline"
CALM_S, ANGRY_S, WHOLE_S, START_S = 25.0, 15.0, 40.0, 12.0
WITHIN_S, WITHIN_START_S = 5.0, 8.0
ORDERS = 4
"""Calls of each kind that a speaker makes, each with his clips in another order."""
INTENSITY = {"mild": "intensity01", "strong": "intensity02"}
GAINS_DB = (-12.0, 12.0)
CALM_LEVEL = 10 ** (-30 / 20)
"""RMS of the active parts of calm speech; a speaker's angry clips keep their distance from his calm ones."""
validate = speech.validate


@dataclass(frozen=True, slots=True)
class Composed:
    """One speaker's three calls, clean at 8 kHz, and where the anger begins in the first."""

    speaker: str
    language: Language
    calm_angry: Audio
    calm: Audio
    angry: Audio
    change: int
    first: Mapping[str, str]
    """What the corpus says of the first angry clip, by kind of call: RAVDESS's intensity."""


def evaluate(options: Options) -> Iterator[Row]:
    """Shares of speakers with the shift seen in time; the change of z under a gain."""
    calls = compose(speech.clips(options.data), options.seed)
    calls = calls[:: 5 * ORDERS] if options.quick else calls
    baselines = leave_out(options.data, calls)
    for condition in ("telephone",) if options.quick else ("clean", "telephone", "pink10"):
        for kind, metric in (("calm_angry", "seen_in_5s"), ("calm", "false_alarm"), ("angry", "seen_in_8s")):
            waves = [simulate.degrade(getattr(call, kind), RATE, condition, options.seed + at, options.data)
                     for at, call in enumerate(calls)]
            seen = [_seen(kind, call, track) for call, track in zip(calls, shifts(waves, calls, baselines),
                                                             strict=True)]
            for part in ("", "/EmoDB", "/RAVDESS", "/CASIA", "/strong", "/mild"):
                mine = [hit for hit, call in zip(seen, calls, strict=True) if _in(call, kind, part[1:])]
                if mine:
                    low, high = bootstrap(mine)
                    yield Row(TASK, SYSTEM, condition + part, metric, float(np.mean(mine)), low, high, len(mine))
    calls = calls if options.quick else calls[::ORDERS]
    waves = [simulate.degrade(call.calm_angry, RATE, "telephone", at, options.data) for at, call in enumerate(calls)]
    plain = shifts(waves, calls, baselines)
    for gain in GAINS_DB:
        moved = shifts([np.clip(wave * 10 ** (gain / 20), -1, 1).astype(np.float32) for wave in waves],
                       calls, baselines)
        for name in ("pitch", "effort", "rate", "quality"):
            yield Row(TASK, SYSTEM, f"gain{gain:+.0f}dB/{name}", "mae", _apart(plain, moved, name), n=len(calls))


def compose(clips: Sequence[speech.Clip], seed: int, orders: int = ORDERS) -> list[Composed]:
    """The three calls of every speaker who has clips enough, `orders` times; clips come again when they run out.

    Each speaker and time has an order of its own: with one order for all, one mild clip would come first for all.
    """
    found = []
    for at, speaker in enumerate(sorted({clip.speaker for clip in clips})):
        own = [clip for clip in clips if clip.speaker == speaker]
        calm = [clip for clip in own if clip.emotion in ("neutral", "calm")]
        angry = [clip for clip in own if clip.emotion == "anger"]
        if min(len(calm), len(angry)) < 3:
            continue
        gain = CALM_LEVEL / float(np.sqrt(np.mean([simulate.active_power(_read(clip)) for clip in calm])))
        for order in range(orders):
            rng = np.random.default_rng([seed, at, order])
            (before, _), (after, changed) = chain(calm, CALM_S, rng, gain), chain(angry, ANGRY_S, rng, gain)
            (whole, _), (start, hello) = chain(calm, WHOLE_S, rng, gain), chain(angry, START_S, rng, gain)
            found.append(Composed(speaker, "zh" if own[0].lang == "zh" else "en", np.concatenate([before, after]),
                                  whole, start, len(before), {"calm_angry": changed.extra, "angry": hello.extra}))
    return found


def chain(clips: Sequence[speech.Clip], seconds: float, rng: np.random.Generator,
          gain: float) -> tuple[Audio, speech.Clip]:
    """Clips in random order, 0.6 s between, until they last so long, clipped at full scale; and the first of them."""
    parts: list[Audio] = []
    order: list[int] = []
    used: list[speech.Clip] = []
    while sum(map(len, parts)) < seconds * RATE:
        order = order or [int(at) for at in rng.permutation(len(clips))]
        used.append(clips[order.pop()])
        parts += [_read(used[-1]), np.zeros(int(0.6 * RATE), np.float32)]
    return np.asarray(np.clip(np.concatenate(parts) * gain, -1, 1), np.float32), used[0]


@cache
def _read(clip: speech.Clip) -> Audio:
    return clip.read(RATE)[0]


def leave_out(data: Path, calls: Sequence[Composed]) -> dict[str, Baseline]:
    """For each speaker a baseline that was fitted on all the others."""
    everybody = gather(data, np.random.default_rng(0))
    return {speaker: Baseline(population=fit([one for one in everybody if one.name != speaker]))
            for speaker in {call.speaker for call in calls}}


def shifts(waves: Sequence[Audio], calls: Sequence[Composed],
           baselines: Mapping[str, Baseline]) -> list[list[Shift | None]]:
    """The Shift of every hop of every call, from the voice stages alone (no mood), nobody ever above rung 2."""
    found = []
    for heard, call in zip(Ears().listen(waves), calls, strict=True):
        baseline = baselines[call.speaker]
        state = baseline.start(call.language)
        voices: list[Voice] = heard.voices
        found.append([baseline.step([state], [voice], [None], [0])[0] for voice in voices])
    return found


def _in(call: Composed, kind: str, part: str) -> bool:
    if part in INTENSITY:
        return INTENSITY[part] in call.first.get(kind, "")
    return call.speaker.startswith(part)


def _seen(kind: str, call: Composed, track: Sequence[Shift | None]) -> bool:
    first, last = {"calm_angry": (call.change, call.change + WITHIN_S * RATE), "calm": (0, len(call.calm)),
                   "angry": (0, WITHIN_START_S * RATE)}[kind]
    return any(shift is not None and raised(shift) for at, shift in enumerate(track) if first < (at + 1) * HOP <= last)


def _apart(one: Sequence[Sequence[Shift | None]], other: Sequence[Sequence[Shift | None]], name: str) -> float:
    gaps = [abs(getattr(left, name).z - getattr(right, name).z)
            for before, after in zip(one, other, strict=True) for left, right in zip(before, after, strict=True)
            if left and right and getattr(left, name) and getattr(right, name)]
    return float(np.mean(gaps))
