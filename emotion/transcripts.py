"""Transcript files: what a recogniser heard, or the script of a sample call, as utterances on the sample clock.

JSON (a list) or JSON lines of {"channel": "caller", "start": 1.2, "end": 3.4, "text": "...", "final": true}, seconds
from the start of the call; or TOML with one [[turn]] of side, start, end and text each (the scripts in api/samples).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emotion.types import RATE, Span, Utterance


class TranscriptError(ValueError):
    """A transcript that cannot be read; the message names the place and what would be right."""


def read_transcript(path: str | Path) -> list[Utterance]:
    """The utterances of a file in order of their end; TranscriptError names the entry that is wrong."""
    path = Path(path)
    if not path.is_file():
        raise TranscriptError(f"{path}: there is no such file")
    try:
        entries = _entries(path)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise TranscriptError(f"{path}: {fault}; give JSON, JSON lines or TOML in UTF-8") from fault
    if not isinstance(entries, list):
        raise TranscriptError(f"{path}: holds {type(entries).__name__}; give a list of utterances")
    return sorted((utterance(entry, f"{path}, entry {n}") for n, entry in enumerate(entries, 1)),
                  key=lambda one: one.span.end)


def _entries(path: Path) -> Any:
    text = path.read_text("utf-8")
    if path.suffix == ".toml":
        return tomllib.loads(text).get("turn", [])
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def utterance(entry: Any, where: str = "transcript") -> Utterance:
    """One entry as an Utterance; TranscriptError for a missing field, a wrong side or times that run backwards."""
    if not isinstance(entry, Mapping):
        raise TranscriptError(f"{where}: {entry!r} is not an object with channel, start, end and text")
    side = entry.get("channel", entry.get("side"))
    if side not in {"caller", "agent"}:
        raise TranscriptError(f"{where}: channel {side!r}; say 'caller' or 'agent'")
    start, end, text = _seconds(entry.get("start")), _seconds(entry.get("end")), entry.get("text")
    if start is None or end is None or not 0 <= start <= end < 1e6:
        raise TranscriptError(f"{where}: start {entry.get('start')!r}, end {entry.get('end')!r}; "
                              "give seconds with 0 <= start <= end")
    if not isinstance(text, str):
        raise TranscriptError(f"{where}: text {text!r}; give a string")
    return Utterance(side, Span(round(start * RATE), round(end * RATE)), text, bool(entry.get("final", True)))


def _seconds(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
