"""A voice taken apart into f0, envelope and noise, and put together by another throat: WORLD (Morise et al. 2016)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
FRAME_MS = 5.0


@dataclass(frozen=True, slots=True)
class Parts:
    """What WORLD finds every 5 ms: f0 in Hz (frames,), 0 unvoiced; power envelope and share of noise (frames, bins)."""

    rate: int
    f0: Samples
    envelope: Samples
    noise: Samples


def take_apart(samples: Samples, rate: int, low: float, high: float, *, patient: bool = False) -> Parts:
    """`low` and `high` are the limits of f0 in Hz; `patient` takes the slower and surer of WORLD's two trackers."""
    world = _world()
    if patient:
        f0, time = world.harvest(samples, rate, f0_floor=low, f0_ceil=high)
    else:
        f0, time = world.dio(samples, rate, f0_floor=low, f0_ceil=high)
        f0 = world.stonemask(samples, f0, time, rate)
    return Parts(rate, f0, world.cheaptrick(samples, f0, time, rate), world.d4c(samples, f0, time, rate))


def put_together(parts: Parts, tempo: float = 1.0) -> Samples:
    """The wave of the parts; a tempo of 1.2 takes 1.2 times as long."""
    return np.asarray(_world().synthesize(parts.f0, np.ascontiguousarray(parts.envelope),
                                          np.ascontiguousarray(parts.noise), parts.rate,
                                          frame_period=FRAME_MS * tempo), np.float64)


def other_throat(parts: Parts, pitch: float, throat: float) -> Parts:
    """f0 times `pitch`, resonances times `throat` (1.16 is about what lies between a man's and a woman's)."""
    bins = parts.envelope.shape[1]
    source = np.arange(bins) / throat
    lower = np.minimum(source.astype(int), bins - 2)
    share = (source - lower).clip(0, 1)
    log = np.log(parts.envelope + 1e-16)
    envelope = np.exp(log[:, lower] * (1 - share) + log[:, lower + 1] * share)
    noise = (parts.noise[:, lower] * (1 - share) + parts.noise[:, lower + 1] * share).clip(0, 1)
    return Parts(parts.rate, parts.f0 * pitch, envelope, noise)


def _world() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyworld 0.3.5 reads its version by way of a module that is on its way out
        import pyworld

    return pyworld
