"""PocketSphinx's keyphrase search with its own American English model, as a peer of the ears.

Huggins-Daines et al. 2006; BSD licence; the package carries the model.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.metrics.words import Candidate
from emotion.types import Audio

RATE = 16000
LAXEST = 1e-40
"""Threshold of the search: the sweep goes by the score of what it finds."""


def spot(phrases: Sequence[str], waves: Sequence[Audio], counts: Sequence[Sequence[int]]) -> list[Candidate]:
    """Every keyphrase found in each (n,) wave at 16 kHz; `counts[recording][phrase]` is how often it is really said.

    ValueError when a word is not in its dictionary.
    """
    from pocketsphinx import Config, Decoder

    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "phrases")
        listed.write_text("".join(f"{phrase} /{LAXEST:g}/\n" for phrase in phrases), "utf-8")
        decoder = Decoder(Config(kws=str(listed), samprate=RATE, loglevel="FATAL"))
    if unknown := {word for phrase in phrases for word in phrase.split() if decoder.lookup_word(word) is None}:
        raise ValueError(f"PocketSphinx does not know {', '.join(sorted(unknown))}")
    number = {phrase: n for n, phrase in enumerate(phrases)}
    return [one for n, wave in enumerate(waves) for one in _ranked(_hits(decoder, wave, number), n, counts[n])]


def _hits(decoder: Any, wave: Audio, number: dict[str, int]) -> Iterator[tuple[int, float]]:
    """(phrase, score) of what was found in one recording."""
    decoder.start_utt()
    decoder.process_raw((np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes(), False, True)
    decoder.end_utt()
    for segment in decoder.seg() or ():
        yield number[segment.word.strip()], float(segment.prob)


def _ranked(hits: Iterator[tuple[int, float]], recording: int, counts: Sequence[int]) -> Iterator[Candidate]:
    """The best hits of a phrase are taken for the true ones."""
    ranks: dict[int, int] = {}
    for phrase, score in sorted(hits, key=lambda hit: -hit[1]):
        ranks[phrase] = ranks.get(phrase, 0) + 1
        yield Candidate(phrase, recording, score, ranks[phrase] <= counts[phrase])
