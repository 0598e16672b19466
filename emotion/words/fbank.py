"""The front end of the FSMN ear: 8 kHz samples to Kaldi filter banks at 16 kHz, five frames joined, every third kept.

Kaldi's fbank (80 bands, 20-8000 Hz, 25 ms Hamming every 10 ms, DC removed, pre-emphasis 0.97, no dither, waveform
times 32768), as the model of models/cards/words-fsmn.md was trained on it. Streaming: a state keeps what later
frames still need, so that any number of hops gives the frames of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from emotion.types import Audio

BANDS = 80
JOINED, STEP = 5, 3
_WINDOW, _SHIFT, _FFT = 400, 160, 512
TAPS = 32


@dataclass(slots=True)
class FbankState:
    """Samples and frames that the next hop still needs."""

    narrow: Audio = field(default_factory=lambda: np.zeros(TAPS - 1, np.float32))
    wide: Audio = field(default_factory=lambda: np.zeros(0, np.float32))
    frames: Audio = field(default_factory=lambda: np.zeros((0, BANDS), np.float32))
    fresh: bool = True


def double(narrow: Audio) -> Audio:
    """Samples after `TAPS - 1` earlier ones -> twice as many, band-limited; 16 samples late. (batch, n) in."""
    windows = np.lib.stride_tricks.sliding_window_view(narrow, TAPS, axis=1)
    between = windows @ _half_band()
    wide = np.empty((narrow.shape[0], 2 * between.shape[1]), np.float32)
    wide[:, 0::2] = windows[:, :, TAPS // 2 - 1]
    wide[:, 1::2] = between
    return wide


def fbank(wide: Audio) -> Audio:
    """(…, samples) at 16 kHz in -1..1 -> (…, frames, 80) natural log of the band energies; whole frames only."""
    if wide.shape[-1] < _WINDOW:
        return np.zeros((*wide.shape[:-1], 0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(wide, _WINDOW, axis=-1)[..., ::_SHIFT, :] * np.float32(32768)
    windows -= windows.mean(axis=-1, keepdims=True)
    windows[..., 1:] -= np.float32(0.97) * windows[..., :-1]
    windows[..., 0] *= np.float32(0.03)
    spectrum = np.fft.rfft(windows * _hamming(), _FFT, axis=-1)[..., : _FFT // 2]
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(np.log(np.maximum(power @ _bands(), np.finfo(np.float32).eps)), np.float32)


def step(states: Sequence[FbankState], wide: Audio) -> list[Audio]:
    """New 16 kHz samples (batch, n) -> per call the (frames, 400) joined frames complete now, one each 30 ms."""
    found: list[Audio] = [np.zeros((0, JOINED * BANDS), np.float32)] * len(states)
    waiting = [len(state.wide) for state in states]
    for length in sorted(set(waiting)):
        rows = [n for n, one in enumerate(waiting) if one == length]
        samples = np.concatenate([np.stack([states[n].wide for n in rows]), wide[rows]], axis=1)
        for n, mine, fresh in zip(rows, samples, fbank(samples), strict=True):
            states[n].wide = mine[len(fresh) * _SHIFT:].copy()
            found[n] = _joined(states[n], fresh)
    return found


def _joined(state: FbankState, fresh: Audio) -> Audio:
    if state.fresh and len(fresh):
        fresh, state.fresh = np.concatenate([np.repeat(fresh[:1], JOINED // 2, axis=0), fresh]), False
    frames = np.concatenate([state.frames, fresh])
    count = max(0, (len(frames) - JOINED) // STEP + 1)
    state.frames = frames[count * STEP:].copy()
    return join(frames, count)


def join(frames: Audio, count: int) -> Audio:
    """(n, 80) -> (count, 400): five neighbours side by side, every third."""
    rows = np.arange(count)[:, None] * STEP + np.arange(JOINED)
    return np.asarray(frames[rows].reshape(count, JOINED * BANDS), np.float32)


@cache
def _hamming() -> Audio:
    return np.asarray(np.hamming(_WINDOW), np.float32)


@cache
def _half_band() -> Audio:
    """Windowed sinc (Kaiser, beta 8) that gives the samples half-way between."""
    places = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(places) * np.kaiser(TAPS, 8.0)
    return np.asarray(taps / taps.sum(), np.float32)


@cache
def _bands() -> Audio:
    """Kaldi's triangular mel bands as a (256, 80) matrix."""
    low, high = 1127.0 * np.log1p(np.array([20.0, 8000.0]) / 700.0)
    edges = np.linspace(low, high, BANDS + 2)
    bins = 1127.0 * np.log1p(np.arange(_FFT // 2) * 16000 / _FFT / 700.0)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rise, fall)), np.float32)
