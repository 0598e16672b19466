"""Pitch and voicing against the consensus of three trackers on the clean clip (benchmarks/datasets/f0.py).

EmoDB's clips, all speakers; `telephone/dev` are the two speakers that the network was not trained on, and
`telephone/CASIA`, `telephone/RAVDESS` corpora of which it knows nothing. Peers hear the same degraded samples at 8 kHz.
GPE20 counts frames on which the reference is sure and both call voiced, VDE all frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import f0, speech
from benchmarks.listen import Ears, costs
from benchmarks.metrics.voice import PitchErrors
from benchmarks.peers.pitch import TRACKERS, Track
from benchmarks.task import SYSTEM, Options, Row, cpu_ms
from emotion.types import RATE, Audio

SUMMARY = "f0: gross errors (GPE20) and voicing errors (VDE) in percent, and the cost, beside seven trackers"
TASK = "pitch"
EVERY, EVERY_SLOW = 5, 50
"""Peers hear every fifth clip of EmoDB, the slow ones every fiftieth."""
SLOW = ("librosa pyin",)
validate = speech.validate


def evaluate(options: Options) -> Iterator[Row]:
    """Errors of ours and of the peers under every condition, then CPU ms per second of audio."""
    clips = _choose(options)
    options.say(f"pitch: reference for {len(clips)} clips")
    references = f0.references([clip.path for clip in clips], options.data)
    waves = [clip.read(RATE)[0] for clip in clips]
    ears = Ears(stages=("vad", "pitch"))
    heard: list[Audio] = []
    for condition in simulate.CONDITIONS:
        wanted = [at for at, clip in enumerate(clips) if clip.corpus == "EmoDB" or condition in ("clean", "telephone")]
        heard = [simulate.degrade(waves[at], RATE, condition, options.seed + at, options.data) for at in wanted]
        tracks = [one.hertz for one in ears.listen(heard)]
        for part in ("", "/dev", "/CASIA", "/RAVDESS", "/female", "/male"):
            mine = [row for row, at in enumerate(wanted) if _in(clips[at], part)]
            if mine:
                yield from _rows(SYSTEM, condition + part, [tracks[row] for row in mine],
                                 [references[wanted[row]] for row in mine])
        if options.peers:
            acted = [row for row, at in enumerate(wanted) if clips[at].corpus == "EmoDB"]
            for name, tracker in TRACKERS.items():
                some = acted[::EVERY_SLOW if name in SLOW else EVERY]
                yield from _rows(name, condition, [tracker(heard[row], RATE) for row in some],
                                 [references[wanted[row]] for row in some])
    wave = np.concatenate([simulate.degrade(one, RATE, "telephone") for one in waves[:4]])
    for batch, stages in costs(wave).items():
        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", stages["pitch"])
    for name, tracker in TRACKERS.items() if options.peers else ():
        yield Row(TASK, name, "telephone", "cpu_ms_per_s_b1",
                  cpu_ms(lambda tracker=tracker: tracker(wave, RATE), len(wave) / RATE, 1))  # type: ignore[misc]


def _choose(options: Options) -> list[speech.Clip]:
    acted = speech.select(options.data, corpora=("EmoDB",))
    others = [clip for corpus in ("CASIA", "RAVDESS") for clip in speech.select(options.data, corpora=(corpus,))[::8]]
    known = acted + others or list(speech.clips(options.data))
    return known[::25] if options.quick else known


def _in(clip: speech.Clip, part: str) -> bool:
    if part in ("/CASIA", "/RAVDESS"):
        return clip.corpus == part[1:]
    others = clip.corpus in ("CASIA", "RAVDESS")
    genders = {"/female": "F", "/male": "M"}
    return not others and (part == "" or (part == "/dev" and clip.split == "dev") or clip.gender == genders.get(part))


def _rows(system: str, condition: str, tracks: Sequence[Track], references: Sequence[f0.Reference]) -> Iterator[Row]:
    errors = PitchErrors()
    for track, reference in zip(tracks, references, strict=True):
        errors.add(track, reference.hertz, reference.sure)
    yield Row(TASK, system, condition, "gpe20", errors.gpe20, n=errors.both)
    yield Row(TASK, system, condition, "vde", errors.vde, n=errors.frames)
