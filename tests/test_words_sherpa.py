"""The sherpa ear against a stand-in for its recogniser: text in, each phrase told once."""

from pathlib import Path
from typing import Any

import numpy as np

from emotion.config import WordsConfig
from emotion.types import HOP
from emotion.words.lexicon import Lexicon
from emotion.words.sherpa import SherpaRecognizer, open_recognizer
from emotion.words.spotter import Spotter


class Stream:
    def __init__(self) -> None:
        self.hops = 0
        self.done = 0

    def accept_waveform(self, rate: int, samples: Any) -> None:
        assert (rate, len(samples)) == (8000, HOP)
        self.hops += 1


class Engine:
    """Says one more word of its script each hop and ends the sentence at its end."""

    script = ("我要", "我要投诉", "我要投诉你们", "")

    def create_stream(self) -> Stream:
        return Stream()

    def is_ready(self, stream: Stream) -> bool:
        return stream.done < stream.hops

    def decode_streams(self, streams: list[Stream]) -> None:
        for stream in streams:
            stream.done += 1

    def get_result(self, stream: Stream) -> str:
        return self.script[(stream.done - 1) % len(self.script)]

    def is_endpoint(self, stream: Stream) -> bool:
        return stream.done % len(self.script) == 0

    def reset(self, stream: Stream) -> None:
        pass


def test_each_phrase_is_told_once_a_sentence() -> None:
    ear = SherpaRecognizer(Lexicon.load("zh"), Engine())
    states = [ear.start(), ear.start()]
    heard = [ear.step(states, np.zeros((2, HOP), np.float32), np.zeros(0, np.float32), []) for _ in range(8)]
    rungs = [max((phrase.rung for phrase in mine), default=None) for mine, _ in heard]
    assert rungs[0] is None
    assert rungs[1] == rungs[5] == 5
    assert [one for one, _ in heard] == [other for _, other in heard]
    assert heard[1][0][0].span.end == 2 * HOP


def test_it_is_not_there_without_weights(tmp_path: Path) -> None:
    assert open_recognizer("zh", Lexicon.load("zh"), str(tmp_path), 1) is None
    assert Spotter(WordsConfig(ears=("sherpa",))).recognizer("zh") is None
