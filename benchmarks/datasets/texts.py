"""Readers of the text data: dialogues with satisfaction, ladder labels, complaints, offence; nothing is altered.

Layout under `data/text`: stc3_{zh,en}_{train,dev}.jsonl (Weibo customer helpdesk, NTCIR STC-3; annotations CC BY 4.0),
ladder_zh_{train,dev}.csv (labels by docs/ladder.md, ours), xci_en_{train,dev}.jsonl (Preotiuc-Pietro et al. 2019, MIT),
jddc_zh_dev.jsonl (evaluation only), multidogo_en_calm.jsonl (CDLA-Permissive), cold_zh/*.csv (Apache-2.0).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from emotion.types import Language, Side

Split = Literal["train", "dev"]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A dialogue in writing: who said what, and the mean satisfaction of 19 readers, -2..2."""

    id: str
    turns: tuple[tuple[Side, str], ...]
    satisfaction: float | None

    @property
    def caller(self) -> tuple[str, ...]:
        """The customer's turns only, in order."""
        return tuple(text for side, text in self.turns if side == "caller")


@dataclass(frozen=True, slots=True)
class Label:
    """The codebook's two labels of one caller turn; `turn` counts the caller's turns from 1."""

    id: str
    turn: int
    evidence: int
    position: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """One caller turn with all turns before it and its labels."""

    label: Label
    text: str
    before: tuple[tuple[Side, str], ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A tweet: complaint or not; severity 1 no explicit reproach, 2 disapproval, 3 accusation, 4 blame."""

    id: str
    text: str
    complaint: bool
    severity: int
    domain: str
    """What the company sells; 'random_tweet' and 'random_reply' are not about one."""


def missing(data: Path, *names: str) -> list[str]:
    """Which of the named files under data/text are not there, in plain words."""
    return [f"{data / 'text' / name} is missing" for name in names if not (data / "text" / name).is_file()]


@lru_cache(maxsize=8)
def stc3(data: Path, language: Language, split: Split) -> tuple[Dialogue, ...]:
    """Weibo customer-helpdesk dialogues (zh) or their translations (en, same ids)."""
    sides: dict[str, Side] = {"customer": "caller", "helpdesk": "agent"}
    return tuple(Dialogue(row["id"], tuple((sides[turn["sender"]], turn["text"]) for turn in row["turns"]),
                          float(row["mean_satisfaction"]))
                 for row in _lines(data / "text" / f"stc3_{language}_{split}.jsonl"))


def ladder_labels(path: Path) -> tuple[Label, ...]:
    """Labels in the layout of ladder_zh_*.csv: id, turn, evidence, position and more columns."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(Label(row["id"], int(row["turn"]), int(row["evidence"]), int(row["position"]))
                     for row in csv.DictReader(file))


def ladder(data: Path, split: Split, language: Language = "zh") -> tuple[Labelled, ...]:
    """The labelled turns of a split; in English those whose dialogue was translated."""
    return join(ladder_labels(data / "text" / f"ladder_zh_{split}.csv"), stc3(data, language, split))


def join(labels: tuple[Label, ...], dialogues: tuple[Dialogue, ...]) -> tuple[Labelled, ...]:
    """Labels with the turns that they are about; labels of other dialogues are left out."""
    by_id = {dialogue.id: dialogue for dialogue in dialogues}
    return tuple(_labelled(label, by_id[label.id]) for label in labels if label.id in by_id)


def xci(data: Path, split: Split) -> tuple[Complaint, ...]:
    """English tweets to companies: complaint or not, and how severe."""
    return tuple(Complaint(row["id"], row["text"], bool(row["complaint"]), int(row["severity"]), row["domain"])
                 for row in _lines(data / "text" / f"xci_en_{split}.jsonl"))


def cold(data: Path, split: Split) -> tuple[tuple[str, bool], ...]:
    """Mandarin posts and whether they offend."""
    with (data / "text" / "cold_zh" / f"{split}.csv").open(encoding="utf-8-sig", newline="") as file:
        return tuple((row["TEXT"], row["label"] == "1") for row in csv.DictReader(file))


def jddc(data: Path) -> tuple[tuple[tuple[str, int], ...], ...]:
    """E-commerce chats, for evaluation only: the user's turns with satisfaction 0-2 (1 is neutral)."""
    return tuple(tuple((turn["user"], int(turn["sat"])) for turn in row["turns"])
                 for row in _lines(data / "text" / "jddc_zh_dev.jsonl"))


def calm_english(data: Path) -> tuple[tuple[str, ...], ...]:
    """Calm service dialogues, the customer's turns: material for false alarms."""
    return tuple(tuple(turn["text"] for turn in row["turns"])
                 for row in _lines(data / "text" / "multidogo_en_calm.jsonl"))


def _labelled(label: Label, dialogue: Dialogue) -> Labelled:
    spots = [number for number, (side, _) in enumerate(dialogue.turns) if side == "caller"]
    spot = spots[label.turn - 1]
    return Labelled(label, dialogue.turns[spot][1], dialogue.turns[:spot])


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
