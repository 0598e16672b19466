"""What a call looks like from outside while it lives: its card, its traces, its summary; and what may be kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from api.protocols.events import Started
from api.store.calls import iso
from emotion.report import plain
from emotion.types import HOP, RATE, Alert, Change, Deviation, Language, Moment, Motive, Phrase

HOP_S = HOP / RATE
MOTIVES: Mapping[Motive, Mapping[Language, str]] = {
    "waiting": {"zh": "等待", "en": "waiting"}, "repetition": {"zh": "重复", "en": "repetition"},
    "urging": {"zh": "催促", "en": "urging"}, "judgement": {"zh": "负面评价", "en": "judgement"},
    "demand": {"zh": "要求", "en": "demand"}, "accusation": {"zh": "指责", "en": "accusation"},
    "complaint": {"zh": "投诉", "en": "complaint"}, "threat": {"zh": "威胁", "en": "threat"},
    "abuse": {"zh": "辱骂", "en": "abuse"}, "calming": {"zh": "缓和", "en": "calming"},
    "displeasure": {"zh": "不满", "en": "displeasure"},
}
"""What a reason in words is called when what was said is not kept."""


@dataclass(slots=True)
class Summary:
    """Running facts of one call, fed with every moment."""

    seconds: float = 0.0
    rung: int | None = None
    peak: int | None = None
    confidence: float | None = None
    forecast: float | None = None
    changes: int = 0
    alerts: int = 0
    by_rung: list[float] = field(default_factory=lambda: [0.0] * 7)
    dropped_s: float = 0.0
    gap_s: float = 0.0
    waited_s: float | None = None
    words: str | None = None
    degraded: dict[str, float] = field(default_factory=dict)
    now_degraded: tuple[str, ...] = ()
    last_reason: Mapping[Language, str] | None = None
    last_motive: Mapping[Language, str] | None = None
    """The same without anybody's words, as it may be stored."""
    _recent: deque[int | None] = field(default_factory=lambda: deque(maxlen=21))

    def add(self, moment: Moment) -> None:
        """One more hop."""
        reading, standing = moment.reading, moment.standing
        self.seconds = reading.at / RATE
        self.waited_s = reading.talk.waited
        self.words = reading.words.by or self.words
        self.now_degraded = reading.degraded
        for mark in reading.degraded:
            self.degraded[mark] = self.degraded.get(mark, 0.0) + HOP_S
        if standing is not None:
            self.rung, self.confidence, self.forecast = standing.rung, standing.confidence, standing.forecast
            self.peak = standing.rung if self.peak is None else max(self.peak, standing.rung)
            self.by_rung[standing.rung] += HOP_S
        self._recent.append(self.rung)
        self.alerts += len(moment.alerts)
        if moment.change is not None:
            self.changes += 1
            if moment.change.reasons:
                first = moment.change.reasons[0]
                self.last_reason = first.text
                self.last_motive = MOTIVES[first.motive] if first.ear == "words" else first.text

    @property
    def before(self) -> int | None:
        """The rung 10 s ago."""
        return self._recent[0] if self._recent else None

    def document(self, heard_s: float, paused_s: float) -> dict[str, Any]:
        """The `summary` of docs/api.md; `heard_s` is what came, without the silence that fills the last hop."""
        return {"seconds": round(min(self.seconds, heard_s), 2), "peak": self.peak, "last": self.rung,
                "changes": self.changes, "alerts": self.alerts, "by_rung": self.by_rung,
                "dropped_s": round(self.dropped_s, 3), "gap_s": round(self.gap_s, 3), "paused_s": round(paused_s, 2),
                "waited_s": None if self.waited_s is None else round(self.waited_s, 2),
                "degraded": sorted(self.degraded)}


class Known(Protocol):
    """What a card tells of: a live session or a recording."""

    @property
    def id(self) -> str: ...
    @property
    def started(self) -> Started: ...
    @property
    def summary(self) -> Summary: ...
    @property
    def began(self) -> float: ...
    @property
    def door(self) -> str: ...
    @property
    def taken_by(self) -> str | None: ...
    @property
    def over(self) -> bool: ...


def call_card(call: Known, state: str, language: str, open_alerts: int) -> dict[str, Any]:
    """The call card of docs/api.md."""
    facts, started = call.summary, call.started
    return {"call": call.id, "agent": started.agent_id, "team": started.team, "language": language, "state": state,
            "started": iso(call.began), "ended": iso(time.time()) if call.over else None,
            "seconds": round(facts.seconds, 2), "rung": facts.rung, "before": facts.before, "peak": facts.peak,
            "confidence": plain(facts.confidence), "forecast": plain(facts.forecast),
            "last_reason": plain(facts.last_reason), "alerts": facts.alerts, "open_alerts": open_alerts,
            "taken_by": call.taken_by, "degraded": list(facts.now_degraded), "consent": started.consent,
            "door": call.door, "words": facts.words}


def trace(moment: Moment, keep_text: bool) -> dict[str, Any]:
    """One reading as a flat row for the timeline."""
    reading, shift, standing = moment.reading, moment.shift, moment.standing
    voice = reading.voice
    pitch, rate, loudness = (voice.pitch, voice.rate, voice.loudness) if voice else (None, None, None)
    row = {
        "at": reading.at / RATE, "rung": standing and standing.rung, "confidence": standing and standing.confidence,
        "forecast": standing and standing.forecast, "heat": shift and shift.heat,
        "speech": voice and voice.speech, "agent_speech": reading.talk.agent,
        "pitch": pitch and pitch.median, "pitch_z": shift and _z(shift.pitch),
        "rate": rate and rate.syllables, "rate_z": shift and _z(shift.rate),
        "loudness": loudness and loudness.level, "loudness_z": shift and _z(shift.loudness),
        "phrases": [_phrase(phrase, keep_text) for phrase in reading.words.phrases], "degraded": list(reading.degraded),
    }
    return {name: plain(value) for name, value in row.items()}


def _z(deviation: Deviation | None) -> float | None:
    return deviation.z if deviation else None


def _phrase(phrase: Phrase, keep_text: bool) -> dict[str, Any]:
    return {"text": phrase.text if keep_text else phrase.key, "span": plain(phrase.span), "rung": phrase.rung}


def kept(value: Change | Alert, keep_text: bool) -> dict[str, Any]:
    """A change or alert as it may be stored: without the words unless storing text is switched on."""
    document: dict[str, Any] = plain(value)
    if not keep_text:
        for reason in document["reasons"]:
            if reason["ear"] == "words":
                reason["text"] = MOTIVES[reason["motive"]]
                reason["key"] = reason["motive"]
    return document
