"""Studio speech made into telephone calls: what lines, rooms, codecs and people do to a recording, drawn at random.

Each function takes and gives float32 samples; all chance comes from the generator that is passed in, so that a seed
makes a training set. Nothing here keeps the level: the gain is drawn last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from emotion.types import RATE, Audio
from models.train import vocoder

Rng = np.random.Generator
PACKET = RATE // 50
"""Samples of one 20 ms packet."""
WIDE = 16000
"""Rate at which a voice is taken apart."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How likely each thing is, and how strong at most."""

    speed: float = 0.2
    """Playing faster or slower (pitch, formants and tempo together), as a fraction."""
    tempo: float = 0.2
    """Tempo alone, as a fraction."""
    semitones: float = 4.0
    """Pitch and formants without tempo."""
    perturb: float = 0.85
    room: float = 0.3
    band: float = 0.85
    noise: float = 0.7
    snr_db: tuple[float, float] = (5.0, 30.0)
    coding: float = 0.8
    loss: float = 0.35
    loss_rate: float = 0.08
    gain_db: tuple[float, float] = (-18.0, 12.0)


def call(samples: Audio, rate: int, rng: Rng, backgrounds: Sequence[Audio], recipe: Recipe | None = None) -> Audio:
    """One random telephone version of a recording at `rate`: 8 kHz; `backgrounds` are noises at 8 kHz."""
    recipe = recipe or Recipe()
    voice = perturb(samples, rate, rng, recipe) if rng.random() < recipe.perturb else resample(samples, rate / RATE)
    if rng.random() < recipe.room:
        voice = room(voice, rng)
    if len(backgrounds) and rng.random() < recipe.noise:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        voice = add_noise(voice, background, rng.uniform(*recipe.snr_db), rng)
    voice = level(voice, rng.uniform(-32.0, -18.0))
    if rng.random() < recipe.band:
        voice = telephone_band(voice, rng)
    if rng.random() < recipe.coding:
        voice = mulaw(voice) if rng.random() < 0.6 else gsm_like(voice)
    if rng.random() < recipe.loss:
        voice = lose_packets(voice, rng.uniform(0.005, recipe.loss_rate), rng)
    gain = 10 ** (rng.uniform(*recipe.gain_db) / 20)
    return np.asarray(np.clip(voice * gain, -1, 1), np.float32)


# ── people ──────────────────────────────────────────────────────────────────────────────────────

def perturb(samples: Audio, rate: int, rng: Rng, recipe: Recipe) -> Audio:
    """Another speed, tempo and pitch; the result is at 8 kHz."""
    speed = 1 + rng.uniform(-recipe.speed, recipe.speed)
    shift = 2 ** (rng.uniform(-recipe.semitones, recipe.semitones) / 12)
    tempo = (1 + rng.uniform(-recipe.tempo, recipe.tempo)) / shift
    return stretch(resample(samples, rate / RATE * speed * shift), tempo)


def another_throat(samples: Audio, rate: int, gender: str, rng: Rng, tempo: float = 0.2) -> Audio:
    """The same words with the same feeling by a throat between this one and one of the other gender: 8 kHz.

    f0 and resonances move together, far enough that a low voice says nothing of who is calm.
    """
    wide = np.asarray(soxr.resample(samples.astype(np.float64), rate, WIDE), np.float64)
    parts = vocoder.take_apart(wide, WIDE, 60, 700)
    sex = rng.uniform(-0.3, 1.2) * (-1 if gender == "F" else 1)
    moved = vocoder.other_throat(parts, pitch=2 ** (0.75 * sex + rng.normal(0, 0.12)),
                                 throat=1.16 ** (sex + rng.normal(0, 0.25)))
    spoken = vocoder.put_together(moved, 1 + rng.uniform(-tempo, tempo))
    return np.asarray(soxr.resample(spoken, WIDE, RATE), np.float32)


def resample(samples: Audio, ratio: float) -> Audio:
    """`ratio` input samples become one: 2 halves the rate (or doubles the speed)."""
    if ratio == 1:
        return samples
    return np.asarray(soxr.resample(samples, ratio, 1.0, quality="MQ"), np.float32)


def stretch(samples: Audio, tempo: float, frame: int = 256, search: int = 64) -> Audio:
    """Tempo changed and pitch kept: WSOLA (Verhelst & Roelands 1993), 32 ms frames, half overlapped, 8 kHz."""
    half = frame // 2
    count = int((len(samples) - frame - 2 * search) / (half * tempo))
    if count < 2 or abs(tempo - 1) < 0.01:
        return samples
    window = np.hanning(frame + 1)[:-1].astype(np.float32)
    out = np.zeros(count * half + frame, np.float32)
    at = 0
    for index in range(count):
        out[index * half:index * half + frame] += window * samples[at:at + frame]
        follow = samples[at + half:at + half + frame]
        lowest = max(0, int((index + 1) * half * tempo) - search)
        region = samples[lowest:lowest + frame + 2 * search]
        if len(follow) < frame or len(region) < frame + 1:
            break
        at = lowest + int(np.argmax(np.correlate(region, follow, "valid")))
    return out


# ── places ──────────────────────────────────────────────────────────────────────────────────────

def room(samples: Audio, rng: Rng) -> Audio:
    """A small room: direct sound, then noise that decays with a reverberation time of 0.1-0.5 s."""
    seconds = rng.uniform(0.1, 0.5)
    tail = rng.standard_normal(int(RATE * seconds)).astype(np.float32)
    tail *= np.exp(-6.9 * np.arange(len(tail)) / len(tail)).astype(np.float32)
    tail[:int(RATE * rng.uniform(0.001, 0.006))] = 0
    tail *= 10 ** (-rng.uniform(0, 12) / 20) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1
    return np.asarray(fftconvolve(samples, tail)[:len(samples)], np.float32)


def add_noise(samples: Audio, noise: Audio, snr_db: float, rng: Rng) -> Audio:
    """Noise, looped from a random start, `snr_db` below the mean power of the speech."""
    looped = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), len(samples))
    power = np.mean(samples**2) / (np.mean(looped**2) + 1e-12)
    return np.asarray(samples + looped * np.sqrt(power * 10 ** (-snr_db / 10)), np.float32)


def coloured(length: int, slope: float, rng: Rng) -> Audio:
    """Noise whose power falls with frequency to the `slope` (0 white, 1 pink, 2 brown), (length,), rms 1."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, length)
    return np.asarray(noise / (noise.std() + 1e-9), np.float32)


# ── lines ───────────────────────────────────────────────────────────────────────────────────────

def level(samples: Audio, db: float) -> Audio:
    """Mean power set to `db` below full scale."""
    return np.asarray(samples * 10 ** (db / 20) / (np.sqrt(np.mean(samples**2)) + 1e-9), np.float32)


def telephone_band(samples: Audio, rng: Rng) -> Audio:
    """Band-pass near 300-3400 Hz, the edges of this telephone drawn a little apart."""
    low = round(rng.uniform(200, 350) / 25) * 25
    high = round(rng.uniform(3200, 3600) / 50) * 50
    return np.asarray(sosfilt(_band(low, high), samples), np.float32)


@cache
def _band(low: float, high: float) -> NDArray[np.float64]:
    return np.asarray(butter(3, [low, high], "bandpass", fs=RATE, output="sos"))


def mulaw(samples: Audio) -> Audio:
    """G.711 mu-law and back (continuous formula, 8 bits)."""
    mu = 255.0
    coded = np.sign(samples) * np.log1p(mu * np.minimum(np.abs(samples), 1)) / np.log1p(mu)
    coded = np.round(coded * 127) / 127
    return np.asarray(np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(mu)) / mu, np.float32)


def gsm_like(samples: Audio, order: int = 8) -> Audio:
    """What GSM 06.10 does to a voice: every 20 ms LPC, and of the residual every third sample, in 3 bits."""
    out = np.zeros_like(samples)
    forward = np.zeros(order)
    back = np.zeros(order)
    window = np.hamming(PACKET)
    for start in range(0, len(samples) - PACKET + 1, PACKET):
        frame = samples[start:start + PACKET].astype(np.float64)
        shape = lpc(frame * window, order)
        residual, forward = lfilter(shape, [1.0], frame, zi=forward)
        rows = residual.reshape(4, -1)
        kept = np.zeros_like(rows)
        for row, target in zip(rows, kept, strict=True):
            phase = int(np.argmax([np.sum(row[p::3] ** 2) for p in range(3)]))
            grid = row[phase::3]
            step = np.max(np.abs(grid)) / 3.5 + 1e-9
            target[phase::3] = np.clip(np.round(grid / step - 0.5) + 0.5, -3.5, 3.5) * step
        out[start:start + PACKET], back = lfilter([1.0], shape, kept.ravel(), zi=back)
    return out


def lpc(frame: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Prediction-error filter by Levinson-Durbin on the autocorrelation, (order + 1,), the first is 1."""
    full = np.correlate(frame, frame, "full")[len(frame) - 1:len(frame) + order]
    error = full[0] * 1.0001 + 1e-9
    shape = np.zeros(order + 1)
    shape[0] = 1
    for index in range(1, order + 1):
        reflection = -np.dot(shape[:index], full[index:0:-1]) / error
        shape[1:index + 1] += reflection * shape[index - 1::-1][:index]
        error *= 1 - reflection**2
    return shape


def lose_packets(samples: Audio, rate: float, rng: Rng, burst: float = 2.0) -> Audio:
    """20 ms packets lost in bursts (Gilbert model); silence or the last packet, fading, in their place."""
    count = -(-len(samples) // PACKET)
    out = samples.copy()
    enter, leave = rate / (burst * (1 - rate)), 1 / burst
    conceal = rng.random() < 0.5
    lost, fade = False, 1.0
    for index, chance in enumerate(rng.random(count)):
        lost = chance >= leave if lost else chance < enter
        fade = fade * 0.5 if lost else 1.0
        if not lost:
            continue
        here = out[index * PACKET:(index + 1) * PACKET]
        before = out[(index - 1) * PACKET:index * PACKET][:len(here)] if conceal and index else None
        here[:] = 0 if before is None else 0.7 * before
    return out
