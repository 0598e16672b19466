"""Speech with its text, for the words task and the spotter: words/ (real) and tts/ (synthetic), one manifest each.

`words/manifest.csv` has path, lang, speaker, text, seconds; `tts/{zh,en}/manifest.csv` has path, lang, voice, speed,
text, seconds. A synthetic voice is a name, a mixture `a*0.3+b*0.7`, or two of them with a space between: whose timbre
and whose prosody. A held-out voice is out in every mixture.
Sources and licences: AISHELL-1 (Apache-2.0), HSK recordings of Yue Tan and syllables of Chen Wang (CC BY-SA),
syllables of davinfifield (public domain), synthetic speech made with Kokoro-82M (Apache-2.0).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emotion.types import Audio, Language

HELD_OUT: tuple[str, ...] = ("zf_xiaoyi", "zm_yunxia", "bm_fable", "af_nicole")
"""Synthetic voices that no training sees, two of each language, neither alone nor in a mixture."""
UNSEEN = "AISHELL"
"""The corpus of words/ that is a test alone: its speaker is never trained on, labelled or not."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One recording and what is said in it."""

    path: Path
    language: Language
    speaker: str
    text: str
    seconds: float
    synthetic: bool

    @property
    def voices(self) -> frozenset[str]:
        """The plain voices that a synthetic mixture is made of."""
        return frozenset(part.partition("*")[0] for part in re.split("[+ ]", self.speaker))

    @property
    def held_out(self) -> bool:
        """Kept for tests: a held-out synthetic voice, or the unseen real speaker."""
        return bool(self.voices & set(HELD_OUT)) if self.synthetic else self.speaker.startswith(UNSEEN)


def real(data: Path) -> list[Spoken]:
    """All of words/: utterances, words, syllables and calls."""
    return _read(data / "words", synthetic=False)


def synthetic(data: Path, folder: str = "tts") -> list[Spoken]:
    """All of tts/, or of another folder with the same layout."""
    return [item for language in ("zh", "en") for item in _read(data / folder / language, synthetic=True)]


def part(items: Sequence[Spoken], folder: str) -> list[Spoken]:
    """Those that lie in one folder, such as `aishell` or `calls_en`."""
    return [item for item in items if item.path.parent.name == folder]


def missing(data: Path) -> list[str]:
    """What of the two folders is not there, in plain words."""
    wanted = [data / folder / "manifest.csv" for folder in ("words", "tts/zh", "tts/en")]
    return [f"{path} is not there" for path in wanted if not path.is_file()]


def read(item: Spoken, rate: int) -> Audio:
    """Its samples as mono float32 at `rate`."""
    import numpy as np
    import soundfile
    import soxr

    samples, found = soundfile.read(item.path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return mono if found == rate else np.asarray(soxr.resample(mono, found, rate), np.float32)


def _read(folder: Path, *, synthetic: bool) -> list[Spoken]:
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        return []
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    # the manifests of tts/ name paths from tts/, those of words/ from words/
    root = folder.parent if synthetic else folder
    return [Spoken(root / row["path"], "zh" if row["lang"] == "zh" else "en",
                   row["voice" if synthetic else "speaker"], row["text"], float(row["seconds"]), synthetic)
            for row in rows]
