"""The alert budget's table in emotion/ladder.toml: from calm calls through the whole chain, or agents' feedback."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.compose import TURN_SECONDS, written
from benchmarks.compose import calm as calm_voices
from benchmarks.datasets import texts
from emotion.alerts import LOUD, Alerter, Feedback, calibrate, read_feedback, upper_bound
from emotion.config import AlertsConfig, Config, WordsConfig
from emotion.engine import Engine
from emotion.ladder import Ladder
from emotion.types import RATE, Alert
from emotion.words.transcript import TranscriptReader

LEVELS = (*(round(0.5 + 0.02 * step, 2) for step in range(25)), 0.99)
LEAST = AlertsConfig(strictness=LEVELS[0])
"""As loose as alerts can be: what stricter ones would tell is a part of it."""
MOST = 99.0
"""Written where no bound can be given."""


def table(calls: Sequence[Feedback], source: str) -> Mapping[str, object]:
    """Upper bound of false alerts per hour at every strictness."""
    hours = sum(call.hours for call in calls)
    rates = [min(MOST, calibrate(calls, math.inf, [level]).rate) for level in LEVELS]
    return {"source": f"{source}; {len(calls)} calls, {hours:.1f} h", "strictness": list(LEVELS), "rate": rates}


def recalibrate(feedback: Path, budget: float, renew: Callable[[Mapping[str, object]], None]) -> int:
    """Renew the table from agents' feedback, and say what it means."""
    calls = read_feedback(json.loads(line) for line in feedback.read_text("utf-8").splitlines() if line)
    hours = sum(call.hours for call in calls)
    chosen = calibrate(calls, budget)
    if chosen.rate == math.inf:
        best = f"the best bound from so many hours is {upper_bound(0) / hours:.2f}" if hours else "it holds no calls"
        print(f"{hours:.1f} h of feedback cannot promise {budget:g} false alerts per hour ({best}); nothing changed")
        return 1
    renew(table(calls, f"agents' feedback ({feedback.name})"))
    print(f"strictness {chosen.strictness:.2f}: at most {chosen.rate:.2f} false alerts per hour (98 %), "
          f"from {hours:.1f} h of feedback")
    return 0


def calm(data: Path) -> list[Feedback]:
    """Calm material for the shipped table; every alert above hint level on it is wrong."""
    return [*_chats(data), *_voices(data)]


def _chats(data: Path) -> Iterator[Feedback]:
    """Every second calm chat, one caller turn in TURN_SECONDS, each held until the next."""
    reader, ladder, alerter = TranscriptReader(WordsConfig()), Ladder(), Alerter(LEAST)
    for turns in texts.calm_english(data)[::2]:
        sides = tuple(pair for text in turns for pair in (("agent", ""), ("caller", text)))
        state, told, alerts = ladder.start(), alerter.start("calm"), list[Alert]()
        readings = written(texts.Dialogue("", sides, None), "en", reader)  # type: ignore[arg-type]
        for reading in readings:
            standing, change = ladder.step([state], [reading], [None])[0]
            alerts += alerter.step([told], [reading], [standing], [change])[0]
            held = replace(standing, at=reading.at + round((TURN_SECONDS - 1) * RATE))
            alerts += alerter.step([told], [reading], [held], [None])[0]
        yield _wrong(len(readings) * TURN_SECONDS / 3600, alerts)


def _voices(data: Path) -> Iterator[Feedback]:
    """Calm clips of the training speakers over the telephone, through the whole engine."""
    engine = Engine(Config(alerts=LEAST))
    for made in calm_voices(data, split="train", seconds=60, seed=1):
        call = engine.open(made.name, language=made.language, sides=tuple(made.sides), buffer=len(made.sides["caller"]))
        call.push(made.sides)
        call.finish()
        alerts: list[Alert] = []
        while stepped := engine.step([call]):
            alerts += [alert for _, moment in stepped for alert in moment.alerts]
        yield _wrong(made.seconds / 3600, alerts)


def _wrong(hours: float, alerts: Sequence[Alert]) -> Feedback:
    return Feedback(hours, tuple((alert.rung, alert.score, "wrong") for alert in alerts
                                 if alert.kind == "raise" and alert.rung >= LOUD))
