"""The native protocol of `/v1/stream` (docs/api.md): JSON texts and binary audio in, JSON texts out; pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, cast

from api.protocols.events import (
    ENCODINGS,
    WIDTH,
    Accepted,
    Audio,
    Data,
    Dtmf,
    Ended,
    Failed,
    Fault,
    Gap,
    Held,
    Incoming,
    Mark,
    Outgoing,
    Paused,
    Resumed,
    Started,
    Stopped,
    Told,
    Transcript,
    Transferred,
    Warned,
)
from emotion.report import plain
from emotion.types import Alert, Change, Moment, Side

MAX_AUDIO = 1 << 20
MAX_TEXT = 1 << 16
IDENTIFIER = re.compile(r"[A-Za-z0-9._:@+-]{1,128}")
SIDES = ("caller", "agent")
CHANNELS = (("caller",), ("agent",), ("caller", "agent"), ("agent", "caller"))


class MessageError(Exception):
    """A message is not as it should be; becomes a Fault."""

    def __init__(self, message: str, remedy: str, code: str = "bad-message") -> None:
        super().__init__(message)
        self.fault = Fault(code, message, remedy, fatal=code not in {"bad-message", "not-json", "sequence"})


class NativeMachine:
    """One peer on `/v1/stream`. `query` carries the fields of `start` for senders that have none (FreeSWITCH)."""

    name = "native"

    def __init__(self, query: Mapping[str, str] | None = None) -> None:
        self._query = dict(query) if query else None
        self._format: Started | None = None
        self._count = 0

    def receive(self, data: Data) -> list[Incoming]:
        """Events of one WebSocket message. Never raises; bad input is a `Fault`."""
        self._count += 1
        try:
            before: list[Incoming] = []
            if self._query is not None:
                query, self._query = self._query, None
                self._format = started(from_query(query, data))
                before = [self._format]
                if isinstance(data, str):
                    return before
            return before + (self._binary(data) if isinstance(data, bytes) else self._text(data))
        except MessageError as bad:
            return [bad.fault]

    def resumed_at(self, messages: int) -> None:
        """The session says how many messages of the call had come before this socket; numbering goes on from there."""
        self._count = messages

    def gone(self) -> list[Incoming]:
        """A closed socket leaves the call waiting for a resume."""
        return []

    def _binary(self, data: bytes) -> list[Incoming]:
        if self._format is None:
            raise MessageError("audio came before 'start'", "send the JSON text 'start' first", "no-start")
        if len(data) > MAX_AUDIO:
            raise MessageError(f"an audio message of {len(data)} bytes", f"send at most {MAX_AUDIO}", "too-large")
        frame = WIDTH[self._format.encoding] * len(self._format.channels)
        rest = len(data) % frame
        if not rest:
            return [Audio(data)] if data else []
        whole: list[Incoming] = [Audio(data[:-rest])] if len(data) > rest else []
        return [*whole, Fault("odd-frame", f"{len(data)} bytes are no whole number of {frame}-byte sample frames; "
                              f"the last {rest} were dropped", "cut the audio between sample frames")]

    def _text(self, text: str) -> list[Incoming]:
        message = parse(text)
        kind = message.get("type")
        if self._format is None:
            if kind != "start":
                raise MessageError(f"{kind!r} came before 'start'", "send the JSON text 'start' first", "no-start")
            self._format = started(message)
            return [self._format]
        if kind == "start":
            return [Fault("second-start", "'start' came twice", "one call a socket: open another for another call")]
        faults: list[Incoming] = []
        if "seq" in message and message["seq"] != self._count:
            faults = [Fault("sequence", f"message {self._count} calls itself {message['seq']!r}",
                            "number the messages of the call 1, 2, 3 …; tell of lost audio with 'gap'")]
            if isinstance(message["seq"], int) and 0 < message["seq"] < 1 << 53:
                self._count = message["seq"]
        return [*faults, _event(kind, message)]

    def send(self, event: Outgoing) -> list[Data]:
        """The JSON text of an event."""
        return [json.dumps(written(event), ensure_ascii=False, separators=(",", ":"))]


def parse(text: str) -> dict[str, Any]:
    """A JSON object of bounded size without NaN; MessageError otherwise."""
    if len(text) > MAX_TEXT:
        raise MessageError(f"a text of {len(text)} characters", f"send at most {MAX_TEXT}", "too-large")
    try:
        message = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MessageError("a text that is not JSON", "texts are JSON, audio goes as binary", "not-json") from None
    if not isinstance(message, dict):
        raise MessageError("JSON that is not an object", "send an object with a 'type'", "not-json")
    if "\\u" in text and not keepable(message):
        raise MessageError("half a character (a lone surrogate) or a zero character", "send whole Unicode", "not-json")
    return message


def keepable(value: Any) -> bool:
    """Whether every text in a JSON value is whole Unicode without zero characters, as databases want it."""
    try:
        return b"\\u0000" not in json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False


def _no_constant(name: str) -> float:
    raise ValueError(name)


def _event(kind: object, message: Mapping[str, Any]) -> Incoming:
    match kind:
        case "transcript":
            return _transcript(message)
        case "pause":
            return Paused()
        case "resume":
            return Resumed()
        case "hold":
            if not isinstance(message.get("on"), bool):
                raise MessageError("'hold' without 'on'", "'on' is true or false")
            return Held(message["on"])
        case "transfer":
            return Transferred()
        case "gap":
            return Gap(number(message, "seconds", 0, 60))
        case "dtmf":
            return Dtmf(words(message, "digit", 8))
        case "mark":
            return Mark(words(message, "name", 128))
        case "stop":
            return Stopped()
    raise MessageError(f"unknown type {str(kind)[:40]!r}",
              "use start, transcript, pause, resume, hold, transfer, gap, dtmf, mark or stop")


def _transcript(message: Mapping[str, Any]) -> Transcript:
    side = message.get("channel", "caller")
    if side not in SIDES:
        raise MessageError("'channel' of a transcript", "it is 'caller' or 'agent'")
    start, end = number(message, "start", 0, 86_400), number(message, "end", 0, 86_400)
    if end < start:
        raise MessageError("a transcript that ends before it starts", "'start' and 'end' are seconds of the call")
    final = message.get("final", True)
    if not isinstance(final, bool):
        raise MessageError("'final' of a transcript", "it is true or false")
    return Transcript(cast(Side, side), start, end, words(message, "text", 2000), final)


def started(message: Mapping[str, Any]) -> Started:
    """The format of a call from the fields of `start`; MessageError names the field that is wrong."""
    encoding = message.get("encoding")
    if encoding not in ENCODINGS:
        raise MessageError(f"encoding {str(encoding)[:40]!r}", f"use {', '.join(ENCODINGS)}", "unsupported-encoding")
    rate = message.get("sample_rate")
    if not isinstance(rate, int) or isinstance(rate, bool) or not 8000 <= rate <= 48000:
        raise MessageError(f"sample_rate {str(rate)[:40]!r}", "use a number from 8000 to 48000", "unsupported-rate")
    channels = message.get("channels", ["caller"])
    if not isinstance(channels, list) or tuple(map(str, channels)) not in CHANNELS:
        raise MessageError(f"channels {str(channels)[:80]}",
                  'use ["caller"], ["agent"] or ["caller", "agent"]', "unsupported-channels")
    language = message.get("language", "auto")
    if language not in ("zh", "en", "auto"):
        raise MessageError(f"language {str(language)[:40]!r}", "use zh, en or auto", "bad-start")
    consent, metadata = message.get("consent", False), message.get("metadata", {})
    if not isinstance(consent, bool):
        raise MessageError("'consent' is not true or false", "say true only if the caller was informed", "bad-start")
    if not isinstance(metadata, dict) or len(json.dumps(metadata)) > 8192:
        raise MessageError("'metadata' is no object or over 8192 characters", "send a small JSON object", "bad-start")
    readings = message.get("readings")
    if readings is not None and not (_is_number(readings) and 0.5 <= readings <= 60):
        raise MessageError("'readings' out of range", "seconds from 0.5 to 60, or null", "bad-start")
    return Started(
        call_id=_name(message, "call_id"), encoding=encoding, rate=rate,
        channels=cast(tuple[Side, ...], tuple(channels)), agent_id=_name(message, "agent_id"),
        team=_name(message, "team"), caller=_name(message, "caller"), language=language, consent=consent,
        readings=None if readings is None else float(readings), resume=_resume(message), metadata=metadata)


def from_query(query: Mapping[str, str], first: Data) -> dict[str, Any]:
    """The fields of `start` out of an address; a first text that is a JSON object becomes the metadata."""
    message: dict[str, Any] = dict(query)
    message["encoding"] = query.get("encoding", "pcm_s16le")
    rate = query.get("sample_rate", "8000")
    message["sample_rate"] = int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 9 else rate
    message["channels"] = query.get("channels", "caller").split(",")
    message["consent"] = query.get("consent", "false").lower() in {"1", "true", "yes"}
    message.pop("metadata", None)
    message.pop("resume", None)
    try:
        message["readings"] = float(query["readings"]) if query.get("readings") else None
        if isinstance(first, str) and first.strip():
            message["metadata"] = parse(first)
    except (MessageError, ValueError):
        return message
    return message


def _name(message: Mapping[str, Any], key: str) -> str | None:
    value = message.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise MessageError(f"{key!r} is not a plain name", "1-128 of A-Z a-z 0-9 . _ : @ + -", "bad-start")
    return value


def _resume(message: Mapping[str, Any]) -> int | None:
    value = message.get("resume")
    if value is None:
        return None
    seq = value.get("seq") if isinstance(value, dict) else None
    if not isinstance(seq, int) or isinstance(seq, bool) or seq < 0:
        raise MessageError("'resume' without 'seq'", '{"seq": the last server number that arrived}', "bad-start")
    return seq


def _is_number(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 1 << 53
    return isinstance(value, float) and math.isfinite(value)


def number(message: Mapping[str, Any], key: str, low: float, high: float) -> float:
    """A number field within bounds."""
    value = message.get(key)
    if not _is_number(value) or not low <= cast(float, value) <= high:
        raise MessageError(f"{key!r} is missing or out of range", f"a number from {low} to {high}")
    return float(cast(float, value))


def words(message: Mapping[str, Any], key: str, longest: int) -> str:
    """A text field of bounded length."""
    value = message.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise MessageError(f"{key!r} is missing or too long", f"a text of at most {longest} characters")
    return value


def written(event: Outgoing) -> dict[str, Any]:
    """The message of an event, before it becomes text."""
    match event:
        case Accepted():
            received = {"messages": event.messages, "samples": event.samples, "seconds": event.samples / event.rate}
            return {"type": "started", "seq": event.seq, "call": event.call, "resumed": event.resumed,
                    "received": received, "grace_s": event.grace_s, "engine": dict(event.engine)}
        case Told():
            return {"seq": event.seq, "call": event.call, **_told(event)}
        case Warned():
            return {"type": "warning", "seq": event.seq, "call": event.call, "code": event.code,
                    "message": event.message, "seconds": event.seconds}
        case Failed():
            return {"type": "error", "seq": event.seq, "call": event.call, "code": event.fault.code,
                    "message": event.fault.message, "remedy": event.fault.remedy, "fatal": event.fault.fatal}
        case Ended():
            return {"type": "ended", "seq": event.seq, "call": event.call, "reason": event.reason,
                    "summary": dict(event.summary)}


def _told(event: Told) -> dict[str, Any]:
    match event.what:
        case Moment():
            return {"type": "reading", "at": event.at, "reading": plain(event.what.reading),
                    "shift": plain(event.what.shift), "standing": plain(event.what.standing)}
        case Change():
            return {"type": "change", "change": plain(event.what)}
        case Alert():
            return {"type": "alert", "alert": plain(event.what)}
        case Mark():
            return {"type": "mark", "name": event.what.name, "at": event.at}
