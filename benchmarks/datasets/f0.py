"""Reference pitch where nobody has labelled it: what three trackers of different kinds agree on in clean speech.

swift-f0 (a network), Praat's autocorrelation and WORLD's DIO. A frame is voiced if two of them say so, and its f0 is
the median of those that do; it is `sure` if the ones that vote are within 6 % (a semitone) of that. Gross pitch
errors are counted on sure voiced frames, voicing errors on all frames.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets.speech import read
from benchmarks.peers import pitch as peers
from emotion.types import Audio

RATE = 16000
CACHE = Path("runs/consensus.npz")
"""Where references are kept between runs, since three trackers take minutes."""
WITNESSES = (peers.swift, peers.praat_ac, peers.world)


@dataclass(frozen=True, slots=True)
class Reference:
    """Hz per 10 ms frame, NaN where unvoiced, and where it may be trusted."""

    hertz: NDArray[np.float32]
    sure: NDArray[np.bool_]


def consensus(samples: Audio, rate: int) -> Reference:
    """(n,) clean samples, 16 kHz or better -> the reference, frames as in benchmarks.peers.pitch."""
    tracks = np.stack([tracker(samples, rate) for tracker in WITNESSES])
    votes = (~np.isnan(tracks)).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        median = np.nanmedian(tracks, axis=0)
        spread = np.nanmax(np.abs(tracks / median - 1), axis=0)
    voiced = votes >= 2
    return Reference(np.where(voiced, median, np.nan).astype(np.float32), voiced & (spread < 0.06))


def references(paths: Sequence[Path], data: Path, cache: Path | None = CACHE) -> list[Reference]:
    """The consensus for each clip under the data folder; what is not in the cache yet is found and added to it."""
    kept = dict(np.load(cache)) if cache is not None and cache.is_file() else {}
    names = [str(path.relative_to(data)) for path in paths]
    missing = [(name, path) for name, path in zip(names, paths, strict=True) if f"{name}|h" not in kept]
    for name, path in missing:
        found = consensus(read(path, RATE)[0], RATE)
        kept[f"{name}|h"], kept[f"{name}|s"] = found.hertz, found.sure
    if missing and cache is not None:
        cache.parent.mkdir(exist_ok=True)
        np.savez(cache, **kept)
    return [Reference(kept[f"{name}|h"], kept[f"{name}|s"]) for name in names]
