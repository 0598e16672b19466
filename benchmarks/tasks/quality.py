"""Voice quality: does a line leave it where openSMILE finds it in the clean clip?

For each measure, Pearson's r over clips between a system's value on the degraded clip and openSMILE's (eGeMAPSv02) on
the clean one at 8 kHz; `r_praat` the same against Praat. Jitter and shimmer of running speech are rough measures:
the reference tools agree with each other only so far, which their own rows show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import speech
from benchmarks.listen import Ears, Heard, costs
from benchmarks.metrics.voice import correlation
from benchmarks.peers.quality import MEASURES, PEERS
from benchmarks.task import SYSTEM, Options, Row, cpu_ms
from emotion.types import RATE, Audio

SUMMARY = "jitter, shimmer, HNR, alpha ratio and Hammarberg index against openSMILE and Praat on the clean clip"
TASK = "quality"
CONDITIONS = ("clean", "telephone", "pink20", "pink10")
validate = speech.validate


def evaluate(options: Options) -> Iterator[Row]:
    """r per measure and condition (condition `telephone/hnr`), then the cost."""
    clips = list(speech.clips(options.data))[:: 200 if options.quick else 20]
    waves = [clip.read(RATE)[0] for clip in clips]
    truth = {name: [peer(wave, RATE) for wave in waves] for name, peer in PEERS.items()}
    ears = Ears()
    for condition in CONDITIONS:
        heard = [simulate.degrade(wave, RATE, condition, options.seed + at, options.data)
                 for at, wave in enumerate(waves)]
        yield from _rows(SYSTEM, condition, [means(one) for one in ears.listen(heard)], truth)
        for name, peer in PEERS.items() if options.peers else ():
            yield from _rows(name, condition, [peer(wave, RATE) for wave in heard], truth)
    wave = np.concatenate([simulate.degrade(one, RATE, "telephone") for one in waves[:6]])
    for batch, stages in costs(wave).items():
        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", stages["quality"])
        yield Row(TASK, "emotion loudness", "telephone", f"cpu_ms_per_s_b{batch}", stages["loudness"])
        yield Row(TASK, "emotion all voice stages", "telephone", f"cpu_ms_per_s_b{batch}", sum(stages.values()))
    for name, peer in PEERS.items() if options.peers else ():
        yield Row(TASK, name, "telephone", "cpu_ms_per_s_b1", _cost(peer, wave))


def means(heard: Heard) -> dict[str, float]:
    """Our values of a recording: the mean over its hops, weighted by how much of each is voiced."""
    found = {}
    for name in MEASURES:
        pairs = [(getattr(one, name), float(np.mean(~np.isnan(f0.hertz))))
                 for one, f0 in zip(heard.quality, heard.f0s, strict=True)
                 if one is not None and getattr(one, name) is not None]
        value, weight = np.array(pairs or [(np.nan, 1.0)]).T
        found[name] = float(np.average(value, weights=weight + 1e-9))
    return found


def _rows(system: str, condition: str, found: Sequence[Mapping[str, float]],
          truth: Mapping[str, Sequence[Mapping[str, float]]]) -> Iterator[Row]:
    for reference, metric in (("opensmile", "r"), ("praat", "r_praat")):
        for name in MEASURES:
            pairs = np.array([(one[name], other[name]) for one, other in zip(found, truth[reference], strict=True)])
            pairs = pairs[np.isfinite(pairs).all(axis=1)]
            if len(pairs) > 2:
                yield Row(TASK, system, f"{condition}/{name}", metric, correlation(*pairs.T), n=len(pairs))


def _cost(peer: object, wave: Audio) -> float:
    assert callable(peer)
    return cpu_ms(lambda: peer(wave, RATE), len(wave) / RATE, 1)
