"""Twilio Media Streams: JSON texts with base64 audio; and the near-identical frames of Telnyx and Talkdesk.

    connected · start {streamSid, callSid, tracks, mediaFormat, customParameters}
    media {track inbound|outbound, chunk, timestamp, payload} · dtmf · mark · stop

Source: Twilio's, Telnyx' and Talkdesk's WebSocket message references. `inbound` is the caller. The order is not
guaranteed, so chunks are put in order by their number, track by track. Time is counted in bytes: `timestamp` is never
read, since a known client steps it wrongly. Both `<Start>` and `<Connect>` are heard; nothing is ever said into a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from api.protocols.events import (
    WIDTH,
    Audio,
    Close,
    Data,
    Dtmf,
    Fault,
    Gap,
    Incoming,
    Outgoing,
    Started,
    Stopped,
)
from api.protocols.fields import (
    encoding_of,
    identifier,
    kept,
    read_base64,
    read_object,
    with_fields,
)
from emotion.types import Side

WINDOW = 8
"""Chunks that wait for an earlier one before it counts as lost: 160 ms of the usual 20 ms."""
PATIENCE = 10
"""Media messages after which the tracks are settled, for senders that do not list them (Telnyx)."""
LONGEST_GAP = 500
"""A jump of more chunks is a fault of the numbering, not a loss: 10 s of the usual 20 ms."""


@dataclass(slots=True)
class Reorder:
    """The chunks of one track, by number; without numbers, or with numbers that make no sense, as they come."""

    expected: int | None = None
    ordered: bool = True
    _held: dict[int, bytes] = field(default_factory=dict)
    _late: int = 0

    def push(self, number: int | None, payload: bytes) -> list[tuple[int, bytes]]:
        """(chunks lost before, payload) of each chunk that is due; a repeated or late chunk is dropped."""
        if number is None or not self.ordered:
            self.ordered = False
            return [*self.flush(), (0, payload)]
        if self.expected is None:
            self.expected = min(number, 1) if number <= WINDOW else number
        if number < self.expected:
            return self._too_late(payload)
        self._late = 0
        self._held.setdefault(number, payload)
        due = self._due()
        if len(self._held) >= WINDOW:
            due += self._give_up()
        return due

    def flush(self) -> list[tuple[int, bytes]]:
        """All that waits, in order."""
        held, self._held = sorted(self._held.items()), {}
        return [(0, payload) for _, payload in held]

    def _due(self) -> list[tuple[int, bytes]]:
        due: list[tuple[int, bytes]] = []
        while self.expected in self._held:
            due.append((0, self._held.pop(self.expected)))
            self.expected += 1
        return due

    def _give_up(self) -> list[tuple[int, bytes]]:
        """The chunk waited for will not come."""
        numbers = sorted(self._held)
        if all(later - earlier > 1 for earlier, later in pairwise(numbers)):
            self.ordered = False  # one count over both tracks, or timestamps in the place of numbers: not losses
            return self.flush()
        lost = numbers[0] - (self.expected or 0)
        self.expected = numbers[0]
        (_, first), *rest = self._due()
        return [(lost if lost <= LONGEST_GAP else 0, first), *rest]

    def _too_late(self, payload: bytes) -> list[tuple[int, bytes]]:
        self._late += 1
        if self._late < WINDOW:
            return []
        self.ordered = False  # a counter that restarted or never moves
        return [*self.flush(), (0, payload)]


@dataclass(slots=True)
class MediaStreams:
    """One stream; `fields` are those of the address."""

    fields: Mapping[str, str] = field(default_factory=dict)
    name: str = "twilio"
    _start: Started | None = None
    _settled: bool = False
    _stream: str | None = None
    _tracks: dict[Side, Reorder] = field(default_factory=dict)
    _caller_track: str = "inbound"
    _early: list[tuple[Side, bytes]] = field(default_factory=list)
    _over: bool = False

    def receive(self, data: Data) -> list[Incoming]:
        """One WebSocket message -> what it means."""
        if self._over:
            return []
        if isinstance(data, bytes):
            return [Fault("bad-message", "a binary message", "send JSON texts; audio goes as base64 in `media`")]
        message = read_object(data)
        if not isinstance(message, Fault):
            return self._event(message)
        return self._end(Stopped("failed"), message) if message.fatal else [message]

    def send(self, event: Outgoing) -> list[Data]:
        """A `media` of ours would be played to the caller: nothing is sent, on `<Connect>` either."""
        return []

    def gone(self) -> list[Incoming]:
        """Media Streams never reconnect: a closed socket is the end of the call."""
        return [] if self._over else self._end(Stopped("hang-up"))

    def _event(self, message: Mapping[str, Any]) -> list[Incoming]:
        match message.get("event"):
            case "media":
                return self._media(message)
            case "start":
                return self._begin(message)
            case "stop":
                return self._end(Stopped("stop"), Close())
            case "dtmf":
                return self._dtmf(message)
            case "connected" | "mark" | "clear" | "error":
                return []
        return [Fault("bad-message", f"event {str(message.get('event'))[:40]!r}",
                      "send connected, start, media, dtmf, mark or stop")]

    # ── start ───────────────────────────────────────────────────────────────────────────────────

    def _begin(self, message: Mapping[str, Any]) -> list[Incoming]:
        if self._start is not None:
            return [Fault("second-start", "a second start", "open one stream a call")]
        about = _mapping(message.get("start"))
        form = _mapping(about.get("mediaFormat") or about.get("media_format"))
        encoding = encoding_of(form.get("encoding", "audio/x-mulaw"))
        if encoding not in ("mulaw", "alaw"):
            return self._end(Fault("unsupported-encoding", f"encoding {str(form.get('encoding'))[:40]!r}",
                                   "use audio/x-mulaw (PCMU) or PCMA", fatal=True))
        if form.get("sampleRate", form.get("sample_rate", 8000)) not in (8000, "8000"):
            return self._end(Fault("unsupported-rate", "not 8000 samples a second", "use 8000 Hz", fatal=True))
        custom = _mapping(about.get("customParameters") or about.get("custom_parameters"))
        given = {**self.fields, **custom}
        self._stream = _sid(message) or _sid(about)
        self._caller_track = _track(given.get("caller_track")) or "inbound"
        call_id = identifier(about.get("callSid") or about.get("call_control_id") or self._stream)
        noted = kept({"stream": self._stream, "account": about.get("accountSid"), **custom})
        self._start = with_fields(Started(call_id, encoding, 8000, metadata=noted), given)
        tracks = about.get("tracks")
        if isinstance(tracks, list) and tracks:
            sides = {self._side(track) for track in tracks}
            return self._settle(tuple(side for side in _SIDES if side in sides))
        return []

    def _settle(self, sides: tuple[Side, ...]) -> list[Incoming]:
        """The tracks are known: the call begins, with the audio that waited for it."""
        if "caller" not in sides or self._start is None:
            self._start = None
            return self._end(Fault("unsupported-channels", "the caller's track is not in the stream",
                                   "stream inbound_track or both_tracks", fatal=True))
        self._settled = True
        self._tracks = {side: self._tracks.get(side, Reorder()) for side in sides}
        self._start = replace(self._start, channels=sides)
        early, self._early = self._early, []
        return [self._start, *(Audio(payload, side) for side, payload in early)]

    def _side(self, track: object) -> Side | None:
        name = _track(track)
        return None if name is None else "caller" if name == self._caller_track else "agent"

    # ── media ───────────────────────────────────────────────────────────────────────────────────

    def _media(self, message: Mapping[str, Any]) -> list[Incoming]:
        if self._start is None:
            return self._end(Fault("no-start", "media before start", "send start first", fatal=True))
        media = _mapping(message.get("media"))
        payload = read_base64(media.get("payload"))
        side = self._side(media.get("track", "inbound"))
        if not payload or side is None:
            return [] if payload == b"" else [Fault("bad-message", "media without track or base64", "send both")]
        if self._stream and _sid(message) not in (None, self._stream):
            return [Fault("bad-message", "media of another stream", "open one socket a stream")]
        if self._settled and side not in self._tracks:
            return [Fault("bad-message", f"a track of the {side} that start does not list", "list it in tracks")]
        due = self._tracks.setdefault(side, Reorder()).push(_number(media.get("chunk")), payload)
        return self._due(side, due)

    def _due(self, side: Side, due: list[tuple[int, bytes]]) -> list[Incoming]:
        if self._settled:
            return [event for lost, chunk in due for event in self._heard(side, lost, chunk)]
        self._early += [(side, chunk) for _, chunk in due]
        if len(self._tracks) == len(_SIDES) or len(self._early) >= PATIENCE:
            return self._settle(tuple(side for side in _SIDES if side in self._tracks))
        return []

    def _heard(self, side: Side, lost: int, payload: bytes) -> list[Incoming]:
        """A chunk, after what stands for the lost ones: a gap, or silence when only one of two sides lost them."""
        if not lost or self._start is None:
            return [Audio(payload, side)]
        size = lost * len(payload)
        told = Fault("sequence", f"{lost} chunk(s) of the {side} are lost", "check the network of the media stream")
        if len(self._tracks) == 1:
            return [told, Gap(size / (8000 * WIDTH[self._start.encoding])), Audio(payload, side)]
        quiet = b"\xff" if self._start.encoding == "mulaw" else b"\xd5"
        return [told, Audio(quiet * size, side), Audio(payload, side)]

    def _dtmf(self, message: Mapping[str, Any]) -> list[Incoming]:
        digit = _mapping(message.get("dtmf")).get("digit")
        if not isinstance(digit, str) or len(digit) != 1:
            return [Fault("bad-message", "dtmf without a digit", "send dtmf.digit")]
        return [Dtmf(digit)] if self._settled else []

    def _end(self, *events: Incoming) -> list[Incoming]:
        """The last events, after all audio that still waits."""
        waiting: list[Incoming] = []
        if self._start is not None and not self._settled and self._tracks:
            waiting += self._settle(tuple(side for side in _SIDES if side in self._tracks))
        if self._settled:
            waiting += [Audio(chunk, side) for side, track in self._tracks.items() for _, chunk in track.flush()]
        self._over = True
        return [*waiting, *events]


_SIDES: tuple[Side, ...] = ("caller", "agent")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sid(message: Mapping[str, Any]) -> str | None:
    value = message.get("streamSid") or message.get("stream_id")
    return value if isinstance(value, str) else None


def _track(value: object) -> str | None:
    name = str(value).removesuffix("_track")
    return name if name in ("inbound", "outbound") else None


def _number(value: object) -> int | None:
    """A chunk number as an integer or as digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 1 << 53 else None
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16 else None
