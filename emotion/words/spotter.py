"""Words heard in audio: the best ear there is for a call's language, and the lexicon's phrases in what it hears.

`Heard.by` names the ear; None says that there is none for this language, which is not the same as nothing said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from emotion import weights
from emotion.config import WordsConfig
from emotion.types import Activity, Audio, Heard, Language, Phrase
from emotion.words.ears import BundledEar
from emotion.words.fsmn import FILES, FsmnEar
from emotion.words.lexicon import Lexicon
from emotion.words.listen import PhraseListener
from emotion.words.sherpa import open_recognizer


class Recognizer(Protocol):
    """Hears the phrases of one language in a batch of calls; its states are plain and picklable."""

    name: str

    def start(self) -> Any: ...

    def step(self, states: Sequence[Any], hops: Audio, mels: Audio,
             activities: Sequence[Activity]) -> list[tuple[Phrase, ...]]: ...

    def listen_for(self, lexicon: Lexicon) -> None:
        """Take another lexicon from the next hop on; calls under way go on."""


@dataclass(slots=True)
class SpotterState:
    """One call: its language and its recogniser's memory, None where there is no ear."""

    language: Language
    memory: Any


class Spotter:
    """One recogniser a language, opened when the first call needs it."""

    def __init__(self, config: WordsConfig | None = None, threads: int = 1) -> None:
        self.config, self.threads = config or WordsConfig(), threads
        self._lexicons: dict[Language, Lexicon] = {}
        self._opened: dict[Language, Recognizer | None] = {}

    def start(self, language: Language) -> SpotterState:
        ear = self.recognizer(language)
        return SpotterState(language, ear.start() if ear else None)

    def step(self, states: Sequence[SpotterState], hops: Audio, mels: Audio,
             activities: Sequence[Activity]) -> list[Heard]:
        """(batch, HOP) samples, their log-mels and who speaks -> what was heard, one a call."""
        heard = [Heard(by=None)] * len(states)
        for language in sorted({state.language for state in states}):
            ear = self.recognizer(language)
            rows = [n for n, state in enumerate(states) if state.language == language and state.memory is not None]
            if ear is None or not rows:
                continue
            found = ear.step([states[n].memory for n in rows], hops[rows], mels[rows], [activities[n] for n in rows])
            for n, phrases in zip(rows, found, strict=True):
                heard[n] = Heard(by=ear.name, phrases=phrases, syllables=getattr(states[n].memory, "syllables", None))
        return heard

    def listen_for(self, lexicon: Lexicon) -> None:
        """Take another lexicon for its language, without a restart."""
        self._lexicons[lexicon.language] = lexicon
        if ear := self._opened.get(lexicon.language):
            ear.listen_for(lexicon)

    def recognizer(self, language: Language) -> Recognizer | None:
        """The first ear of the config that is there for a language."""
        if language not in self._opened:
            lexicon = self._lexicons.setdefault(language, Lexicon.load(language))
            self._opened[language] = next(
                (ear for name in self.config.ears if (ear := self._open(name, language, lexicon))), None)
        return self._opened[language]

    def _open(self, name: str, language: Language, lexicon: Lexicon) -> Recognizer | None:
        try:
            opener = OPENERS[name]
        except KeyError:
            raise ValueError(f"no ear is called {name!r}; there are: {', '.join(OPENERS)}") from None
        return opener(language, lexicon, self.config, self.threads)


def _bundled(language: Language, lexicon: Lexicon, config: WordsConfig, threads: int) -> Recognizer | None:
    if f"words-{language}" not in weights.manifest():
        return None
    return PhraseListener(BundledEar(language, threads, config.commercial_only), lexicon)


def _fsmn(language: Language, lexicon: Lexicon, config: WordsConfig, threads: int) -> Recognizer | None:
    folder = Path(config.fetched) / "fsmn-zh" if config.fetched else None
    if language != "zh" or folder is None or not all((folder / name).is_file() for name in FILES):
        return None
    return PhraseListener(FsmnEar(folder), lexicon)


def _hama(language: Language, lexicon: Lexicon, config: WordsConfig, threads: int) -> Recognizer | None:
    if language != "en" or find_spec("hama") is None:
        return None
    from emotion.words.hama import HamaEar

    return PhraseListener(HamaEar(), lexicon)


def _sherpa(language: Language, lexicon: Lexicon, config: WordsConfig, threads: int) -> Recognizer | None:
    return open_recognizer(language, lexicon, config.fetched, threads)


OPENERS: dict[str, Callable[[Language, Lexicon, WordsConfig, int], Recognizer | None]] = {
    "fsmn": _fsmn,
    "sherpa": _sherpa,
    "hama": _hama,
    "bundled": _bundled,
}
"""Ears by name; each gives None where it is not there for a language."""
