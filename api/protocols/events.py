"""The events that every protocol speaks, whatever its bytes look like.

A protocol is a pure state machine (no socket, no await, no clock):

    receive(data) -> list of Incoming     what the peer's bytes or text mean, and `Reply`: what to answer at once
    send(event)   -> list of bytes | str  how an Outgoing event is written for this peer; [] if it has no form there

It never raises on bad input: it gives a `Fault`. `api/link.py: carry` moves the events between one protocol on
one transport and the engine; see docs/architecture.md for how a door plugs in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from emotion.types import Alert, Change, Moment, Side

Encoding = Literal["pcm_s16le", "mulaw", "alaw"]
ENCODINGS: tuple[Encoding, ...] = ("pcm_s16le", "mulaw", "alaw")
WIDTH: Mapping[Encoding, int] = {"pcm_s16le": 2, "mulaw": 1, "alaw": 1}
"""Bytes a sample."""
Data = bytes | str
"""A binary or a text message of a WebSocket; a TCP protocol takes and gives bytes in pieces of any size."""


# ── what a peer says ────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Started:
    """The call begins (or, with `resume`, goes on); every audio after it has this format."""

    call_id: str | None
    """None: the session makes one."""
    encoding: Encoding
    rate: int
    """Samples a second, 8000-48000."""
    channels: tuple[Side, ...] = ("caller",)
    """Interleaving of an `Audio` without `side`."""
    agent_id: str | None = None
    team: str | None = None
    caller: str | None = None
    language: Literal["zh", "en", "auto"] = "auto"
    consent: bool = False
    readings: float | None = None
    """Seconds between readings sent back; None: none."""
    resume: int | None = None
    """Last server sequence number that the peer has; None: a new call."""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Whole sample frames in the format of `Started`; with `side` they are one channel's alone (Twilio tracks)."""

    data: bytes
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the peer's own recogniser heard; seconds of the call."""

    side: Side
    start: float
    end: float
    text: str
    final: bool = True


@dataclass(frozen=True, slots=True)
class Paused:
    """Nothing from here on may be analysed, kept or counted."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """Analysis goes on."""


@dataclass(frozen=True, slots=True)
class Held:
    """Music on hold begins or ends."""

    on: bool


@dataclass(frozen=True, slots=True)
class Transferred:
    """The caller was handed to another agent."""


@dataclass(frozen=True, slots=True)
class Gap:
    """So many seconds of audio were lost on the way; the clock of the call moves on by them."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A key was pressed; the digit is never logged or kept."""

    digit: str


@dataclass(frozen=True, slots=True)
class Mark:
    """To be echoed when all audio before it was analysed."""

    name: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The peer ends the call; what is left is analysed, then `Ended` goes out."""

    reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes or text to send back at once, before anything else is done (`opened`, `pong`)."""

    data: Data


@dataclass(frozen=True, slots=True)
class Fault:
    """Bad input: `code` as in docs/api.md, what is wrong, what to do about it. A fatal one closes the socket."""

    code: str
    message: str
    remedy: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """The protocol is over: close the transport (after a Stopped: when the call has ended)."""

    code: int = 1000
    reason: str = ""


Incoming = (
    Started | Audio | Transcript | Paused | Resumed | Held | Transferred | Gap | Dtmf | Mark
    | Stopped | Reply | Fault | Close
)


# ── what we say back ────────────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Accepted:
    """The session is open; on a resume, what had been received so far."""

    call: str
    seq: int
    resumed: bool
    messages: int
    samples: int
    rate: int
    grace_s: float
    engine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A reading, change or alert of the engine, or a mark that was reached. `seq` counts what the server said."""

    call: str
    seq: int
    what: Moment | Change | Alert | Mark
    at: float
    """Seconds of the call."""


@dataclass(frozen=True, slots=True)
class Warned:
    """The call goes on, less well: degraded, gap, late, no-consent, words-unavailable, draining."""

    call: str
    seq: int
    code: str
    message: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A `Fault` of the peer, or our own, told to it."""

    call: str | None
    seq: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; nothing comes after it."""

    call: str
    seq: int
    reason: str
    summary: Mapping[str, Any]


Outgoing = Accepted | Told | Warned | Failed | Ended


class Machine(Protocol):
    """What every protocol is."""

    name: str
    """Of the door: native, twilio, audiohook …"""

    def receive(self, data: Data) -> list[Incoming]: ...

    def send(self, event: Outgoing) -> list[Data]: ...

    def gone(self) -> list[Incoming]:
        """The transport is closed: [] waits for a resume; `Stopped` ends the call."""
        ...


CLOSE_CODES: Mapping[str, int] = {
    "no-start": 4400, "bad-start": 4400,
    "unsupported-encoding": 4400, "unsupported-rate": 4400, "unsupported-channels": 4400,
    "too-large": 1009, "call-exists": 4409, "cannot-resume": 4410, "too-many-calls": 4429, "rate-limited": 4429,
    "too-long": 4413, "idle": 4408, "draining": 1012, "unauthorized": 4401, "forbidden": 4403, "failed": 1011,
}
"""WebSocket close code after a fatal error."""
