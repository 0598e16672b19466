"""FreeSWITCH mod_audio_stream and mod_audio_fork: a text with metadata first, then binary L16.

L16 is signed 16-bit little-endian here, at 8 or 16 kHz, mono (the caller), stereo (caller, agent) or mixed (both in
one channel). What the module does not say (rate, mix) stands in the address or in the metadata.

Source: the READMEs of both modules; `sampleRate`, `mixType`, `callSid` as jambonz sends them. In a mixed channel the
agent's voice cannot be told from the caller's: consent is taken as not given, so only talk and silence are measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.protocols.events import (
    Audio,
    Close,
    Data,
    Dtmf,
    Fault,
    Held,
    Incoming,
    Outgoing,
    Paused,
    Resumed,
    Started,
    Stopped,
    Transferred,
)
from api.protocols.fields import identifier, kept, read_object, sides_of, truth, with_fields
from api.protocols.native import MAX_AUDIO, MAX_TEXT
from emotion.types import Side

SUBPROTOCOLS = ("audio.drachtio.org", "audiostream.drachtio.org")
"""What mod_audio_fork asks for by default, today and formerly."""
RATES = (8000, 16000)
_MIXES: Mapping[str, tuple[Side, ...]] = {"mono": ("caller",), "stereo": ("caller", "agent"), "mixed": ("caller",)}
_RATE_NAMES = ("sample_rate", "sampleRate", "sampling_rate", "rate")
_MIX_NAMES = ("mix", "mixType", "mix_type")
_CALL_NAMES = ("call_id", "callSid", "call_sid", "uuid", "callId")


@dataclass(slots=True)
class AudioStream:
    """One stream; `fields` are those of the address."""

    fields: Mapping[str, str] = field(default_factory=dict)
    name: str = "freeswitch"
    _frame: int | None = None
    _over: bool = False

    def receive(self, data: Data) -> list[Incoming]:
        """One WebSocket message -> what it means; the first may be metadata of any kind, or audio at once."""
        if self._over:
            return []
        if isinstance(data, bytes):
            begun = self._begin({}) if self._frame is None else []
            return begun if self._over else [*begun, *self._media(data)]
        if self._frame is None:
            return self._first(data)
        return self._text(data)

    def send(self, event: Outgoing) -> list[Data]:
        """The modules would raise every text as an event, and may play binary: nothing is sent."""
        return []

    def gone(self) -> list[Incoming]:
        """The module closes the socket at hang-up: the end of the call."""
        return [] if self._over else self._end(Stopped("hang-up"))

    def _first(self, text: str) -> list[Incoming]:
        if len(text) > MAX_TEXT:
            return self._end(Fault("too-large", f"metadata of {len(text)} characters",
                                   f"send at most {MAX_TEXT}", fatal=True))
        metadata = read_object(text)
        return self._begin({} if isinstance(metadata, Fault) else metadata)

    def _begin(self, metadata: Mapping[str, Any]) -> list[Incoming]:
        given = {**metadata, **self.fields}
        rate = _rate(_named(given, _RATE_NAMES))
        if rate is None:
            return self._end(Fault("unsupported-rate", f"rate {str(_named(given, _RATE_NAMES))[:20]!r}",
                                   "use 8k or 16k", fatal=True))
        mix = _named(given, _MIX_NAMES)
        channels = _MIXES.get(str(mix)) if mix is not None else sides_of(given.get("channels", "caller"))
        if channels is None:
            return self._end(Fault("unsupported-channels", f"mix {str(mix)[:20]!r}",
                                   "use mono, stereo or mixed", fatal=True))
        start = Started(identifier(_named(given, _CALL_NAMES)), "pcm_s16le", rate, channels, metadata=kept(metadata))
        start = with_fields(start, {name: value for name, value in given.items() if name != "call_id"})
        self._frame = 2 * len(channels)
        if mix != "mixed":
            return [start]
        # another name, so that a consent that was announced for the call does not reach it
        name = f"{start.call_id[:120]}.mixed" if start.call_id else None
        return [replace(start, call_id=name, consent=False),
                Fault("unsupported-channels", "both voices are mixed in one channel",
                      "use mono or stereo; of a mix only talk and silence are measured")]

    def _media(self, data: bytes) -> list[Incoming]:
        frame = self._frame or 2
        if len(data) > MAX_AUDIO:
            large = Fault("too-large", f"{len(data)} bytes of audio", f"send at most {MAX_AUDIO}", fatal=True)
            return self._end(Stopped("failed"), large)
        whole = len(data) - len(data) % frame
        events: list[Incoming] = [Audio(data[:whole])] if whole else []
        if whole < len(data):
            events.append(Fault("odd-frame", f"{len(data)} bytes are not whole frames of {frame}", "send whole frames"))
        return events

    def _text(self, text: str) -> list[Incoming]:
        """`send_text` in mid-call: our control messages as JSON; any other text is somebody else's."""
        message = read_object(text)
        if isinstance(message, Fault):
            return self._end(Stopped("failed"), message) if message.fatal else []
        kind = message.get("type", message.get("event"))
        if kind == "stop":
            return self._end(Stopped("stop"), Close())
        events: dict[object, Incoming] = {
            "pause": Paused(), "resume": Resumed(), "transfer": Transferred(),
            "hold": Held(truth(message.get("on", True)) is not False),
        }
        digit = str(message.get("digit", message.get("dtmf", "")))
        if len(digit) == 1:
            events["dtmf"] = Dtmf(digit)
        return [events[kind]] if isinstance(kind, str) and kind in events else []

    def _end(self, *events: Incoming) -> list[Incoming]:
        self._over = True
        return list(events)


def _named(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _rate(value: object) -> int | None:
    """8k, 16k, 8000 or 16000; FreeSWITCH's own rate where nothing is said."""
    if value is None:
        return RATES[0]
    text = str(value).strip().lower()
    text = text.removesuffix("k") + "000" if text.endswith("k") else text
    return int(text) if text in {str(rate) for rate in RATES} else None
