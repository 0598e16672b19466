"""Reference pitch where nobody has labelled it: what three trackers of different kinds agree on in clean speech.

swift-f0 (a network), Praat's autocorrelation and WORLD's DIO. A frame is voiced if two of them say so, and its f0 is
the median of those that do; it is `sure` if the ones that vote are within 6 % (a semitone) of that. Gross pitch
errors are counted on sure voiced frames, voicing errors on all frames.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import pitch as peers
from emotion.types import Audio

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
