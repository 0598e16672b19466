"""The band map of the FSMN ear: from telephone-band filter banks to the wide-band ones its model was made for.

One ridge regression over joined frames (400 values to 400) of the same speech through both bands; it melts into the
model's first layer, so it costs nothing at run time. Speech: words/hsk, the syllables and synthetic sentences.
"""

from __future__ import annotations

import argparse
import random

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import words
from emotion import weights
from emotion.types import Audio
from emotion.words import fbank
from models.train.manifest import enter

RIDGE = 3e-3
LOUD = 7.0
"""Frames whose level is within this (ln power) of the recording's loudest count."""


def fit(arguments: argparse.Namespace) -> None:
    """Write words-band.npy (401, 400; the last row is the constant) and its entry of the manifest."""
    rng = random.Random(0)
    heard = [item for item in words.real(arguments.data) if item.path.parent.name in {"hsk", "syll_cw", "syll_df"}]
    made = [item for item in words.synthetic(arguments.data) if not item.held_out]
    size = fbank.JOINED * fbank.BANDS
    square, cross = np.zeros((size + 1, size + 1)), np.zeros((size + 1, size))
    for n, item in enumerate([*rng.sample(heard, 350), *rng.sample(made, 250)]):
        gain = np.float32(10 ** rng.uniform(-1, 0.3))
        line = "telephone" if n % 4 else rng.choice(["clean", "pink20"])
        narrow = simulate.degrade(words.read(item, 8000) * gain, 8000, line, n, arguments.data)
        told, wanted = frames(narrow=narrow), frames(wide=words.read(item, 16000) * gain)
        count = min(len(told), len(wanted))
        level = wanted[:count, 170:210].mean(axis=1)
        loud = np.flatnonzero(level > level.max() - LOUD)
        inputs = np.concatenate([told[loud], np.ones((len(loud), 1), np.float32)], axis=1)
        square += inputs.T @ inputs
        cross += inputs.T @ wanted[loud]
    keep = np.eye(size + 1) * square[-1, -1] * RIDGE
    keep[-1, -1] = 0
    band = np.linalg.solve(square + keep, cross + keep[:, :-1]).astype(np.float16)
    path = arguments.out / "words-band.npy"
    np.save(path, band)
    enter(arguments.out / "manifest.toml", "words-band", {
        "file": path.name, "sha256": weights.sha256(path), "sample_rate": 8000,
        "training": "HSK words, Mandarin syllables, Kokoro-82M synthetic speech, each through both bands",
        "licence": "Apache-2.0; trained in part on CC BY-SA 4.0 recordings", "commercial_use": True})


def frames(narrow: Audio | None = None, wide: Audio | None = None) -> Audio:
    """Joined frames of a whole recording, at 8 kHz or at 16 kHz."""
    if narrow is not None:
        wide = fbank.double(np.concatenate([np.zeros(fbank.TAPS - 1, np.float32), narrow])[None])[0]
    assert wide is not None
    return fbank.step([fbank.FbankState()], wide[None])[0]
