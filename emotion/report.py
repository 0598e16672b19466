"""The offline result: a call's timeline in words, as JSON, as a table and as a picture.

    report = emotion.analyze("call.wav", language="zh")
    print(report.describe("zh")); report.plot("call.png"); report.to_pandas()
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion.audio.files import LONGEST_H, Recording, open_recording
from emotion.config import Config
from emotion.engine import Engine
from emotion.types import RATE, RUNGS, Alert, Change, Language, Moment, Side, Span, Utterance

if TYPE_CHECKING:
    import pandas as pd

NOTE: Mapping[Language, str] = {
    "zh": "对所表达情绪的估计，不是对内心感受的判断。",
    "en": "An estimate of expressed emotion, not of what anybody feels inside.",
}
_OFFLINE_BUFFER = 60 * RATE


def plain(value: Any) -> Any:
    """Any value of emotion.types as JSON: spans become [start, end] and `at` becomes seconds; None stays null."""
    if isinstance(value, Span):
        return [round(second, 3) for second in value.seconds]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _field(field.name, getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, float | np.floating):
        return round(float(value), 4) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def _field(name: str, value: Any) -> Any:
    return round(value / RATE, 3) if name == "at" else plain(value)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found in one recording."""

    source: str
    language: str
    seconds: float
    notes: tuple[str, ...]
    moments: tuple[Moment, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(moment.change for moment in self.moments if moment.change)

    @property
    def alerts(self) -> tuple[Alert, ...]:
        return tuple(alert for moment in self.moments for alert in moment.alerts)

    @property
    def rungs(self) -> list[int | None]:
        """The rung after each hop of 0.5 s."""
        return [moment.standing.rung if moment.standing else None for moment in self.moments]

    @property
    def peak(self) -> int | None:
        return max((rung for rung in self.rungs if rung is not None), default=None)

    def to_json(self, path: str | Path | None = None) -> str:
        """The whole report as a JSON text; also written to `path` when one is given."""
        document = {"source": self.source, "language": self.language, "seconds": round(self.seconds, 3),
                    "note": NOTE, "notes": list(self.notes), "peak": self.peak,
                    "moments": [plain(moment) for moment in self.moments]}
        text = json.dumps(document, ensure_ascii=False, indent=1)
        if path is not None:
            Path(path).write_text(text + "\n", "utf-8")
        return text

    def to_pandas(self) -> pd.DataFrame:
        """One row a hop; columns are the flat numbers of the reading, the shift and the standing."""
        import pandas as pd

        return pd.DataFrame([_row(moment) for moment in self.moments]).set_index("at")

    def to_table(self, path: str | Path) -> None:
        """Write `to_pandas` as CSV, or as Parquet (extra `archive`) when the path ends in .parquet."""
        if Path(path).suffix == ".parquet":
            self.to_pandas().to_parquet(path)
        else:
            self.to_pandas().to_csv(path)

    def plot(self, path: str | Path) -> None:
        """Rung, pitch, rate, loudness, speech of both sides and phrases on one time axis, as PNG, SVG or PDF."""
        from emotion.picture import draw

        draw(self, path)

    def describe(self, language: Language = "en") -> str:
        """The timeline in words: each change with its reasons, each alert with what to say."""
        return "\n".join(_story(self, language))


def analyze(path: str | Path, *, language: Language | None = None, transcript: Sequence[Utterance] = (),
            caller: int = 0, mono: Side | None = None, engine: Engine | None = None, config: Config | None = None,
            progress: Callable[[float, float], None] | None = None, longest_h: float = LONGEST_H) -> Report:
    """Analyse one recording with the same engine that follows live calls.

    transcript: what the client's own recogniser heard, if anything. caller: which of two channels is the caller's.
    progress: called with (seconds done, seconds in all). Raises AudioError for a file that cannot be taken.
    """
    engine = engine or Engine(config)
    recording = open_recording(path, caller=caller, mono=mono or engine.config.mono, longest_h=longest_h)
    spoken = language or "auto"
    moments = tuple(_follow(engine, recording, spoken, transcript, progress))
    return Report(str(path), spoken, recording.seconds, recording.notes, moments)


def _follow(engine: Engine, recording: Recording, language: Any, transcript: Sequence[Utterance],
            progress: Callable[[float, float], None] | None) -> Iterator[Moment]:
    call = engine.open(recording.path.stem, language=language, sides=recording.sides, rate=recording.rate,
                       buffer=_OFFLINE_BUFFER)
    script = sorted(transcript, key=lambda utterance: utterance.span.end)
    fed, said = 0, 0
    for block in recording.blocks():
        fed += len(next(iter(block.values())))
        while said < len(script) and script[said].span.end <= fed * RATE / recording.rate:
            call.hear(script[said])
            said += 1
        call.push(block)
        while call.ready:
            yield from (moment for _, moment in engine.step([call]))
        if progress:
            progress(fed / recording.rate, recording.seconds)
    for utterance in script[said:]:
        call.hear(utterance)
    call.finish()
    while call.ready:
        yield from (moment for _, moment in engine.step([call]))


# ── the timeline in words ───────────────────────────────────────────────────────────────────────

_WORDS: Mapping[str, Mapping[Language, str]] = {
    "stands": {"zh": "来电人处于", "en": "caller stands at"},
    "say": {"zh": "先处理心情", "en": "mood first"},
    "matter": {"zh": "再处理事情", "en": "then the matter"},
    "avoid": {"zh": "现在不要", "en": "not now"},
    "peak": {"zh": "最高", "en": "peak"},
    "none": {"zh": "没有可以判断的来电人语音。", "en": "No speech of the caller that could be judged."},
    "alert": {"zh": "提示", "en": "alert"},
}
_AUDIENCES: Mapping[str, Mapping[Language, str]] = {
    "hint": {"zh": "座席·轻提示", "en": "agent, hint"},
    "agent": {"zh": "座席", "en": "agent"},
    "supervisor": {"zh": "班长", "en": "supervisor"},
}


def _story(report: Report, language: Language) -> Iterator[str]:
    yield f"{report.source}  {report.seconds:.1f} s"
    yield from (f"  ({note})" for note in report.notes)
    if report.peak is None:
        yield _WORDS["none"][language]
    for moment in report.moments:
        if moment.change:
            yield from _told_change(moment.change, language)
        for alert in moment.alerts:
            yield from _told_alert(alert, language)
    if report.peak is not None:
        yield f"{_WORDS['peak'][language]}: {report.peak} {RUNGS[report.peak][language]}"
    yield NOTE[language]


def _told_change(change: Change, language: Language) -> Iterator[str]:
    arrow = "↑" if change.after > change.before else "↓"
    yield (f"{change.at / RATE:7.1f} s {arrow} {_WORDS['stands'][language]} {change.after} "
           f"{RUNGS[change.after][language]} ({change.confidence:.0%})")
    for reason in change.reasons:
        yield f"              · {reason.text[language]}"


def _told_alert(alert: Alert, language: Language) -> Iterator[str]:
    card = alert.guidance[language]
    whom = _AUDIENCES[alert.audience][language]
    yield f"{alert.at / RATE:7.1f} s ! {_WORDS['alert'][language]} [{whom}] {card.title}"
    yield f"              {_WORDS['say'][language]}: {card.mood[0]}"
    yield f"              {_WORDS['matter'][language]}: {card.matter}"
    yield f"              {_WORDS['avoid'][language]}: {card.avoid}"


def _row(moment: Moment) -> dict[str, Any]:
    """One hop as flat columns: `pitch.median`, `shift.rate.z`, ... ; unknown stays None."""
    row: dict[str, Any] = {"at": moment.reading.at / RATE}
    for name, value in (("voice", moment.reading.voice), ("mood", moment.reading.mood),
                        ("talk", moment.reading.talk), ("shift", moment.shift), ("standing", moment.standing)):
        row |= _flat(name, value)
    row["phrases"] = " ".join(phrase.text for phrase in moment.reading.words.phrases)
    row["words_by"] = moment.reading.words.by
    return row


def _flat(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    flat: dict[str, Any] = {}
    for field in fields(value):
        inner = getattr(value, field.name)
        if is_dataclass(inner):
            flat |= _flat(f"{name}.{field.name}", inner)
        elif field.name != "at":
            flat[f"{name}.{field.name}"] = inner
    return flat
