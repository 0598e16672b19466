"""Any usual rate to the engine's 8 kHz: streaming, exact over chunk borders, picklable.

soxr's own stream object cannot be saved in mid-call. Here each block is resampled together with some context on
both sides and the context's output is cut away. Blocks lie on a fixed grid of the input, so the output does not
depend on how the input was cut into packets. The look-ahead is the right-hand context: 20-60 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, gcd

import numpy as np
import soxr

from emotion.audio.pcm import AudioError
from emotion.types import RATE, Audio

LOWEST, HIGHEST, STEP = 8000, 48000, 25
_BLOCK_S, _CONTEXT_S = 0.1, 0.02


def check_rate(rate: int) -> int:
    """The rate itself; AudioError for one that cannot be resampled on a short grid."""
    if not LOWEST <= rate <= HIGHEST or rate % STEP:
        raise AudioError(f"sample rate {rate}; use a multiple of {STEP} Hz from {LOWEST} to {HIGHEST}")
    return rate


@dataclass(slots=True)
class Resampler:
    """One channel's way from `rate` to 8 kHz: the state and its step."""

    rate: int
    _waiting: Audio = field(init=False)
    _left: int = field(init=False)

    def __post_init__(self) -> None:
        check_rate(self.rate)
        self._left = self._context
        self._waiting = np.zeros(self._left, np.float32)

    @property
    def _unit(self) -> int:
        """Input samples that correspond to a whole number of output samples."""
        return self.rate // gcd(self.rate, RATE)

    @property
    def _block(self) -> int:
        return self._unit * ceil(_BLOCK_S * self.rate / self._unit)

    @property
    def _context(self) -> int:
        return self._unit * ceil(_CONTEXT_S * self.rate / self._unit)

    def push(self, samples: Audio) -> Audio:
        """The next input samples -> the output samples that are settled by them, at 8 kHz."""
        if self.rate == RATE:
            return samples
        self._waiting = np.concatenate([self._waiting, samples])
        return self._drain()

    def flush(self) -> Audio:
        """The end of the input: what is still owed, as if silence followed."""
        if self.rate == RATE:
            return np.zeros(0, np.float32)
        owed = ceil((len(self._waiting) - self._left) * RATE / self.rate)
        padding = np.zeros(self._block + self._context, np.float32)
        return self.push(padding)[:owed]

    def _drain(self) -> Audio:
        block, context = self._block, self._context
        out = [np.zeros(0, np.float32)]
        while len(self._waiting) >= context + block + context:
            made = soxr.resample(self._waiting[: context + block + context], self.rate, RATE)
            skip, keep = context * RATE // self.rate, block * RATE // self.rate
            out.append(made[skip : skip + keep].astype(np.float32))
            self._waiting = self._waiting[block:]
        return np.concatenate(out)
