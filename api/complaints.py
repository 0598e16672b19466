"""The complaint record of a call that stood on rung 5 or 6: gathered while it lives, ready to copy, kept as allowed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.summary import MOTIVES
from emotion.record import KINDS, Record, complaint
from emotion.types import Change, Language, Moment, Phrase, Reason

MOST_MOMENTS = 2000
MOST_RECORDS = 500
REMEMBERED_S = 3600.0
WORDS: Mapping[str, Mapping[Language, str]] = {
    "kind": {"zh": "客诉分类", "en": "Kind"}, "because": {"zh": "依据", "en": "Because"},
    "demanded": {"zh": "诉求", "en": "Demanded"}, "timeline": {"zh": "经过", "en": "What happened"},
    "waited": {"zh": "等待", "en": "Waited"}, "repeats": {"zh": "重复", "en": "Said again"},
    "transfers": {"zh": "转接", "en": "Passed on"},
    "note": {"zh": "对所表达情绪的估计。", "en": "Estimate of expressed emotion."},
}


@dataclass(slots=True)
class Gatherer:
    """The moments of one call that a record is made of."""

    moments: deque[Moment] = field(default_factory=lambda: deque(maxlen=MOST_MOMENTS))
    last: Moment | None = None

    def add(self, moment: Moment) -> None:
        """One more hop; only those that say something are held."""
        self.last = moment
        if moment.change is not None or moment.reading.words.phrases or moment.reading.words.repeat is not None:
            self.moments.append(moment)

    def record(self, keep_text: bool) -> Record | None:
        """The record so far; without `keep_text` nothing in it quotes the caller."""
        told = [*self.moments, *([self.last] if self.last is not None else [])]
        return complaint(told if keep_text else map(bare, told))


class Memory:
    """Full records of calls that ended within the hour: in memory only, bounded."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], tuple[float, Record]] = {}

    def keep(self, tenant: str, call: str, record: Record) -> None:
        now = time.monotonic()
        self._records = {key: value for key, value in self._records.items() if now - value[0] < REMEMBERED_S}
        if len(self._records) >= MOST_RECORDS:
            del self._records[next(iter(self._records))]
        self._records[tenant, call] = (now, record)

    def find(self, tenant: str, call: str) -> Record | None:
        then, record = self._records.get((tenant, call), (0.0, None))
        return record if time.monotonic() - then < REMEMBERED_S else None

    def forget(self, tenant: str, call: str) -> None:
        self._records.pop((tenant, call), None)


def bare(moment: Moment) -> Moment:
    """A moment without anybody's words: phrases and reasons are called by their motive."""
    words = moment.reading.words
    phrases = tuple(_bare_phrase(phrase) for phrase in words.phrases)
    change: Change | None = moment.change and replace(
        moment.change, reasons=tuple(_bare_reason(reason) for reason in moment.change.reasons))
    return replace(moment, reading=replace(moment.reading, words=replace(words, phrases=phrases)), change=change)


def _bare_phrase(phrase: Phrase) -> Phrase:
    return replace(phrase, text=MOTIVES[phrase.motive]["zh"])


def _bare_reason(reason: Reason) -> Reason:
    return replace(reason, text=MOTIVES[reason.motive]) if reason.ear == "words" else reason


def text_of(record: Mapping[str, Any], language: Language) -> str:
    """A record as text for a ticket."""
    def line(name: str, value: object) -> str:
        return f"{WORDS[name][language]}: {value}"
    kind: Any = record["kind"]
    lines = [record["summary"][language], line("kind", KINDS[kind][language])]
    if record["because"]:
        lines.append(line("because", "; ".join(reason[language] for reason in record["because"])))
    if record["demanded"]:
        lines.append(line("demanded", ", ".join(record["demanded"])))
    lines += [line("waited", f"{record['waited']:.0f} s"), line("repeats", record["repeats"]),
              line("transfers", record["transfers"]), WORDS["timeline"][language] + ":"]
    lines += [f"  {step['seconds']:.1f} s  {step['before']} → {step['after']}  {step['why'][language]}"
              for step in record["timeline"]]
    return "\n".join([*lines, WORDS["note"][language]])
