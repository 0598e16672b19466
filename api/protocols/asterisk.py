"""Asterisk chan_websocket: control as text (plain, or JSON from 20.18 / 22.8 / 23.2), raw media as binary.

    MEDIA_START connection_id:… channel:… channel_id:… format:ulaw optimal_frame_size:160 ptime:20
    {"event": "MEDIA_START", "connection_id": "…", "format": "ulaw", "channel_variables": {…}}
    DTMF_END digit:5 · HANGUP

Source: Asterisk's WebSocket channel driver documentation. Nothing is ever sent back: Asterisk would play it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.protocols.events import (
    WIDTH,
    Audio,
    Close,
    Data,
    Dtmf,
    Encoding,
    Fault,
    Incoming,
    Outgoing,
    Started,
    Stopped,
)
from api.protocols.fields import identifier, kept, read_object, with_fields
from api.protocols.native import MAX_TEXT

FORMATS: Mapping[str, tuple[Encoding, int]] = {
    "ulaw": ("mulaw", 8000), "alaw": ("alaw", 8000), "slin": ("pcm_s16le", 8000), "slin12": ("pcm_s16le", 12000),
    "slin16": ("pcm_s16le", 16000), "slin24": ("pcm_s16le", 24000), "slin32": ("pcm_s16le", 32000),
    "slin44": ("pcm_s16le", 44100), "slin48": ("pcm_s16le", 48000),
}
"""Asterisk's names of the codecs that can be taken."""
_EVENT = re.compile(r"[A-Z][A-Z_]{1,63}")
_VARIABLES = ("CALL_ID", "AGENT_ID", "TEAM", "CALLER", "LANGUAGE", "CONSENT")
"""Channel variables that are fields of `start`, with or without `EMOTION_` before them."""


@dataclass(slots=True)
class ChanWebSocket:
    """One media connection, of the caller's voice; `fields` are those of the address."""

    fields: Mapping[str, str] = field(default_factory=dict)
    name: str = "asterisk"
    _frame: int | None = None
    _over: bool = False

    def receive(self, data: Data) -> list[Incoming]:
        """One WebSocket message -> what it means."""
        if self._over:
            return []
        return self._media(data) if isinstance(data, bytes) else self._control(data)

    def send(self, event: Outgoing) -> list[Data]:
        """Commands would change the call and media would be played: nothing is sent."""
        return []

    def gone(self) -> list[Incoming]:
        """Media connections are per call and never resumed."""
        return [] if self._over else self._end(Stopped("hang-up"))

    def _control(self, text: str) -> list[Incoming]:
        message = _parse(text)
        if isinstance(message, Fault):
            return self._end(Stopped("failed"), message) if message.fatal else [message]
        event = message.get("event")
        if event == "MEDIA_START":
            return self._start(message)
        if event == "HANGUP":
            return self._end(Stopped("hang-up"), Close())
        if event == "DTMF_END":
            digit = str(message.get("digit", ""))
            if len(digit) == 1 and digit in "0123456789*#ABCDabcd":
                return [Dtmf(digit)]
            return [Fault("bad-message", "DTMF_END without a digit", "send digit:n")]
        return []  # STATUS, MEDIA_XON, QUEUE_DRAINED and what later versions bring: not for us

    def _start(self, message: Mapping[str, Any]) -> list[Incoming]:
        if self._frame is not None:
            return [Fault("second-start", "a second MEDIA_START", "open one connection a call")]
        form = FORMATS.get(str(message.get("format", "")))
        if form is None:
            return self._end(Fault("unsupported-encoding", f"format {str(message.get('format'))[:32]!r}",
                                   f"use one of {', '.join(FORMATS)}: WebSocket/NAME/c(ulaw)", fatal=True))
        variables = message.get("channel_variables")
        named = _variables(variables) if isinstance(variables, dict) else {}
        noted = kept({"channel": message.get("channel"), "connection": message.get("connection_id")})
        start = Started(identifier(message.get("channel_id")), *form, metadata=noted)
        self._frame = WIDTH[start.encoding]
        return [with_fields(start, {**named, **self.fields})]

    def _media(self, data: bytes) -> list[Incoming]:
        if self._frame is None:
            return self._end(Fault("no-start", "media before MEDIA_START", "begin with MEDIA_START", fatal=True))
        whole = len(data) - len(data) % self._frame
        events: list[Incoming] = [Audio(data[:whole])] if whole else []
        if whole < len(data):
            events.append(Fault("odd-frame", f"{len(data)} bytes are not whole samples", "send whole samples"))
        return events

    def _end(self, *events: Incoming) -> list[Incoming]:
        self._over = True
        return list(events)


def _parse(text: str) -> dict[str, Any] | Fault:
    """A control message in either form as one mapping, its name under `event`."""
    if text.lstrip().startswith("{"):
        return read_object(text)
    words = text[: MAX_TEXT + 1].split()
    if len(text) > MAX_TEXT or not words or not _EVENT.fullmatch(words[0]):
        return Fault("bad-message", "not a control message", "send NAME key:value …, or JSON with `event`")
    pairs = (word.partition(":") for word in words[1:])
    return {**{name: value for name, _, value in pairs if value}, "event": words[0]}


def _variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    plain = {str(name).lstrip("_").removeprefix("EMOTION_"): value for name, value in variables.items()}
    return {name.lower(): plain[name] for name in _VARIABLES if name in plain}
