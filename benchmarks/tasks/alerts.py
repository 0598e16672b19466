"""What agents are told: false alerts on calm material, the budget on calls it was not fitted on, speed and cost.

Conditions: `calm/multidogo_en` (transcripts of calm dialogues, one turn every 20 s), `calm/acted` (neutral and calm
clips, minutes a speaker, telephone), `calm/calls_en` (two real service calls); `calm` all of them together;
`composed/tts_zh`, `composed/tts_en` (synthetic sentences with an explicit complaint: recall above hint level and the
time from the end of the sentence). Rates count alerts above hint level; their intervals are exact Poisson ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile as sf

from benchmarks.compose import TURN_SECONDS, Composed, calm, spoken, written
from benchmarks.datasets import speech, texts
from benchmarks.replay import listen
from benchmarks.task import SYSTEM, Options, Row
from emotion.alerts import LOUD, Alerter, Feedback, calibrate, upper_bound
from emotion.config import AlertsConfig, WordsConfig
from emotion.engine import Engine
from emotion.ladder import Ladder
from emotion.types import RATE, Alert, Moment, Reading, Shift
from emotion.words.transcript import TranscriptReader

SUMMARY = "alerts: false ones per hour, the budget's promise, time from hit to alert, cost of ladder and alerts"
EXPLICIT = {"zh": {"我要投诉": 5, "12315": 6, "起诉": 6, "律师函": 6, "曝光": 6, "工信部": 6},
            "en": {"file a complaint": 5, "make a complaint": 5, "my lawyer": 6, "sue you": 6, "ombudsman": 6}}
BUDGETS = (0.5, 1.0, 2.0)
DRAWS = 200
LEAST = AlertsConfig(strictness=0.5)
"""As loose as alerts can be: what stricter ones would have told is a part of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """One call of calm material: its length, and what was told."""

    hours: float
    alerts: tuple[Alert, ...]

    @property
    def loud(self) -> list[Alert]:
        """One entry a rung that was raised above hint level, not one an audience."""
        return [alert for alert in self.alerts if alert.kind == "warn" or (
            alert.kind == "raise" and alert.rung >= LOUD and alert.audience == "agent")]


def validate(data: Path) -> list[str]:
    return texts.missing(data, "multidogo_en_calm.jsonl") + speech.validate(data)


def evaluate(options: Options) -> Iterator[Row]:
    engine = Engine()
    every: list[Told] = []
    loosest: list[Told] = []
    for condition, calls in (("calm/multidogo_en", list(_chats(options))),
                             ("calm/acted", list(_voices(options, engine))),
                             ("calm/calls_en", list(_real(options.data, engine)))):
        told = [_tell(call, AlertsConfig()) for call in calls]
        every += told
        loosest += [_tell(call, LEAST) for call in calls]
        yield from _rates(condition, told)
    yield from _rates("calm", every)
    yield from _budget(loosest, options.seed)
    for language, phrases in EXPLICIT.items():
        made = spoken(options.data, language, phrases, count=4 if options.quick else 24)  # type: ignore[arg-type]
        yield from _explicit(f"composed/tts_{language}", list(listen(engine, made)))
    yield from _speed()


# ── calm material ───────────────────────────────────────────────────────────────────────────────

Pairs = Sequence[tuple[Reading, Shift | None]]


def _chats(options: Options) -> Iterator[Pairs]:
    reader = TranscriptReader(WordsConfig())
    for turns in texts.calm_english(options.data)[:60 if options.quick else None]:
        sides = tuple(pair for text in turns for pair in (("agent", ""), ("caller", text)))
        dialogue = texts.Dialogue("", sides, None)  # type: ignore[arg-type]
        yield [(reading, None) for reading in written(dialogue, "en", reader)]


def _voices(options: Options, engine: Engine) -> Iterator[Pairs]:
    for line in ("telephone",) if options.quick else ("telephone", "pink10"):
        made = calm(options.data, line, seconds=40 if options.quick else 240)
        for _, moments in listen(engine, made):
            yield [(moment.reading, moment.shift) for moment in moments]


def _real(data: Path, engine: Engine) -> Iterator[Pairs]:
    """Real 8 kHz service calls, each channel file as the caller's."""
    folder = data / "words" / "calls_en"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in (".wav", ".flac", ".ogg", ".opus", ".mp3"):
            samples, _ = sf.read(path, dtype="float32", always_2d=True)
            audio, _ = speech.read(path, RATE)
            if samples.size:
                call = Composed(path.stem, "en", "", {"caller": audio})
                for _, moments in listen(engine, [call]):
                    yield [(moment.reading, moment.shift) for moment in moments]


def _tell(pairs: Pairs, config: AlertsConfig) -> Told:
    """Ladder and alerts over one call. Where only turns are there, each is held until the next."""
    ladder, alerter = Ladder(), Alerter(config)
    state, told = ladder.start(), alerter.start("calm")
    alerts: list[Alert] = []
    for number, (reading, shift) in enumerate(pairs):
        standing, change = ladder.step([state], [reading], [shift])[0]
        alerts += alerter.step([told], [reading], [standing], [change])[0]
        end = pairs[number + 1][0].at if number + 1 < len(pairs) else reading.at + RATE
        if end - reading.at > 2 * RATE:
            later = replace(standing, at=end - RATE // 2)
            alerts += alerter.step([told], [reading], [later], [None])[0]
    seconds = (pairs[-1][0].at / RATE + TURN_SECONDS / 2) if pairs else 0.0
    return Told(seconds / 3600, tuple(alerts))


def _rates(condition: str, told: Sequence[Told]) -> Iterator[Row]:
    hours = sum(call.hours for call in told)
    if not hours:
        return
    loud = sum(len(call.loud) for call in told)
    hints = sum(alert.audience == "hint" for call in told for alert in call.alerts)
    low = 0.0 if loud == 0 else _poisson_low(loud) / hours
    yield Row("alerts", SYSTEM, condition, "false_alarms_per_hour", loud / hours, low,
              upper_bound(loud, 0.025) / hours, len(told))
    yield Row("alerts", SYSTEM, condition, "hints_per_hour", hints / hours, n=len(told))
    yield Row("alerts", SYSTEM, condition, "hours", hours, n=len(told))


def _poisson_low(count: int) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(0.025, 2 * count) / 2)


def _budget(told: Sequence[Told], seed: int) -> Iterator[Row]:
    """Fitted on a random half of the calls, measured on the other half, many times."""
    feedback = [Feedback(call.hours, tuple((alert.rung, alert.score, "wrong") for alert in call.loud
                                           if alert.kind == "raise")) for call in told]
    rng = np.random.default_rng(seed)
    for budget in BUDGETS:
        kept, rates = 0, []
        for _ in range(DRAWS):
            order = rng.permutation(len(feedback))
            half = len(order) // 2
            chosen = calibrate([feedback[k] for k in order[:half]], budget)
            other = [feedback[k] for k in order[half:]]
            false = sum(any(score >= (chosen.strictness if rung < 5 else 0) for rung, score, _ in call.judged)
                        for call in other)
            rates.append(false / sum(call.hours for call in other))
            kept += rates[-1] <= budget
        yield Row("alerts", SYSTEM, f"calm/budget{budget:g}", "within_budget", kept / DRAWS, n=DRAWS)
        yield Row("alerts", SYSTEM, f"calm/budget{budget:g}", "false_alarms_per_hour", float(np.mean(rates)),
                  float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5)), DRAWS)


# ── what must be told, and how fast ─────────────────────────────────────────────────────────────

def _explicit(condition: str, seen: Sequence[tuple[Composed, list[Moment]]]) -> Iterator[Row]:
    delays: list[float | None] = []
    for made, moments in seen:
        end = made.said[0][0]
        delays.append(next((alert.at / RATE - end for moment in moments for alert in moment.alerts
                            if alert.kind == "raise" and alert.rung >= LOUD and alert.at / RATE >= end - 4), None))
    found = [delay for delay in delays if delay is not None]
    if not delays:
        return
    yield Row("alerts", SYSTEM, condition, "recall", len(found) / len(delays), n=len(delays))
    if found:
        yield Row("alerts", SYSTEM, condition, "detect_s_median", float(np.median(found)), n=len(found))


def _speed() -> Iterator[Row]:
    """From the hit in a reading to the alert: the same hop, so the delay is what ladder and alerts compute."""
    from emotion.types import Deviation, Heard, Mood, Phrase, Span, Talk, Voice

    ladder, alerter = Ladder(), Alerter(AlertsConfig())
    deviation = Deviation(0.4, 0.4)
    shift = Shift(deviation, deviation, deviation, deviation, deviation, deviation, deviation, 0.4, 0.7)
    talk = Talk(0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0.5, 0, None)

    def reading(number: int, *phrases: Phrase) -> Reading:
        span = Span((number - 1) * RATE // 2, number * RATE // 2)
        return Reading(span.end, span, Voice(0.8, None, None, None, None), Mood(0.4, 0.1, 0.1, 0.1, 0.1, 0.6),
                       Heard("bundled", phrases), talk)

    calls, hops = 32, 240
    states = [ladder.start() for _ in range(calls)]
    told = [alerter.start(str(number)) for number in range(calls)]
    began = time.process_time()
    for number in range(1, hops + 1):
        readings = [reading(number)] * calls
        pairs = ladder.step(states, readings, [shift] * calls)
        alerter.step(told, readings, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    spent = time.process_time() - began
    yield Row("alerts", SYSTEM, "calm", "cpu_ms_per_call_s", 1000 * spent / (calls * hops / 2), n=calls * hops)
    delays = []
    for number in range(200):
        hit = reading(9, Phrase("complain", "我要投诉", 5, "complaint", Span(0, 1), 0.95))
        state, fresh = ladder.start(), alerter.start(f"hit{number}")
        before = time.perf_counter()
        standing, change = ladder.step([state], [hit], [shift])[0]
        sent = alerter.step([fresh], [hit], [standing], [change])[0]
        delays.append(1000 * (time.perf_counter() - before))
        if not sent:
            raise AssertionError("an explicit complaint raised no alert in its hop")
    for name, share in (("latency_p50_ms", 50), ("latency_p99_ms", 99)):
        yield Row("alerts", SYSTEM, "explicit", name, float(np.percentile(delays, share)), n=len(delays))
