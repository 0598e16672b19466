"""The mood network: log-mel and speech mask of one hop in, probabilities out, all memory in one flat state.

    level    the running mean of speech's log-mel comes off, so that gain cannot matter
    comb     how well a harmonic series of each pitch candidate fits the bands under 1.5 kHz
    body     three causal convolutions over time, the first halves the rate
    memory   mean and deviation of the body over the speech of the last seconds (exponential, speech time)
    head     one hidden layer; five classes and arousal

The same layers run hop by hop with the state (`forward`, what is exported) or over a whole clip (`clip`, training).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emotion.types import FRAMES, RATE
from emotion.voice.logmel import BANDS, WINDOW, filters

CLASSES = 5
HOP_S = 0.5


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; the memory is in seconds of speech (`memory`) and of silence (`patience`)."""

    width: int = 64
    wide: int = 96
    hidden: int = 64
    combs: int = 24
    dropout: float = 0.3
    memory: float = 4.0
    patience: float = 12.0
    floor: float = 7.0
    """Bands so many nats under the speech's mean are cut there, so that digital silence is no cue."""


class MoodNet(nn.Module):
    """See the module; `state` is (batch, size), zeros at the start of a call."""

    combs: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or Shape()
        inputs = BANDS + 1 + shape.combs
        self.register_buffer("combs", torch.from_numpy(_combs(shape.combs)))
        self.first = nn.Conv1d(inputs, shape.width, 5, stride=2)
        self.second = nn.Conv1d(shape.width, shape.width, 5)
        self.third = nn.Conv1d(shape.width, shape.wide, 3, dilation=2)
        self.norms = nn.ModuleList([nn.BatchNorm1d(inputs), nn.BatchNorm1d(shape.width),
                                    nn.BatchNorm1d(shape.width), nn.BatchNorm1d(shape.wide)])
        self.head = nn.Sequential(nn.BatchNorm1d(2 * shape.wide), nn.Dropout(shape.dropout),
                                  nn.Linear(2 * shape.wide, shape.hidden), nn.ReLU(),
                                  nn.Dropout(shape.dropout), nn.Linear(shape.hidden, CLASSES + 1))
        self.register_buffer("scale", torch.ones(CLASSES + 1))
        self.register_buffer("shift", torch.zeros(CLASSES + 1))
        self.sizes = [2, inputs * 3, shape.width * 4, shape.width * 4, 1 + 2 * shape.wide]

    @property
    def state_size(self) -> int:
        return sum(self.sizes)

    # ── the three parts that both ways share ──

    def level(self, mel: Tensor, speech: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
        """One hop (batch, frames, bands) normalised to (batch, inputs, frames); running sums (batch, 2)."""
        loudness = mel.mean(2)
        keep = self._keep(speech)
        sums = torch.cat([sums[:, :1] * keep + (loudness * speech).sum(1, keepdim=True),
                          sums[:, 1:] * keep + speech.sum(1, keepdim=True)], 1)
        reference = (sums[:, :1] + 0.01 * loudness.mean(1, keepdim=True)) / (sums[:, 1:] + 0.01)
        return mel - reference.unsqueeze(2), sums

    def inputs(self, mel: Tensor) -> Tensor:
        """Normalised (batch, frames, bands) -> bands, loudness and combs, (batch, inputs, frames)."""
        mel = mel.clamp(-self.shape.floor, 10.0)
        loudness = mel.mean(2, keepdim=True)
        low = mel[:, :, :self.combs.shape[1]]
        low = low - low.mean(2, keepdim=True)
        waves = low @ self.combs[0], low @ self.combs[1]
        combs = torch.sqrt(waves[0] ** 2 + waves[1] ** 2 + 1e-6)
        return torch.cat([mel, loudness, combs], 2).transpose(1, 2)

    def remember(self, body: Tensor, speech: Tensor, sums: Tensor) -> Tensor:
        """Sums over speech (batch, 1 + 2 wide) moved on by one hop of the body (batch, wide, frames / 2)."""
        weight = speech.reshape(speech.shape[0], -1, 2).mean(2).unsqueeze(1)
        now = torch.cat([weight.sum(2), (body * weight).sum(2), (body * body * weight).sum(2)], 1)
        return sums * self._keep(speech) + now

    def judge(self, sums: Tensor) -> Tensor:
        """Sums -> calibrated logits, (batch, 6): the classes and arousal."""
        count = sums[:, :1] + 0.5
        mean, square = (sums[:, 1:] / count).chunk(2, 1)
        deviation = torch.sqrt(functional.relu(square - mean * mean) + 1e-4)
        logits: Tensor = self.head(torch.cat([mean, deviation], 1))
        return logits * self.scale + self.shift

    def _keep(self, speech: Tensor) -> Tensor:
        """What is left of the memory after this hop, (batch, 1)."""
        spoken = speech.mean(1, keepdim=True) * HOP_S
        return torch.exp(-spoken / self.shape.memory - (HOP_S - spoken) / self.shape.patience)

    # ── hop by hop, and the whole clip ──

    def forward(self, mel: Tensor, speech: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 50, 64), (batch, 50), (batch, state) -> probabilities (batch, 5), arousal (batch, 1), state."""
        levels, *pasts, sums = torch.split(state, self.sizes, 1)
        normal, levels = self.level(mel, speech, levels)
        signal = self.norms[0](self.inputs(normal))
        kept = []
        for layer, norm, past in zip(self._layers(), list(self.norms)[1:], pasts, strict=True):
            joined = torch.cat([past.reshape(past.shape[0], signal.shape[1], -1), signal], 2)
            kept.append(joined[:, :, -(past.shape[1] // signal.shape[1]):].flatten(1))
            signal = torch.relu(norm(layer(joined)))
        sums = self.remember(signal, speech, sums)
        logits = self.judge(sums)
        state = torch.cat([levels, *kept, sums], 1)
        return logits[:, :CLASSES].softmax(1), logits[:, CLASSES:].sigmoid(), state

    def clip(self, mel: Tensor, speech: Tensor) -> Tensor:
        """Whole clips (batch, hops, 50, 64), (batch, hops, 50) -> logits after each hop, (batch, hops, 6)."""
        batch, hops = mel.shape[:2]
        levels, normals = mel.new_zeros(batch, 2), []
        for hop in range(hops):
            normal, levels = self.level(mel[:, hop], speech[:, hop], levels)
            normals.append(normal)
        signal = self.norms[0](self.inputs(torch.cat(normals, 1)))
        for layer, norm, past in zip(self._layers(), list(self.norms)[1:], (3, 4, 4), strict=True):
            signal = torch.relu(norm(layer(functional.pad(signal, (past, 0)))))
        body = signal.reshape(batch, self.shape.wide, hops, FRAMES // 2)
        sums, logits = mel.new_zeros(batch, 1 + 2 * self.shape.wide), []
        for hop in range(hops):
            sums = self.remember(body[:, :, hop], speech[:, hop], sums)
            logits.append(sums)
        return self.judge(torch.cat(logits)).reshape(hops, batch, CLASSES + 1).transpose(0, 1)

    def _layers(self) -> tuple[nn.Conv1d, nn.Conv1d, nn.Conv1d]:
        return self.first, self.second, self.third


def _combs(count: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    """(2, bands under 1.5 kHz, count) cosines and sines along frequency, one period a harmonic spacing.

    The candidates lie between 90 and 450 Hz, evenly in octaves.
    """
    edges = _band_centres()
    low = edges[edges < 1500]
    pitches = np.geomspace(90, 450, count)
    phase = 2 * np.pi * low[:, None] / pitches
    return (np.stack([np.cos(phase), np.sin(phase)]) / len(low)).astype(np.float32)


def _band_centres() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    bank = filters().astype(np.float64)
    return np.asarray((np.fft.rfftfreq(WINDOW, 1 / RATE) @ bank) / bank.sum(0))
