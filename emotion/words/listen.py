"""An ear and a decoder together: from hops to the phrases of a lexicon, each with its time and probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from emotion.types import HOP, RATE, Activity, Audio, Phrase, Span
from emotion.words.decoder import Decoder, DecoderState, Hit, Pattern
from emotion.words.ears import Ear
from emotion.words.lexicon import Lexicon, Spoken
from emotion.words.thresholds import Thresholds

SYLLABIC = (("bundled", "zh"),)
"""Ears whose units are syllables and whose count of them was measured (emotion/voice/rate.py)."""
ONSET_S = 0.12
"""A CTC output stands late in its unit: a phrase began about so long before its first one."""


@dataclass(slots=True)
class ListenerState:
    """One call: the ear's memory and the decoder's tokens."""

    ear: Any
    tokens: DecoderState
    version: int
    sounding: float = 0.0
    """Probability that the last output was some unit."""
    syllables: float | None = None
    """Begun in the last hop; None: this ear's units are no syllables."""


class PhraseListener:
    """The recogniser of every ear that gives posteriors."""

    def __init__(self, ear: Ear, lexicon: Lexicon) -> None:
        self.ear, self.name = ear, ear.name
        self.thresholds = Thresholds.load(ear.name, ear.language)
        self._version = -1
        self.listen_for(lexicon)

    def listen_for(self, lexicon: Lexicon) -> None:
        """Listen for these phrases from the next hop on."""
        number = {unit: n for n, unit in enumerate(self.ear.units)}
        self.spoken: list[Spoken] = []
        patterns, known = [], set[tuple[str, ...]]()
        for one in lexicon.units():
            threshold = self.thresholds.of(one.units)
            if threshold is not None and one.units not in known and all(unit in number for unit in one.units):
                known.add(one.units)
                self.spoken.append(one)
                patterns.append(Pattern(tuple(number[unit] for unit in one.units), threshold))
        self.decoder = Decoder(patterns, self.ear.frame / RATE, self.ear.language)
        self._version += 1

    def start(self) -> ListenerState:
        return ListenerState(self.ear.start(), self.decoder.start(), self._version)

    def step(self, states: Sequence[ListenerState], hops: Audio, mels: Audio,
             activities: Sequence[Activity]) -> list[tuple[Phrase, ...]]:
        """(batch, HOP) samples and (batch, FRAMES, BANDS) log-mels -> the phrases that ended, one tuple a call."""
        scores = self.ear.step([state.ear for state in states], hops, mels)
        if (self.ear.name, self.ear.language) in SYLLABIC:
            for state, rows in zip(states, scores, strict=True):
                state.syllables, state.sounding = onsets(rows, state.sounding)
        for state in states:
            if state.version != self._version:
                state.tokens, state.version = DecoderState(at=state.tokens.at), self._version
        hits = self.decoder.step([state.tokens for state in states], scores)
        return [tuple(self._phrase(hit) for hit in found) for found in hits]

    def _phrase(self, hit: Hit) -> Phrase:
        spoken = self.spoken[hit.index]
        term, frame = spoken.term, self.ear.frame
        begin = max(0, (hit.begin - self.ear.delay) * frame - int(ONSET_S * RATE))
        end = max(begin + frame, (hit.end - self.ear.delay) * frame)
        score = self.thresholds.probability(spoken.units, hit.ratio) * term.weight
        return Phrase(term.key, spoken.text, term.rung, term.motive, Span(begin, end), float(np.clip(score, 0, 1)))


def onsets(scores: Audio, before: float) -> tuple[float, float]:
    """How much the probability of any unit rises over (frames, units) log-probabilities, and where it ends."""
    sounding = np.concatenate([[before], 1 - np.exp(scores[:, 0])])
    return float(np.maximum(np.diff(sounding), 0).sum()), float(sounding[-1])


class Front(Protocol):
    """The log-mel stage, emotion.voice.logmel.LogMel."""

    def start(self) -> Any: ...

    def step(self, states: Sequence[Any], hops: Audio) -> Audio: ...


def posteriors(ear: Ear, logmel: Front, waves: Sequence[Audio]) -> list[Audio]:
    """Log-probabilities of whole recordings (8 kHz), streamed in batches of 32, a second of silence after each."""
    found = list[Audio]()
    for first in range(0, len(waves), 32):
        batch = waves[first: first + 32]
        padded = np.zeros((len(batch), (max(map(len, batch)) + RATE) // HOP * HOP + HOP), np.float32)
        for row, wave in zip(padded, batch, strict=True):
            row[: len(wave)] = wave
        states, lines = [ear.start() for _ in batch], [logmel.start() for _ in batch]
        parts: list[list[Audio]] = [[] for _ in batch]
        for at in range(0, padded.shape[1], HOP):
            hops = padded[:, at: at + HOP]
            for mine, new in zip(parts, ear.step(states, hops, logmel.step(lines, hops)), strict=True):
                mine.append(new)
        found += [np.concatenate(mine)[: (len(wave) + RATE) // ear.frame]
                  for mine, wave in zip(parts, batch, strict=True)]
    return found
