"""Acted emotional speech: `speech/manifest.csv` with one row a clip, speakers kept apart by split.

EmoDB (German, CC0; Burkhardt et al. 2005), RAVDESS (English, CC BY-NC-SA 4.0; Livingstone & Russo 2018),
CASIA (Mandarin, research only). A folder of anybody's own with the same columns reads the same.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import gcd
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile as sf
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]
Gender = Literal["F", "M"]
Emotion = Literal["anger", "happiness", "sadness", "fear", "disgust", "surprise", "boredom", "neutral", "calm"]

MANIFEST = Path("speech") / "manifest.csv"
_COLUMNS = {"path", "corpus", "lang", "speaker", "gender", "emotion", "extra", "seconds", "split"}


@dataclass(frozen=True, slots=True)
class Clip:
    """One utterance and what is known of it; the audio is read with `read`."""

    path: Path
    corpus: str
    lang: str
    speaker: str
    gender: Gender
    emotion: Emotion
    extra: str
    """What else the corpus says, such as RAVDESS's 'intensity02_stmt1'."""
    seconds: float
    split: Literal["train", "dev"]

    def read(self, rate: int | None = None) -> tuple[Samples, int]:
        """Samples of the clip in -1..1, mono, and their rate; `rate` resamples."""
        return read(self.path, rate)


@cache
def clips(data: Path) -> tuple[Clip, ...]:
    """Every clip of the manifest under the data folder, in its order; ValueError if columns are missing."""
    with (data / MANIFEST).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not set(rows[0]) >= _COLUMNS:
        raise ValueError(f"{data / MANIFEST} lacks the columns {', '.join(sorted(_COLUMNS - set(rows[0])))}")
    return tuple(Clip(data / "speech" / row["path"], row["corpus"], row["lang"], row["speaker"],
                      row["gender"], row["emotion"], row["extra"], float(row["seconds"]),  # type: ignore[arg-type]
                      row["split"]) for row in rows)  # type: ignore[arg-type]


def select(data: Path, *, corpora: Sequence[str] = (), split: str | None = None,
           emotions: Sequence[str] = ()) -> list[Clip]:
    """The clips of some corpora, one split, some emotions; an empty choice means all."""
    return [clip for clip in clips(data) if (not corpora or clip.corpus in corpora)
            and (split is None or clip.split == split) and (not emotions or clip.emotion in emotions)]


def validate(data: Path) -> list[str]:
    """What is missing for a task on speech, in plain words."""
    if not (data / MANIFEST).is_file():
        return [f"{data / MANIFEST} is missing"]
    absent = [clip.path for clip in clips(data) if not clip.path.is_file()]
    return [f"{len(absent)} clips of {data / MANIFEST} are missing, the first {absent[0]}"] if absent else []


def syllables(data: Path) -> dict[str, list[tuple[float, float]]]:
    """EmoDB's hand-made syllable boundaries in seconds, by the clip's path in the manifest."""
    found: dict[str, list[tuple[float, float]]] = {}
    with (data / "speech" / "emodb_syllables.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["path"], []).append((float(row["start_s"]), float(row["end_s"])))
    return found


def read(path: Path, rate: int | None = None) -> tuple[Samples, int]:
    """Samples of any audio file in -1..1, mono, and their rate; `rate` resamples (soxr, high quality)."""
    samples, found = sf.read(path, dtype="float32", always_2d=True)
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    if rate is None or rate == found:
        return mono, found
    step = gcd(rate, found)
    return soxr.resample(mono, found // step, rate // step).astype(np.float32), rate
