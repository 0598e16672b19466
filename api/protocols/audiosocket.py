"""Asterisk AudioSocket: a TCP stream of type, length and payload, in pieces of any size.

    1 byte type | 2 bytes length, big-endian | payload
    0x00 hang-up · 0x01 UUID, 16 bytes, first · 0x03 DTMF, ASCII · 0x10-0x16 signed linear, little-endian · 0xff error

Source: Asterisk's AudioSocket documentation and res_audiosocket.h. The protocol has neither authentication nor
encryption: only a call whose UUID was announced over REST is taken. Nothing is ever sent back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from api.protocols.events import Audio, Close, Data, Dtmf, Fault, Incoming, Outgoing, Started, Stopped
from api.protocols.fields import with_announced

HANGUP, IDENTITY, DTMF, ERROR = 0x00, 0x01, 0x03, 0xFF
RATES = {0x10: 8000, 0x11: 12000, 0x12: 16000, 0x13: 24000, 0x14: 32000, 0x15: 44100, 0x16: 48000}
"""Samples a second of each type of audio."""
_HEADER = 3


@dataclass(slots=True)
class AudioSocket:
    """One connection; `announced` finds the call that belongs to a UUID."""

    announced: Callable[[str], Started | None]
    name: str = "audiosocket"
    _waiting: bytearray = field(default_factory=bytearray)
    _call: Started | None = None
    _rate: int | None = None
    _over: bool = False

    def receive(self, data: Data) -> list[Incoming]:
        """Bytes of the stream, cut anywhere -> what they mean."""
        if isinstance(data, str):
            return self._end(Fault("bad-message", "a text on a byte stream", "send AudioSocket frames", fatal=True))
        events: list[Incoming] = []
        self._waiting += data
        at = 0
        while not self._over and len(self._waiting) >= at + _HEADER:
            length = int.from_bytes(self._waiting[at + 1 : at + _HEADER], "big")
            if self._call is None and (self._waiting[at] != IDENTITY or length != 16):
                events += self._unknown(self._waiting[at])
                break
            if len(self._waiting) < at + _HEADER + length:
                break
            payload = bytes(self._waiting[at + _HEADER : at + _HEADER + length])
            events += self._frame(self._waiting[at], payload)
            at += _HEADER + length
        del self._waiting[: len(self._waiting) if self._over else at]
        return events

    def send(self, event: Outgoing) -> list[Data]:
        """Asterisk would play whatever is sent to the caller: nothing is."""
        return []

    def gone(self) -> list[Incoming]:
        """AudioSocket has no resume: a closed socket is the end of the call."""
        return [] if self._over else self._end(Stopped("hang-up"))

    def _frame(self, kind: int, payload: bytes) -> list[Incoming]:
        if kind == IDENTITY:
            return self._identity(payload)
        if kind in RATES:
            return self._audio(RATES[kind], payload)
        if kind == DTMF:
            return [Dtmf(digit) for digit in payload.decode("ascii", "ignore") if digit in "0123456789*#ABCD"]
        if kind == HANGUP:
            return self._end(Stopped("hang-up"), Close())
        if kind == ERROR:
            return self._end(Stopped("error"), Close())
        return [Fault("bad-message", f"unknown type 0x{kind:02x}", "send types 0x00, 0x01, 0x03, 0x10-0x16 or 0xff")]

    def _unknown(self, kind: int) -> list[Incoming]:
        """A stream that does not begin with the call's UUID is no AudioSocket or not ours."""
        if kind == HANGUP:
            return self._end(Close())
        return self._end(Fault("no-start", f"type 0x{kind:02x} before the UUID",
                               "begin with type 0x01 and 16 bytes", fatal=True))

    def _identity(self, payload: bytes) -> list[Incoming]:
        if self._call is not None:
            return [Fault("second-start", "a second UUID", "open a new connection for another call")]
        call_id = str(UUID(bytes=payload))
        self._call = self.announced(call_id)
        if self._call is None:
            return self._end(Fault("unauthorized", "this UUID was not announced",
                                   "POST /v1/calls with it as call_id before the call is connected", fatal=True))
        return []

    def _audio(self, rate: int, payload: bytes) -> list[Incoming]:
        """The first audio tells the rate, and so begins the call."""
        events: list[Incoming] = []
        if self._rate is None and self._call is not None:
            self._rate = rate
            heard = Started(self._call.call_id, "pcm_s16le", rate, self._call.channels[:1])
            events.append(with_announced(heard, self._call))
        if rate != self._rate:
            return [Fault("unsupported-rate", f"{rate} Hz after {self._rate} Hz", "keep one rate in a call")]
        if len(payload) % 2:
            events.append(Fault("odd-frame", f"{len(payload)} bytes of 16-bit samples", "send whole samples"))
            payload = payload[:-1]
        return [*events, Audio(payload)] if payload else events

    def _end(self, *events: Incoming) -> list[Incoming]:
        self._over = True
        return list(events)
