"""Calls written down as scripts: what is heard when, run through ladder and alerts. No audio, no data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emotion.alerts import Alerter
from emotion.config import AlertsConfig, LadderConfig
from emotion.ladder import Ladder
from emotion.types import (
    HOP,
    RATE,
    Alert,
    Change,
    Deviation,
    Heard,
    Language,
    Moment,
    Mood,
    Motive,
    Phrase,
    Reading,
    Repeat,
    Shift,
    Span,
    Talk,
    Turn,
    Voice,
)

SURE = AlertsConfig(strictness=0.6)
CALMING = {"谢谢": "thanks", "thank": "thanks", "解决了": "is-solved", "solved": "is-solved", "好的": "all-right",
           "okay": "all-right", "不投诉了": "complaint-withdrawn"}
"""Words of the scripts that calm -> their key in the lexicon."""


@dataclass
class Script:
    """A call of `seconds`; events say what is heard in the hop that holds their time."""

    name: str
    language: Language
    seconds: float
    phrases: Sequence[tuple[float, str, int, Motive]] = ()
    """(second, text, rung, motive)."""
    turns: Sequence[tuple[float, str, Sequence[float], float]] = ()
    """(second, text, evidence, calming)."""
    heat: Sequence[tuple[float, float, float]] = ()
    """(from, to, z): the caller speaks and stands so far from his normal."""
    anger: Sequence[tuple[float, float, float]] = ()
    waits: Sequence[tuple[float, float]] = ()
    repeats: Sequence[tuple[float, str]] = ()
    transfers: Sequence[float] = ()
    interrupts: Sequence[float] = ()
    by: str | None = "transcript"
    degraded: tuple[str, ...] = ()

    def hops(self) -> Iterable[tuple[Reading, Shift | None]]:
        for number in range(1, round(self.seconds * 2) + 1):
            yield self._hop(Span((number - 1) * HOP, number * HOP))

    def _hop(self, span: Span) -> tuple[Reading, Shift | None]:
        start, end = span.seconds

        def here(second: float) -> bool:
            return start <= second < end

        phrases = tuple(Phrase(CALMING.get(text, text), text, rung, motive, _said(at, text), 0.97)
                        for at, text, rung, motive in self.phrases if here(at))
        calm = tuple(Phrase(key, word, 0, "calming", _said(at, text), 0.9) for at, text, _, calming in self.turns
                     if here(at) and calming > 0.5 for word, key in CALMING.items() if word in text.lower())
        turn = next((Turn(_said(at, text), text, tuple(evidence), calming, (text,))
                     for at, text, evidence, calming in self.turns if here(at)), None)
        repeat = next((Repeat(_said(at, text), Span(0, HOP), 0.9, text) for at, text in self.repeats if here(at)), None)
        heat = next((z for low, high, z in self.heat if low <= start < high), None)
        anger = next((p for low, high, p in self.anger if low <= start < high), None)
        waited = sum(min(end, high) - low for low, high in self.waits if low < end)
        waiting = next((end - low for low, high in self.waits if low < end <= high), 0.0)
        speaks = 0.4 if heat is not None or anger is not None or phrases or turn else 0.0
        talk = Talk(speaks, 0.0, 0.0, waiting, 0.0, waited, sum(at < end for at in self.interrupts), 0, None,
                    sum(at < end for at in self.transfers), None)
        mood = None if anger is None else Mood(0.5 + anger / 2, anger, 0.02, 0.03, 0.02, 0.93 - anger)
        heard = Heard(self.by, phrases + calm, turn, repeat) if self.by else Heard(None)
        reading = Reading(span.end, span, Voice(speaks * 2, None, None, None, None), mood, heard, talk, self.degraded)
        return reading, shift(heat) if heat is not None else None


def shift(z: float) -> Shift:
    """A caller `z` robust standard deviations off his normal, most of it in rate and pitch."""
    return Shift(Deviation(z, 1.2 * z), None, Deviation(1.2 * z, 12 * z), Deviation(0.8 * z, 2 * z), None, None,
                 Deviation(z, 0.1 * z), z, 0.8)


def run(script: Script, alerts: AlertsConfig = SURE, ladder: LadderConfig | None = None) -> list[Moment]:
    """The script through the ladder and the alerts; the offer of care, if any, is in the last moment."""
    the_ladder, alerter = Ladder(ladder), Alerter(alerts)
    state, told = the_ladder.start(), alerter.start(script.name)
    moments = []
    for reading, far in script.hops():
        standing, change = the_ladder.step([state], [reading], [far])[0]
        sent = alerter.step([told], [reading], [standing], [change])[0]
        moments.append(Moment(reading, far, standing, change, sent))
    care = alerter.close([told], [moments[-1].reading.at])[0]
    last = moments[-1]
    return [*moments[:-1], Moment(last.reading, last.shift, last.standing, last.change, last.alerts + care)]


def changes(moments: Iterable[Moment]) -> list[Change]:
    return [moment.change for moment in moments if moment.change is not None]


def alerts(moments: Iterable[Moment]) -> list[Alert]:
    return [alert for moment in moments for alert in moment.alerts]


def as_json(moments: Sequence[Moment], language: Language) -> dict[str, Any]:
    """What a golden file holds: every change and alert, reasons and cards in the call's language."""
    last = moments[-1].standing
    assert last is not None
    return {
        "changes": [{"at": change.at / RATE, "before": change.before, "after": change.after,
                     "confidence": round(change.confidence, 2), "reasons": _reasons(change.reasons, language)}
                    for change in changes(moments)],
        "alerts": [{"id": alert.id, "at": alert.at / RATE, "kind": alert.kind, "rung": alert.rung,
                    "audience": alert.audience, "motive": alert.motive, "score": round(alert.score, 2),
                    "title": alert.guidance[language].title, "mood": alert.guidance[language].mood[0]}
                   for alert in alerts(moments)],
        "end": {"rung": last.rung, "posterior": [round(p, 3) for p in last.posterior],
                "forecast": round(last.forecast, 2)},
    }


def _reasons(reasons: Sequence[Any], language: Language) -> list[Mapping[str, Any]]:
    return [{"ear": reason.ear, "motive": reason.motive, "weight": round(reason.weight, 2),
             "text": reason.text[language]} for reason in reasons]


def _said(at: float, text: str) -> Span:
    return Span(round(at * RATE), round((at + 0.12 * len(text)) * RATE))
