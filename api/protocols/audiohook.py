"""Genesys AudioHook v2, the server's half: strict sequence numbers, one media offer, answers that cannot wait.

    client  {version, id, type, seq, serverseq, position, parameters}
            open, ping, close, paused, resumed, discarded, update, error, dtmf
    server  {version, id, type, seq, clientseq, parameters}
            opened, pong, closed, updated, disconnect, reconnect

Source: the AudioHook protocol reference and Genesys' reference client. Audio is binary, client to server only: PCMU,
8000 Hz, `external` (the caller) and `internal` (the agent), interleaved. `opened`, `pong` and `closed` go out as a
`Reply`, before the session has done anything. After an error of the client's we say `disconnect` and wait for `close`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from api.protocols.events import (
    Audio,
    Close,
    Data,
    Dtmf,
    Ended,
    Failed,
    Fault,
    Gap,
    Incoming,
    Outgoing,
    Paused,
    Reply,
    Resumed,
    Started,
    Stopped,
    Warned,
)
from api.protocols.fields import identifier, kept, language_of, read_object, with_fields
from emotion.types import Side

VERSION = "2"
NIL = "00000000-0000-0000-0000-000000000000"
LONGEST_TEXT = 65_535
"""Bytes; the client's own limit."""
LONGEST_GAP_S = 60.0
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_DURATION = re.compile(r"PT(\d{0,9}\.?\d{1,9})S", re.ASCII)
_SIDES: Mapping[str, Side] = {"external": "caller", "internal": "agent"}


class _BadMessageError(Exception):
    """A message that breaks the protocol; its text is told to the client."""


@dataclass(slots=True)
class AudioHook:
    """One session. `session` and `organization` are those of the request's headers; None: not checked."""

    session: str | None = None
    organization: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    name: str = "audiohook"
    state: Literal["waiting", "open", "probe", "leaving", "over"] = "waiting"
    _seq: int = 0
    _client_seq: int = 0
    _frame: int = 0
    """Bytes in one sample frame; 0: no audio was agreed."""
    _paused: bool = False

    def receive(self, data: Data) -> list[Incoming]:
        """One WebSocket message -> what it means, and what to answer at once."""
        if self.state == "over":
            return []
        try:
            return self._audio(data) if isinstance(data, bytes) else self._text(data)
        except _BadMessageError as error:
            return self._leave(str(error))

    def send(self, event: Outgoing) -> list[Data]:
        """AudioHook has no form for readings and alerts; the end and a drain have one."""
        if self.state not in ("open", "waiting"):
            return []
        match event:
            case Failed() if event.fault.fatal:
                self.state = "leaving"
                reason = "unauthorized" if event.fault.code in ("unauthorized", "forbidden") else "error"
                return [self._message("disconnect", {"reason": reason, "info": event.fault.code})]
            case Ended():
                self.state = "leaving"
                return [self._message("disconnect", {"reason": "completed"})]
            case Warned() if event.code == "draining":
                return [self._message("reconnect", {})]
        return []

    def gone(self) -> list[Incoming]:
        """The client makes a new session after a lost one: the call ends with its socket."""
        was, self.state = self.state, "over"
        return [Stopped("hang-up")] if was in ("open", "leaving") and self._frame else []

    # ── the frame of every message ──────────────────────────────────────────────────────────────

    def _text(self, text: str) -> list[Incoming]:
        if len(text) > LONGEST_TEXT or len(text.encode("utf-8", "replace")) > LONGEST_TEXT:
            raise _BadMessageError("message is too large")
        message = read_object(text)
        if isinstance(message, Fault):
            raise _BadMessageError("message is not a JSON object")
        kind, parameters = self._checked(message)
        handlers: Mapping[str, Callable[[Mapping[str, Any]], list[Incoming]]] = {
            "open": self._open, "close": self._close, "ping": self._ping, "paused": self._pause,
            "resumed": self._resume, "discarded": self._discarded, "update": self._update, "dtmf": self._dtmf,
            "error": lambda _: [],  # a fatal one is followed by `close`
        }
        if kind not in handlers:
            raise _BadMessageError(f"type {kind[:32]!r} is not a client message")
        if self.state == "leaving" and kind not in ("close", "ping"):
            return []
        return handlers[kind](parameters)

    def _checked(self, message: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Type and parameters of a message whose frame is right and whose number is the next one."""
        kind, parameters, identity = message.get("type"), message.get("parameters"), message.get("id")
        if message.get("version") != VERSION or not isinstance(kind, str) or not isinstance(parameters, dict):
            raise _BadMessageError("not an AudioHook v2 message")
        if not isinstance(identity, str) or not _UUID.fullmatch(identity):
            raise _BadMessageError("id is not a UUID")
        if not _is_count(message.get("seq")) or message["seq"] != self._client_seq + 1:
            raise _BadMessageError(f"seq is not {self._client_seq + 1}")
        self._client_seq = message["seq"]
        if not _is_count(message.get("serverseq")) or message["serverseq"] > self._seq:
            raise _BadMessageError("serverseq was never sent")
        if _seconds(message.get("position")) is None:
            raise _BadMessageError("position is not a duration")
        if self.session in (None, NIL):
            self.session = identity
        if identity != self.session:
            raise _BadMessageError("id is not the session's")
        return kind, parameters

    def _message(self, kind: str, parameters: Mapping[str, Any]) -> str:
        self._seq += 1
        return json.dumps({"version": VERSION, "id": self.session or NIL, "type": kind, "seq": self._seq,
                           "clientseq": self._client_seq, "parameters": parameters}, separators=(",", ":"))

    def _reply(self, kind: str, parameters: Mapping[str, Any]) -> Reply:
        return Reply(self._message(kind, parameters))

    def _leave(self, why: str) -> list[Incoming]:
        """The client broke the protocol: tell it, hear no more audio, and wait for its `close`."""
        told = Fault("bad-message", why, "see the AudioHook protocol reference")
        if self.state == "leaving":
            return [told]
        self.state = "leaving"
        return [self._reply("disconnect", {"reason": "error", "info": f"Client error: {why}"}), told]

    # ── the life of a session ───────────────────────────────────────────────────────────────────

    def _open(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        if self.state != "waiting":
            raise _BadMessageError("open comes once")
        conversation, participant = _uuid(parameters, "conversationId"), parameters.get("participant")
        if not isinstance(participant, dict):
            raise _BadMessageError("participant is missing")
        organization = _uuid(parameters, "organizationId")
        if self.organization is not None and organization.lower() != self.organization.lower():
            return self._refuse("organizationId is not that of the request")
        offers = parameters.get("media")
        if not isinstance(offers, list):
            raise _BadMessageError("media is not a list of offers")
        if conversation == NIL and _uuid(participant, "id") == NIL:
            self.state = "probe"
            return [self._reply("opened", {"startPaused": False, "media": []})]
        self.state = "open"
        offer = choose(offers)
        chosen = [] if offer is None else [offer]
        opened = self._reply("opened", {"startPaused": False, "media": chosen, **_languages(parameters)})
        if offer is None:
            return [opened, Fault("unsupported-encoding", "no offer of the caller's voice as PCMU at 8000 Hz",
                                  "offer PCMU, 8000 Hz, external or both")]
        self._frame = len(offer["channels"])
        return [opened, self._started(conversation, parameters, [_SIDES[name] for name in offer["channels"]])]

    def _started(self, conversation: str, parameters: Mapping[str, Any], sides: Sequence[Side]) -> Started:
        custom = parameters.get("customConfig")
        given = {**(custom if isinstance(custom, dict) else {}), **self.fields}
        noted = kept({"session": self.session, "organization": parameters["organizationId"]})
        start = Started(identifier(conversation), "mulaw", 8000, tuple(sides), metadata=noted,
                        language=language_of(parameters.get("language")))
        return with_fields(start, given)

    def _refuse(self, why: str) -> list[Incoming]:
        self.state = "leaving"
        return [self._reply("disconnect", {"reason": "unauthorized"}),
                Fault("unauthorized", why, "send the organization of the request")]

    def _close(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        was, self.state = self.state, "over"
        closed = self._reply("closed", {})
        stopped = [Stopped("stop")] if was in ("open", "leaving") and self._frame else []
        return [closed, *stopped, Close()]

    def _ping(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        return [self._reply("pong", {})]

    def _update(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        return [self._reply("updated", {})] if self.state == "open" else []

    # ── the audio and its breaks ────────────────────────────────────────────────────────────────

    def _audio(self, data: bytes) -> list[Incoming]:
        if self.state in ("leaving", "probe") or self._paused:
            return []  # what is on its way when the state changes; paused audio is never analysed
        if not self._frame:
            raise _BadMessageError("audio, but no media was agreed")
        if len(data) % self._frame:
            raise _BadMessageError(f"{len(data)} bytes are not whole frames of {self._frame}")
        return [Audio(data)] if data else []

    def _pause(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        was, self._paused = self._paused, True
        return [] if was or not self._frame else [Paused()]

    def _resume(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        """What was paused is not counted, so that `discarded` moves no clock here."""
        _breaks(parameters)
        was, self._paused = self._paused, False
        return [Resumed()] if was and self._frame else []

    def _discarded(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        seconds = min(_breaks(parameters), LONGEST_GAP_S)
        return [Gap(seconds)] if seconds > 0 and self._frame and not self._paused else []

    def _dtmf(self, parameters: Mapping[str, Any]) -> list[Incoming]:
        digit = parameters.get("digit")
        if not isinstance(digit, str) or len(digit) != 1:
            raise _BadMessageError("dtmf without a digit")
        return [Dtmf(digit)] if self._frame else []


def choose(offers: Sequence[object]) -> dict[str, Any] | None:
    """The offer to take, unmodified: both sides, or else the caller's; None: the caller is in none of them."""
    fit = [offer for offer in offers if isinstance(offer, dict) and _fits(offer)]
    return max(fit, key=lambda offer: len(offer["channels"]), default=None)


def _fits(offer: Mapping[str, Any]) -> bool:
    channels = offer.get("channels")
    if not isinstance(channels, list) or not all(isinstance(name, str) and name in _SIDES for name in channels):
        return False
    return (offer.get("type") == "audio" and offer.get("format") == "PCMU" and offer.get("rate") == 8000
            and "external" in channels and len(channels) == len(set(channels)))


def _languages(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"supportedLanguages": ["zh-CN", "en-US"]} if parameters.get("supportedLanguages") is True else {}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _uuid(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _BadMessageError(f"{name} is not a UUID")
    return value


def _seconds(value: object) -> float | None:
    """Seconds of an ISO 8601 duration such as PT1.2S."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def _breaks(parameters: Mapping[str, Any]) -> float:
    start, discarded = _seconds(parameters.get("start")), _seconds(parameters.get("discarded"))
    if start is None or discarded is None:
        raise _BadMessageError("start or discarded is not a duration")
    return discarded
