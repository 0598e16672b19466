"""One call through every door: what is found equals what the native door finds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from emotion.audio.files import open_recording
from emotion.audio.g711 import encode_ulaw
from emotion.types import Side
from tests.conftest import SAMPLES
from tests.doors import switches
from tests.doors.switches import Place, Sound, findings

Client = Callable[[Place, Sound, Sequence[Side], str, str], Awaitable[str]]
BOTH: tuple[Side, ...] = ("caller", "agent")
ALONE: tuple[Side, ...] = ("caller",)
CLIENTS: dict[str, tuple[Client, tuple[Side, ...]]] = {
    "native": (switches.native, BOTH), "native alone": (switches.native, ALONE),
    "twilio": (switches.twilio, BOTH), "twilio alone": (switches.twilio, ALONE),
    "audiohook": (switches.audiohook, BOTH), "freeswitch": (switches.freeswitch, BOTH),
    "audiosocket": (switches.audiosocket, ALONE), "asterisk": (switches.asterisk, ALONE),
}


def sample(language: str, begin_s: float, end_s: float) -> Sound:
    blocks = list(open_recording(SAMPLES / f"{language}.ogg").blocks())
    cut = slice(round(begin_s * 8000), round(end_s * 8000))
    return Sound({side: encode_ulaw(np.concatenate([block[side] for block in blocks])[cut]) for side in BOTH})


async def through_all_doors(place: Place, sound: Sound, language: str) -> dict[str, dict[str, Any]]:
    runs = {name: client(place, sound, sides, language, str(uuid4())) for name, (client, sides) in CLIENTS.items()}
    calls = await asyncio.gather(*runs.values())
    found = await asyncio.gather(*(findings(place, call) for call in calls))
    return dict(zip(runs, found, strict=True))


def same(one: Any, other: Any) -> bool:
    """Equal but for the last bits of floats."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-3)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def compare(found: dict[str, dict[str, Any]], seconds: float) -> None:
    for name, (_, sides) in CLIENTS.items():
        reference = found["native" if sides == BOTH else "native alone"]
        assert len(reference["readings"]) >= seconds  # one a hop of 0.5 s, and not only silence
        assert found[name]["card"]["door"] == name.split()[0]
        assert found[name]["card"]["degraded"] == reference["card"]["degraded"]
        for part in ("readings", "changes", "alerts"):
            assert same(found[name][part], reference[part]), (name, part, found[name][part], reference[part])


def test_the_first_turns_of_the_sample_call(place: Place) -> None:
    found = asyncio.run(through_all_doors(place, sample("en", 3.0, 13.0), "en"))
    compare(found, 10.0)
    assert any(reading["pitch"] is not None for reading in found["native"]["readings"])


@pytest.mark.slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_whole_sample_call(place: Place, language: str) -> None:
    found = asyncio.run(through_all_doors(place, sample(language, 0.0, 80.0), language))
    compare(found, 60.0)
    assert found["native"]["alerts"], "the sample call is made to climb"
