"""The mood network: log-mel and speech mask of one hop in, probabilities out, all memory in one flat state.

    frame    fixed measures of each 10 ms: cepstrum, its flux, harmonic combs, pitch, loudness and its modulation
    memory   their means and deviations over the speech, the loud and the voiced frames of the last seconds
    head     one hidden layer, the average of several fitted apart; five classes and arousal

Gain cannot matter: the cepstrum leaves its first coefficient out, loudness counts against the loud frames of the
same memory, and weights are powers, of which only ratios are used.

Only the head is learnt: with a few dozen speakers to learn from, measures that a century of phonetics points at
(tilt, pitch, its range, loudness modulation; Banse & Scherer 1996, eGeMAPS 2016) travel between languages and
microphones better than learnt ones do. `forward` steps a hop; `clip` runs whole clips by the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion.types import BANDS, RATE
from emotion.voice.logmel import WINDOW, filters

CLASSES = 5
OUTPUTS = CLASSES + 1
HOP_S = 0.5
CEPSTRA, FLUXES, COMBS = 16, 8, 24
LAGS = (1, 2, 4, 8, 16)
PAST = 4
"""Frames back of the flux."""
_FRAME = CEPSTRA + 1
"""What a frame leaves for the frames after it: its cepstrum and pitch."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Constants of the measures; the memory is in seconds of speech (`memory`) and of silence (`patience`)."""

    memory: float = 4.0
    patience: float = 12.0
    depth: float = 14.0
    """Bands so many nats under the frame's peak are cut there, so that digital silence is no cue."""
    emphasis: float = 1.0
    """Loud frames weigh power to this exponent; a ratio of such sums does not hear the gain."""
    gate: float = 6.0
    """Frames so many nats under the loud ones count as pauses."""
    sharp: float = 10.0
    """How sharply the best pitch candidate is picked."""


class Measures(nn.Module):
    """Everything before the head; no learnt weights."""

    cosines: Tensor
    combs: Tensor
    octaves: Tensor

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        combs, octaves = _combs(_centres())
        self.register_buffer("cosines", torch.from_numpy(_cosines(BANDS)), persistent=False)
        self.register_buffer("combs", torch.from_numpy(combs), persistent=False)
        self.register_buffer("octaves", torch.from_numpy(octaves), persistent=False)
        spoken = 2 * CEPSTRA + FLUXES + 2 + len(LAGS) + 2
        loud = 2 * CEPSTRA + FLUXES + 2 + COMBS + 2
        voiced = 4
        self.pools = [spoken, loud, voiced]
        self.sizes = [2, PAST * _FRAME, max(LAGS), 3 + sum(self.pools)]
        self.size = sum(self.pools)

    @property
    def state_size(self) -> int:
        return sum(self.sizes)

    def forward(self, mel: Tensor, speech: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, 50, 64), (batch, 50), (batch, state) -> measures of the speech so far (batch, n), state."""
        levels, past, loudness_past, sums = torch.split(state, self.sizes, 1)
        keep = self._keep(speech)
        loudness = mel.logsumexp(2)
        mel = torch.maximum(mel, mel.amax(2, keepdim=True) - self.shape.depth)
        weight = torch.exp(self.shape.emphasis * loudness) * speech
        levels = levels * keep + torch.cat([(weight * loudness).sum(1, keepdim=True), weight.sum(1, keepdim=True)], 1)
        reference = (levels[:, :1] - 1e-9) / (levels[:, 1:] + 1e-9)
        loudness = (loudness - reference).clamp_min(-self.shape.gate - 2.0)
        frame = self._frame(mel)
        joined = torch.cat([past.reshape(-1, PAST, _FRAME), frame[:, :, :_FRAME]], 1)
        trace = torch.cat([loudness_past, loudness], 1)
        gated = speech * torch.sigmoid(2.0 * (loudness + self.shape.gate))
        sums = sums * keep + self._pool(frame, joined, trace, gated, weight)
        state = torch.cat([levels, joined[:, -PAST:].flatten(1), trace[:, -max(LAGS):], sums], 1)
        return self.read(sums), state

    def _keep(self, speech: Tensor) -> Tensor:
        """What is left of the memory after this hop, (batch, 1)."""
        spoken = speech.mean(1, keepdim=True) * HOP_S
        return torch.exp(-spoken / self.shape.memory - (HOP_S - spoken) / self.shape.patience)

    def _frame(self, mel: Tensor) -> Tensor:
        """Cepstrum, pitch in octaves, voicing, and how well each comb fits, (batch, 50, 18 + COMBS)."""
        low = mel[:, :, :self.combs.shape[1]]
        low = low - low.mean(2, keepdim=True)
        real, imaginary = low @ self.combs[0], low @ self.combs[1]
        size = torch.sqrt(real**2 + imaginary**2 + 1e-6)
        weights = torch.softmax(self.shape.sharp * real, 2)
        pitch = (weights * self.octaves).sum(2, keepdim=True)
        voicing = (weights * real).sum(2, keepdim=True)
        return torch.cat([mel @ self.cosines, pitch, voicing, size], 2)

    def _pool(self, frame: Tensor, joined: Tensor, trace: Tensor, gated: Tensor, weight: Tensor) -> Tensor:
        """Sums over this hop under three weightings, (batch, 3 + pools)."""
        cepstrum, pitch, voicing, combs = torch.split(frame, [CEPSTRA, 1, 1, COMBS], 2)
        before = joined[:, :-PAST]
        flux = (cepstrum[:, :, :FLUXES] - before[:, :, :FLUXES]).abs()
        now = trace[:, max(LAGS):].unsqueeze(2)
        modulation = [(now - trace[:, max(LAGS) - lag:-lag].unsqueeze(2)).abs() for lag in LAGS]
        onset = (now - trace[:, max(LAGS) - 4:-4].unsqueeze(2)).clamp_min(0.0)
        glide = (pitch - before[:, :, CEPSTRA:]).abs().clamp_max(0.5)
        spoken = torch.cat([cepstrum, cepstrum**2, flux, now, now**2, *modulation, onset, voicing], 2)
        strong = torch.cat([cepstrum, cepstrum**2, flux, now, now**2, combs, onset, voicing], 2)
        tuned = torch.cat([pitch, pitch**2, glide, voicing], 2)
        voiced = weight * torch.sigmoid(12.0 * (voicing[:, :, 0] - 0.4))
        shares = [share.unsqueeze(2) for share in (gated, weight, voiced)]
        parts = [(part * share).sum(1) for part, share in zip((spoken, strong, tuned), shares, strict=True)]
        return torch.cat([*(share.sum(1) for share in shares), *parts], 1)

    def read(self, sums: Tensor) -> Tensor:
        """Sums -> means, and deviations where squares were summed, (batch, measures)."""
        counts = torch.split(sums[:, :3], 1, 1)
        small = (1.0, 1e-6, 1e-6)
        spoken, strong, tuned = (part / (count + least) for part, count, least in
                                 zip(torch.split(sums[:, 3:], self.pools, 1), counts, small, strict=True))
        found: list[Tensor] = []
        for pool, rest in ((spoken, FLUXES), (strong, FLUXES)):
            mean, square, flux, loud, louder, more = torch.split(
                pool, [CEPSTRA, CEPSTRA, rest, 1, 1, pool.shape[1] - 2 * CEPSTRA - rest - 2], 1)
            found += [mean, _deviation(mean, square), flux, loud, _deviation(loud, louder), more]
        pitch, square, more = torch.split(tuned, [1, 1, 2], 1)
        return torch.cat([*found, pitch, _deviation(pitch, square), more], 1)


class MoodNet(nn.Module):
    """Measures, and the head that was fitted to them; `state` is (batch, state_size), zeros at the start of a call."""

    def __init__(self, measures: Measures, centre: Tensor, spread: Tensor, first: nn.Linear, second: nn.Linear) -> None:
        super().__init__()
        self.measures, self.first, self.second = measures, first, second
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)

    centre: Tensor
    spread: Tensor

    @property
    def state_size(self) -> int:
        return self.measures.state_size

    def judge(self, measures: Tensor) -> Tensor:
        """Measures -> logits of the five classes and of arousal, (batch, 6)."""
        normal = ((measures - self.centre) / self.spread).clamp(-4.0, 4.0)
        logits: Tensor = self.second(torch.relu(self.first(normal)))
        return logits

    def forward(self, mel: Tensor, speech: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 50, 64), (batch, 50), (batch, state) -> probabilities (batch, 5), arousal (batch, 1), state."""
        measures, state = self.measures(mel, speech, state)
        logits = self.judge(measures)
        return logits[:, :CLASSES].softmax(1), logits[:, CLASSES:].sigmoid(), state

    def clip(self, mel: Tensor, speech: Tensor) -> Tensor:
        """Whole clips (batch, hops, 50, 64), (batch, hops, 50) -> outputs after each hop, (batch, hops, 6)."""
        state = mel.new_zeros(len(mel), self.state_size)
        outputs = []
        for hop in range(mel.shape[1]):
            classes, arousal, state = self(mel[:, hop], speech[:, hop], state)
            outputs.append(torch.cat([classes, arousal], 1))
        return torch.stack(outputs, 1)


def _deviation(mean: Tensor, square: Tensor) -> Tensor:
    return torch.sqrt((square - mean * mean).clamp_min(0.0) + 1e-4)


def _centres() -> NDArray[np.float64]:
    """Centre of each band, Hz, (BANDS,)."""
    bank = filters().astype(np.float64)
    return np.asarray((np.fft.rfftfreq(WINDOW, 1 / RATE) @ bank) / bank.sum(0))


def _cosines(bands: int) -> NDArray[np.float32]:
    """(bands, CEPSTRA) discrete cosine transform, type II, orthonormal, from the second row on: level-free."""
    table = np.sqrt(2 / bands) * np.cos(np.pi * np.outer((np.arange(bands) + 0.5) / bands, np.arange(1, CEPSTRA + 1)))
    return np.asarray(table, np.float32)


def _combs(centres: NDArray[np.float64], top: float = 1600.0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(2, bands under `top`, COMBS) cosines and sines with a period a harmonic, and the pitch in octaves over 196 Hz.

    The candidates lie between 90 and 450 Hz, evenly in octaves.
    """
    pitches = np.geomspace(90, 450, COMBS)
    phase = 2 * np.pi * centres[centres < top][:, None] / pitches
    table = np.stack([np.cos(phase), np.sin(phase)])
    table -= table.mean(1, keepdims=True)
    return (table / table.shape[1]).astype(np.float32), np.log2(pitches / 196.0).astype(np.float32)
