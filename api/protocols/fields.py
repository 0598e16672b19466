"""What every switch's start message has in common: JSON without surprises, and its fields as a `Started`.

Switches carry our fields where they have room: Twilio in custom parameters, Genesys in customConfig, FreeSWITCH in
metadata, anybody in the query string. All of them are named as in the native door's `start` (docs/api.md).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from api.protocols.events import Encoding, Fault, Started
from api.protocols.native import MessageError, parse
from emotion.types import Side

_TRUE, _FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}
_ENCODINGS: Mapping[str, Encoding] = {
    "pcm_s16le": "pcm_s16le", "l16": "pcm_s16le", "linear16": "pcm_s16le", "slin": "pcm_s16le",
    "mulaw": "mulaw", "ulaw": "mulaw", "pcmu": "mulaw", "audio/x-mulaw": "mulaw", "audio/mulaw": "mulaw",
    "audio/pcmu": "mulaw", "alaw": "alaw", "pcma": "alaw", "audio/x-alaw": "alaw", "audio/alaw": "alaw",
    "audio/pcma": "alaw",
}


def read_object(text: str) -> dict[str, Any] | Fault:
    """A JSON object, or the fault that it is none; nesting, huge numbers and NaN are faults too."""
    try:
        return parse(text)
    except MessageError as bad:
        return bad.fault


def read_base64(value: object) -> bytes | None:
    """The bytes of a base64 text, None for anything else; missing padding is forgiven."""
    if not isinstance(value, str):
        return None
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def encoding_of(name: object) -> Encoding | None:
    """Our name of a codec that a switch names in its own way."""
    return _ENCODINGS.get(name.strip().lower()) if isinstance(name, str) else None


def identifier(value: object) -> str | None:
    """A value as an id of docs/api.md: what may not stand in one is written as `_`; None if nothing is left."""
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        return None
    return re.sub(r"[^A-Za-z0-9_.:@+-]", "_", str(value).strip(), flags=re.ASCII)[:128]


def truth(value: object) -> bool | None:
    """A boolean as JSON or as a word; None when it is neither."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def language_of(value: object) -> Literal["zh", "en", "auto"]:
    """`zh`, `en` or `auto` of a language tag such as zh-CN, cmn or en-GB."""
    primary = str(value or "").strip().lower().replace("_", "-").split("-")[0]
    if primary in ("zh", "cmn", "yue"):
        return "zh"
    return "en" if primary == "en" else "auto"


def sides_of(value: object) -> tuple[Side, ...] | None:
    """Channels as a list or as words with commas; None when they are not one or two different sides."""
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    names = [str(word).strip() for word in words]
    sides: tuple[Side, ...] = tuple(side for name in names for side in _SIDES if side == name)
    return sides if sides and len(sides) == len(names) == len(set(sides)) else None


_SIDES: tuple[Side, ...] = ("caller", "agent")


def with_fields(start: Started, fields: Mapping[str, Any]) -> Started:
    """`start` with what its fields say of the call and its people; a field that makes no sense is left out.

    The format (encoding, rate, channels) is the switch's to say and is never taken from here.
    """
    ids = {name: identifier(fields[name]) for name in ("call_id", "agent_id", "team", "caller") if name in fields}
    known: dict[str, Any] = {name: value for name, value in ids.items() if value}
    if "language" in fields:
        known["language"] = language_of(fields["language"])
    consent = truth(fields["consent"]) if "consent" in fields else None
    if consent is not None:
        known["consent"] = consent
    return replace(start, **known)


def with_announced(start: Started, announced: Started | None) -> Started:
    """What was announced over REST about this call, in the format that the switch really sends."""
    if announced is None:
        return start
    return replace(
        announced, call_id=start.call_id or announced.call_id, encoding=start.encoding, rate=start.rate,
        channels=start.channels, resume=None, metadata={**start.metadata, **announced.metadata},
    )


_PERSONAL = frozenset({
    "from", "to", "ani", "aniname", "dnis", "callername", "callednumber", "callernumber", "callerid", "callingnumber",
    "calledname", "phone", "phonenumber", "displayname", "name", "email",
})
"""Names, without case and punctuation, under which switches send numbers and names of people by themselves."""


def kept(fields: Mapping[str, Any], limit: int = 32) -> dict[str, str]:
    """Plain values of a switch's metadata as short texts that can be stored.

    Nested values are left out, and so is what names a person: nobody switched its storage on.
    """
    plain = {str(name)[:64]: str(value)[:256] for name, value in fields.items() if isinstance(value, str | int | float)
             and re.sub(r"[^a-z]", "", str(name).lower()) not in _PERSONAL}
    return {_storable(name): _storable(value) for name, value in list(plain.items())[:limit]}


def _storable(text: str) -> str:
    """Without lone surrogates and zero bytes, which no database takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
