"""Fixed measures of a voice, streamed: log-mel and speech mask of one hop in, means and deviations over the past out.

    frame     each 10 ms: cepstrum and its flux, harmonic combs, pitch, loudness, tilt, resonances, motion
    memory    sums over the last seconds, six weightings: speech, loud, tuned, and of near frames voiced, unvoiced, all
    measures  the sums as means and deviations

Gain cannot matter: the cepstrum leaves its first coefficient out, loudness and motion count against the loud frames of
the same memory, and weights are powers, of which only ratios are used.

Nothing here is learnt: with a few dozen speakers to learn from, measures that a century of phonetics points at (tilt,
pitch, its range, loudness modulation; Banse & Scherer 1996, eGeMAPS 2016) travel between languages and microphones
better than learnt ones do. Every measure of a frame under its own weighting travels better than one weighting for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emotion.types import BANDS, RATE
from emotion.voice.logmel import WINDOW, filters

HOP_S = 0.5
CEPSTRA, FLUXES, COMBS = 16, 8, 24
LAGS = (1, 2, 4, 8, 16)
PAST = 4
"""Frames back of the cepstrum's flux."""
BROAD = 20
"""Bands of the motion: wide enough to hold harmonics together."""
SHAPE = 22
"""Measures of one frame's spectrum: 8 cepstra, 3 slopes, 2 tilts, 3 regions' centre, width and height."""
CHANGES, MOTION = 2, 3
_FRAME = CEPSTRA + 1
"""What a frame leaves for the frames after it: its cepstrum and pitch."""
_REGIONS = ((250.0, 1000.0), (900.0, 2500.0), (2000.0, 3400.0))
"""Where the first three resonances of a throat lie, Hz."""
_SLOPES = ((200.0, 550.0), (500.0, 1500.0), (1500.0, 3400.0))


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
    near: float = 2.0
    """Frames so many nats under the loud ones have no part in colours and motion: there the noise speaks as well."""
    sharp: float = 10.0
    """How sharply the best pitch candidate is picked."""
    peak: float = 2.0
    """How sharply a region's peak is picked."""


class Measures(nn.Module):
    """Everything before the head; no learnt weights."""

    cosines: Tensor
    combs: Tensor
    octaves: Tensor
    smooth: Tensor
    """From log-mel to its smooth envelope, that one's slopes, and its mean."""
    powers: Tensor
    """From powers to those of broad bands, of the whole frame, and of what lies under and over 1 kHz."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        centres = _centres()
        combs, octaves = _combs(centres)
        cosines = _cosines(BANDS)
        smooth = cosines[:, :BROAD] @ cosines[:, :BROAD].T
        slopes = np.stack([_slope(centres, *edges) for edges in _SLOPES], 1)
        tables = {"cosines": cosines[:, 1:CEPSTRA + 1], "combs": combs, "octaves": octaves,
                  "smooth": smooth @ np.concatenate([np.eye(BANDS), slopes, np.full((BANDS, 1), 1 / BANDS)], 1),
                  "powers": np.concatenate([_broad(centres), _sums(centres)], 1)}
        for name, table in tables.items():
            self.register_buffer(name, torch.from_numpy(np.asarray(table, np.float32)), persistent=False)
        self.regions = [slice(int(np.argmax(centres >= low)), int(np.sum(centres <= high))) for low, high in _REGIONS]
        self.places = [torch.from_numpy(np.log2(centres[region] / 500).astype(np.float32)) for region in self.regions]
        self.knees = [int(np.argmax(centres >= hertz)) for hertz in (250, 2000, 3400)]
        spoken = 2 * CEPSTRA + FLUXES + 2 + len(LAGS) + 2
        loud = 2 * CEPSTRA + FLUXES + 2 + COMBS + 2
        self.pools = [spoken, loud, 4, 2 * SHAPE + CHANGES + MOTION, SHAPE + CHANGES, MOTION]
        self.sizes = [2, PAST * _FRAME, max(LAGS), BANDS, BROAD, len(self.pools) + sum(self.pools)]
        self.size = sum(self.pools)
        self.timbre = slice(0, self.size - 2 * MOTION)
        """Measures for the judgement of all classes."""
        self.motion = slice(self.size - 2 * MOTION - CHANGES, self.size)
        """Measures for the second opinion on anger: how the spectrum and the level move."""

    @property
    def state_size(self) -> int:
        return sum(self.sizes)

    def forward(self, mel: Tensor, speech: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, 50, 64), (batch, 50), (batch, state) -> measures of the speech so far (batch, n), state."""
        levels, past, loudness_past, cut_past, broad_past, sums = torch.split(state, self.sizes, 1)
        keep = self._keep(speech)
        power = torch.exp(mel) @ self.powers
        level = torch.log(power[:, :, BROAD])
        weight = torch.exp(self.shape.emphasis * level) * speech
        levels = levels * keep + torch.cat([(weight * level).sum(1, keepdim=True), weight.sum(1, keepdim=True)], 1)
        reference = (levels[:, :1] - 1e-9) / (levels[:, 1:] + 1e-9)
        loudness = (level - reference).clamp_min(-self.shape.gate - 2.0)
        cut = torch.maximum(mel, mel.amax(2, keepdim=True) - self.shape.depth)
        frame = self._frame(cut)
        joined = torch.cat([past.reshape(-1, PAST, _FRAME), frame[:, :, :_FRAME]], 1)
        trace = torch.cat([loudness_past, loudness], 1)
        broad = torch.sqrt(power[:, :, :BROAD])
        begun = cut_past.abs().amax(1, keepdim=True) > 0
        changes = _changes(cut, torch.cat([torch.where(begun, cut_past, cut[:, 0]).unsqueeze(1), cut[:, :-1]], 1))
        motion = self._motion(broad, torch.cat([broad_past.unsqueeze(1), broad[:, :-1]], 1), reference, level)
        gated = speech * torch.sigmoid(2.0 * (loudness + self.shape.gate))
        voicing = torch.sigmoid(12.0 * (frame[:, :, CEPSTRA + 1] - 0.4))
        parts = [*self._tones(frame, joined, trace), *self._colours(self._spectrum(cut, power, frame), changes, motion)]
        near = speech * torch.sigmoid(3.0 * (loudness + self.shape.near))
        shares = (gated, weight, weight * voicing, near * voicing, near * (1 - voicing), near)
        sums = sums * keep + torch.cat([*(share.sum(1, keepdim=True) for share in shares),
                                        *((part * share.unsqueeze(2)).sum(1)
                                          for part, share in zip(parts, shares, strict=True))], 1)
        state = torch.cat([levels, joined[:, -PAST:].flatten(1), trace[:, -max(LAGS):], cut[:, -1], broad[:, -1], sums],
                          1)
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

    def _spectrum(self, mel: Tensor, power: Tensor, frame: Tensor) -> Tensor:
        """What colours a voice, (batch, 50, SHAPE): see SHAPE; tilts are eGeMAPS' alpha ratio and Hammarberg index."""
        envelope, slopes, mean = torch.split(mel @ self.smooth, [BANDS, len(_SLOPES), 1], 2)
        alpha = torch.log((power[:, :, BROAD + 2] + 1e-9) / (power[:, :, BROAD + 1] + 1e-9))
        hammarberg = envelope[:, :, self.knees[1]:self.knees[2]].amax(2) - envelope[
            :, :, self.knees[0]:self.knees[1]].amax(2)
        found = [frame[:, :, :8], slopes, torch.stack([alpha, hammarberg], 2)]
        for region, place in zip(self.regions, self.places, strict=True):
            part = envelope[:, :, region]
            share = torch.softmax(self.shape.peak * part, 2)
            centre = (share * place).sum(2, keepdim=True)
            width = torch.sqrt((share * (place - centre) ** 2).sum(2, keepdim=True) + 1e-4)
            found += [centre, width, (share * part).sum(2, keepdim=True) - mean]
        return torch.cat(found, 2)

    def _motion(self, broad: Tensor, before: Tensor, reference: Tensor, level: Tensor) -> Tensor:
        """Change and rise of the amplitude in broad bands, and the level, all against the loud frames."""
        change = (broad - before) * torch.exp(-reference / 2).unsqueeze(2)
        sizes = [torch.sqrt((part**2).mean(2) + 1e-6) for part in (change, change.clamp_min(0.0))]
        return torch.stack([*sizes, torch.exp((level - reference) / 2).clamp_max(4.0)], 2)

    def _tones(self, frame: Tensor, joined: Tensor, trace: Tensor) -> list[Tensor]:
        """What is summed over speech, loud and tuned frames."""
        cepstrum, pitch, voicing, combs = torch.split(frame, [CEPSTRA, 1, 1, COMBS], 2)
        before = joined[:, :-PAST]
        flux = (cepstrum[:, :, :FLUXES] - before[:, :, :FLUXES]).abs()
        now = trace[:, max(LAGS):].unsqueeze(2)
        modulation = [(now - trace[:, max(LAGS) - lag:-lag].unsqueeze(2)).abs() for lag in LAGS]
        onset = (now - trace[:, max(LAGS) - 4:-4].unsqueeze(2)).clamp_min(0.0)
        glide = (pitch - before[:, :, CEPSTRA:]).abs().clamp_max(0.5)
        return [torch.cat([cepstrum, cepstrum**2, flux, now, now**2, *modulation, onset, voicing], 2),
                torch.cat([cepstrum, cepstrum**2, flux, now, now**2, combs, onset, voicing], 2),
                torch.cat([pitch, pitch**2, glide, voicing], 2)]

    def _colours(self, spectrum: Tensor, changes: Tensor, motion: Tensor) -> list[Tensor]:
        """What is summed over voiced, unvoiced and all frames near the loud ones, each frame alike."""
        return [torch.cat([spectrum, spectrum**2, changes, motion], 2), torch.cat([spectrum, changes], 2), motion]

    def read(self, sums: Tensor) -> Tensor:
        """Sums -> means, and deviations where squares were summed, (batch, measures); motion last."""
        counts = torch.split(sums[:, :len(self.pools)], 1, 1)
        small = (1.0, 1e-6, 1e-6, 1.0, 1.0, 1.0)
        spoken, strong, tuned, voiced, unvoiced, moved = (
            part / (count + least) for part, count, least in
            zip(torch.split(sums[:, len(self.pools):], self.pools, 1), counts, small, strict=True))
        found: list[Tensor] = []
        for pool, rest in ((spoken, FLUXES), (strong, FLUXES)):
            mean, square, flux, loud, louder, more = torch.split(
                pool, [CEPSTRA, CEPSTRA, rest, 1, 1, pool.shape[1] - 2 * CEPSTRA - rest - 2], 1)
            found += [mean, _deviation(mean, square), flux, loud, _deviation(loud, louder), more]
        pitch, square, more = torch.split(tuned, [1, 1, 2], 1)
        found += [pitch, _deviation(pitch, square), more]
        mean, square, changes, motion = torch.split(voiced, [SHAPE, SHAPE, CHANGES, MOTION], 1)
        return torch.cat([*found, mean, _deviation(mean, square), unvoiced, changes, motion, moved], 1)


def _changes(mel: Tensor, before: Tensor) -> Tensor:
    """How much log-mel changes from frame to frame in shape, and how much it rises, (batch, 50, CHANGES)."""
    change = mel - before
    return torch.stack([(change - change.mean(2, keepdim=True)).abs().mean(2), change.clamp_min(0.0).mean(2)], 2)


def _deviation(mean: Tensor, square: Tensor) -> Tensor:
    return torch.sqrt((square - mean * mean).clamp_min(0.0) + 1e-4)


def _centres() -> NDArray[np.float64]:
    """Centre of each band, Hz, (BANDS,)."""
    bank = filters().astype(np.float64)
    return np.asarray((np.fft.rfftfreq(WINDOW, 1 / RATE) @ bank) / bank.sum(0))


def _cosines(bands: int) -> NDArray[np.float64]:
    """(bands, bands) discrete cosine transform, type II, orthonormal; the first column is the level."""
    table = np.sqrt(2 / bands) * np.cos(np.pi * np.outer((np.arange(bands) + 0.5) / bands, np.arange(bands)))
    table[:, 0] /= np.sqrt(2)
    return np.asarray(table)


def _combs(centres: NDArray[np.float64], top: float = 1600.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(2, bands under `top`, COMBS) cosines and sines with a period a harmonic, and the pitch in octaves over 196 Hz.

    The candidates lie between 90 and 450 Hz, evenly in octaves.
    """
    pitches = np.geomspace(90, 450, COMBS)
    phase = 2 * np.pi * centres[centres < top][:, None] / pitches
    table = np.stack([np.cos(phase), np.sin(phase)])
    table -= table.mean(1, keepdims=True)
    return table / table.shape[1], np.log2(pitches / 196.0)


def _slope(centres: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """(BANDS,) weights whose sum with a log spectrum is its slope between two frequencies, nats per octave."""
    inside = (centres >= low) & (centres <= high)
    octaves = np.where(inside, np.log2(centres), 0.0)
    octaves[inside] -= octaves[inside].mean()
    return np.asarray(octaves / (octaves**2).sum())


def _broad(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(BANDS, BROAD) mean power of bands taken together, each as wide as it is."""
    edges = np.linspace(0, BANDS, BROAD + 1)
    bands = np.arange(BANDS)[:, None]
    share = (np.minimum(bands + 1, edges[1:]) - np.maximum(bands, edges[:-1])).clip(0)
    table = share * np.gradient(centres)[:, None]
    return np.asarray(table / table.sum(0))


def _sums(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """(BANDS, 3) power of the frame as the bands have it, and in hertz from 250 Hz to 1 kHz and from there to 3.4."""
    inside = [(centres >= low) & (centres < high) for low, high in ((250, 1000), (1000, 3400))]
    return np.stack([np.ones(BANDS), *(part * np.gradient(centres) for part in inside)], 1)
