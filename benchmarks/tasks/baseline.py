"""Does the shift from a caller's own normal show when he gets angry, and not when he does not?

Composed calls of acted speech, one speaker each, 0.6 s between clips, through the telephone: `calm-angry` (25 s neutral
or calm, then 15 s angry), `calm` (40 s neutral) and `angry` (12 s, angry from the first word). The shift counts as
seen when the z of pitch or of effort is above its threshold (emotion.baseline.THRESHOLD). Figures are shares of
speakers; speakers with fewer than three clips of either kind are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import speech
from benchmarks.listen import Ears
from benchmarks.task import SYSTEM, Options, Row, bootstrap
from emotion.baseline import THRESHOLD, Baseline
from emotion.types import HOP, RATE, Audio, Language, Shift, Voice

SUMMARY = "own normal: seconds until anger shows in pitch or effort, false alarms in calm calls, gain law"
TASK = "baseline"
CALM_S, ANGRY_S, WHOLE_S, START_S = 25.0, 15.0, 40.0, 12.0
WITHIN_S, WITHIN_START_S = 5.0, 8.0
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


def evaluate(options: Options) -> Iterator[Row]:
    """Shares of speakers with the shift seen in time; the change of z under a gain."""
    calls = compose(speech.clips(options.data), options.seed)
    calls = calls[:4] if options.quick else calls
    for condition in ("telephone",) if options.quick else ("clean", "telephone", "pink10"):
        for kind, metric in (("calm_angry", "seen_in_5s"), ("calm", "false_alarm"), ("angry", "seen_in_8s")):
            waves = [simulate.degrade(getattr(call, kind), RATE, condition, options.seed + at, options.data)
                     for at, call in enumerate(calls)]
            seen = [_seen(kind, call, track) for call, track in zip(calls, shifts(waves, calls), strict=True)]
            for part in ("", "/EmoDB", "/RAVDESS", "/CASIA"):
                mine = [hit for hit, call in zip(seen, calls, strict=True) if call.speaker.startswith(part[1:])]
                if mine:
                    low, high = bootstrap(mine)
                    yield Row(TASK, SYSTEM, condition + part, metric, float(np.mean(mine)), low, high, len(mine))
    waves = [simulate.degrade(call.calm_angry, RATE, "telephone", at, options.data) for at, call in enumerate(calls)]
    plain = shifts(waves, calls)
    for gain in GAINS_DB:
        moved = shifts([np.clip(wave * 10 ** (gain / 20), -1, 1).astype(np.float32) for wave in waves], calls)
        for name in ("pitch", "effort", "rate"):
            yield Row(TASK, SYSTEM, f"gain{gain:+.0f}dB/{name}", "mae", _apart(plain, moved, name), n=len(calls))


def compose(clips: Sequence[speech.Clip], seed: int) -> list[Composed]:
    """The three calls of every speaker who has clips enough; clips come again when they run out."""
    found = []
    for speaker in sorted({clip.speaker for clip in clips}):
        own = [clip for clip in clips if clip.speaker == speaker]
        calm = [clip for clip in own if clip.emotion in ("neutral", "calm")]
        angry = [clip for clip in own if clip.emotion == "anger"]
        if min(len(calm), len(angry)) < 3:
            continue
        rng = np.random.default_rng(seed)
        gain = CALM_LEVEL / float(np.sqrt(np.mean([simulate.active_power(clip.read(RATE)[0]) for clip in calm])))
        first = chain(calm, CALM_S, rng, gain)
        found.append(Composed(speaker, "zh" if own[0].lang == "zh" else "en",
                              np.concatenate([first, chain(angry, ANGRY_S, rng, gain)]),
                              chain(calm, WHOLE_S, rng, gain), chain(angry, START_S, rng, gain), len(first)))
    return found


def chain(clips: Sequence[speech.Clip], seconds: float, rng: np.random.Generator, gain: float) -> Audio:
    """Clips in random order, 0.6 s between, until they last so long; what is over full scale is clipped."""
    parts: list[Audio] = []
    order: list[int] = []
    while sum(map(len, parts)) < seconds * RATE:
        order = order or [int(at) for at in rng.permutation(len(clips))]
        parts += [clips[order.pop()].read(RATE)[0], np.zeros(int(0.6 * RATE), np.float32)]
    return np.asarray(np.clip(np.concatenate(parts) * gain, -1, 1), np.float32)


def shifts(waves: Sequence[Audio], calls: Sequence[Composed]) -> list[list[Shift | None]]:
    """The Shift of every hop of every call, from the voice stages alone (no mood), nobody ever above rung 2."""
    baseline = Baseline()
    found = []
    for heard, call in zip(Ears().listen(waves), calls, strict=True):
        state = baseline.start(call.language)
        voices: list[Voice] = heard.voices
        found.append([baseline.step([state], [voice], [None], [0])[0] for voice in voices])
    return found


def crossed(shift: Shift | None) -> bool:
    """Pitch or effort above its threshold."""
    return shift is not None and any((found := getattr(shift, name)) is not None and found.z > limit
                                     for name, limit in THRESHOLD.items())


def _seen(kind: str, call: Composed, track: Sequence[Shift | None]) -> bool:
    first, last = {"calm_angry": (call.change, call.change + WITHIN_S * RATE), "calm": (0, len(call.calm)),
                   "angry": (0, WITHIN_START_S * RATE)}[kind]
    return any(crossed(shift) for at, shift in enumerate(track) if first < (at + 1) * HOP <= last)


def _apart(one: Sequence[Sequence[Shift | None]], other: Sequence[Sequence[Shift | None]], name: str) -> float:
    gaps = [abs(getattr(left, name).z - getattr(right, name).z)
            for before, after in zip(one, other, strict=True) for left, right in zip(before, after, strict=True)
            if left and right and getattr(left, name) and getattr(right, name)]
    return float(np.mean(gaps))
