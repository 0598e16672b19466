"""The sherpa ear: a streaming recogniser of sherpa-onnx (extra `asr`), its text searched for the lexicon's phrases.

Weights are a streaming zipformer transducer of the user's own choice in `fetched/sherpa-zh` or `fetched/sherpa-en`
(`encoder.onnx`, `decoder.onnx`, `joiner.onnx`, `tokens.txt`). Its streams live inside sherpa and cannot be pickled:
the one exception to the law that a state can be. It was tested against a stand-in, not with real weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emotion.types import HOP, RATE, Activity, Audio, Language, Phrase, Span
from emotion.words.lexicon import Lexicon

FILES = ("encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt")
UNSURE = 0.9
"""Score of a phrase that is in the text: the recogniser gives no probability of its own."""


@dataclass(slots=True)
class SherpaState:
    """One call: its stream, how far it is, and what of the present sentence was told."""

    stream: Any
    at: int = 0
    told: set[tuple[str, int]] = field(default_factory=set)


class SherpaRecognizer:
    """Phrases in the partial text of a streaming recogniser."""

    name = "sherpa"

    def __init__(self, lexicon: Lexicon, engine: Any) -> None:
        """`engine` is a sherpa_onnx.OnlineRecognizer, made by `open_engine`."""
        self.lexicon, self.engine = lexicon, engine

    def listen_for(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def start(self) -> SherpaState:
        return SherpaState(self.engine.create_stream())

    def step(self, states: Sequence[SherpaState], hops: Audio, mels: Audio,
             activities: Sequence[Activity]) -> list[tuple[Phrase, ...]]:
        """(batch, HOP) samples -> the phrases that are new in each call's text."""
        for state, hop in zip(states, hops, strict=True):
            state.stream.accept_waveform(RATE, np.ascontiguousarray(hop))
            state.at += HOP
        while ready := [state.stream for state in states if self.engine.is_ready(state.stream)]:
            self.engine.decode_streams(ready)
        return [self._new(state) for state in states]

    def _new(self, state: SherpaState) -> tuple[Phrase, ...]:
        text = self.engine.get_result(state.stream)
        phrases = []
        for match in self.lexicon.find(text):
            if (match.term.key, match.start) not in state.told:
                state.told.add((match.term.key, match.start))
                term = match.term
                phrases.append(Phrase(term.key, match.text, term.rung, term.motive,
                                      Span(max(0, state.at - HOP), state.at), UNSURE * term.weight))
        if self.engine.is_endpoint(state.stream):
            self.engine.reset(state.stream)
            state.told.clear()
        return tuple(phrases)


def open_engine(folder: Path, threads: int) -> Callable[[], Any] | None:
    """A maker of the recogniser in `folder`; None where sherpa-onnx or the weights are not there."""
    from importlib.util import find_spec

    if find_spec("sherpa_onnx") is None or not all((folder / name).is_file() for name in FILES):
        return None

    def make() -> Any:
        import sherpa_onnx  # type: ignore[import-not-found, unused-ignore]

        encoder, decoder, joiner, tokens = (str(folder / name) for name in FILES)
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            tokens=tokens, encoder=encoder, decoder=decoder, joiner=joiner, num_threads=threads,
            enable_endpoint_detection=True)

    return make


def open_recognizer(language: Language, lexicon: Lexicon, fetched: str | None, threads: int) -> SherpaRecognizer | None:
    """The sherpa ear of a language where it is there."""
    make = open_engine(Path(fetched) / f"sherpa-{language}", threads) if fetched else None
    return SherpaRecognizer(lexicon, make()) if make else None
