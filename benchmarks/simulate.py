"""Clean speech in, telephone audio out: the conditions of every benchmark, deterministic by seed.

`clean`       resampled to 8 kHz, nothing else
`telephone`   300-3400 Hz (Butterworth magnitude of order 4, zero phase so that labels stay in place), 8 kHz, mu-law
`pink10` …    pink noise at that signal-to-noise ratio, then the telephone
`babble10` …  six voices of the data at once, then the telephone
`loss5` …     the telephone, then that percentage of 20 ms packets lost, which leaves silence

The noise is in the caller's room: the ratio is that of the powers before the line, up to 4 kHz, the speech's over its
active parts (ITU-T P.56 in spirit). The line takes the lowest octaves of speech and pink noise alike.
"""

from __future__ import annotations

import csv
import os
import re
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from scipy import signal

from emotion.audio import g711
from emotion.types import RATE, Audio

PACKET = RATE // 50
CONDITIONS = ("clean", "telephone", "pink20", "pink10", "pink5", "babble20", "babble10", "babble5", "loss1", "loss5")
DATA = Path(os.environ.get("EMOTION_DATA", "../shared/data"))
VOICES = 6


def degrade(samples: Audio, rate: int, condition: str, seed: int = 0, data: Path = DATA) -> Audio:
    """(n,) samples in -1..1 at `rate` -> float32 at 8 kHz as `condition` leaves them; ValueError for an unknown one.

    `data` is where babble takes its voices from (speech/manifest.csv); no other condition reads it.
    """
    kind, strength = parse(condition)
    clean = np.asarray(soxr.resample(samples, rate, RATE) if rate != RATE else samples, np.float32)
    if kind == "clean":
        return clean.copy()
    rng = np.random.default_rng([seed, len(clean)])
    if kind in {"pink", "babble"}:
        noise = pink(len(clean), rng) if kind == "pink" else babble(len(clean), rng, data)
        clean = mix(clean, noise, strength)
    heard = telephone(clean)
    return lose(heard, strength / 100, rng) if kind == "loss" else heard


def parse(condition: str) -> tuple[str, float]:
    """'pink10' -> ('pink', 10.0)."""
    found = re.fullmatch(r"(clean|telephone)|(pink|babble|loss)(\d+)", condition)
    if found is None:
        raise ValueError(f"no condition called {condition!r}; there are: {', '.join(CONDITIONS)}")
    return (found[1], 0.0) if found[1] else (found[2], float(found[3]))


def telephone(samples: Audio) -> Audio:
    """The band, the rate and the companding of a telephone line, for samples at 8 kHz."""
    return g711.decode_ulaw(g711.encode_ulaw(band(samples)))


def band(samples: Audio, low: float = 300.0, high: float = 3400.0) -> Audio:
    """Band-pass without delay: the magnitude of a Butterworth filter of order 4 on the spectrum."""
    size = len(samples) + RATE // 4
    sections = signal.butter(4, (low, high), "bandpass", fs=RATE, output="sos")
    _, response = signal.sosfreqz(sections, np.fft.rfftfreq(size, 1 / RATE), fs=RATE)
    heard: Audio = np.fft.irfft(np.fft.rfft(samples, size) * np.abs(response), size)[: len(samples)].astype(np.float32)
    return heard


def mix(speech: Audio, noise: Audio, snr_db: float) -> Audio:
    """Speech plus noise at a ratio of powers; silence is returned as it is."""
    wanted = active_power(speech)
    present = float(np.mean(noise.astype(np.float64) ** 2))
    if wanted == 0 or present == 0:
        return speech.copy()
    mixed = speech + noise * np.float32(np.sqrt(wanted / present / 10 ** (snr_db / 10)))
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def active_power(samples: Audio) -> float:
    """Mean power of the 20 ms frames within 25 dB of the 95th percentile; 0 for silence."""
    frames = samples[: len(samples) // PACKET * PACKET].reshape(-1, PACKET).astype(np.float64)
    if not len(frames):
        return float(np.mean(samples.astype(np.float64) ** 2)) if len(samples) else 0.0
    power = np.mean(frames**2, axis=1)
    loud = power[power >= np.percentile(power, 95) / 10**2.5]
    return float(loud.mean())


def pink(size: int, rng: np.random.Generator) -> Audio:
    """Noise with 3 dB less per octave, from 20 Hz up, RMS 1."""
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    shape = np.where(hertz >= 20, 1 / np.sqrt(np.maximum(hertz, 20)), 0)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * shape, size)
    return (noise / max(float(np.sqrt(np.mean(noise**2))), 1e-12)).astype(np.float32)


def babble(size: int, rng: np.random.Generator, data: Path = DATA) -> Audio:
    """Six voices at once, each equally loud, each a chain of random clips of its own."""
    clips = _clips(data)
    total = np.zeros(size, np.float32)
    for _ in range(VOICES):
        voice = np.zeros(0, np.float32)
        while len(voice) < size:
            clip = _read(clips[rng.integers(len(clips))])
            voice = np.concatenate([voice, clip / np.float32(np.sqrt(active_power(clip)) + 1e-9)])
        total += voice[:size]
    return total


def lose(samples: Audio, share: float, rng: np.random.Generator) -> Audio:
    """Silence in place of a share of the 20 ms packets, each lost on its own."""
    lost = np.repeat(rng.random(-(-len(samples) // PACKET)) < share, PACKET)[: len(samples)]
    return np.where(lost, np.float32(0), samples)


@cache
def _clips(data: Path) -> tuple[Path, ...]:
    """The clips of EmoDB, which is free (CC0), in a fixed order."""
    with (data / "speech" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == "EmoDB"]
    return tuple(data / "speech" / row["path"] for row in sorted(rows, key=lambda row: row["path"]))


@cache
def _read(path: Path) -> Audio:
    samples, rate = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, RATE), np.float32)
