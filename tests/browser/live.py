"""Calls for the live tests: recordings sent to the native door in real time, on one loop in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect

from emotion.audio.files import open_recording
from emotion.audio.pcm import encode_s16le
from emotion.types import RATE, Utterance

PACKET_S = 0.1


@dataclass
class LiveCall:
    """A call under way. `began` is the time of day of its first sample; `alerts` what its own socket was told."""

    name: str
    began: float = 0.0
    alerts: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    behind: float = 0.0
    """Most that the sender itself was late, seconds."""

    def evidence(self, alert: dict[str, Any], script: Sequence[Utterance]) -> float | None:
        """Time of day at which the words that carry an alert were over; None when it is not words that do.

        Text of a script is sent when its utterance is over, so then the utterance's end counts.
        """
        strongest = alert["reasons"][0]
        if strongest["ear"] != "words":
            return None
        phrase_end = strongest["span"][1]
        ends = [said.span.end / RATE for said in script if said.side == "caller"]
        return self.began + min((end for end in ends if end >= phrase_end - 0.05), default=phrase_end)


def packets(path: Path) -> tuple[int, list[str], list[bytes]]:
    """Rate, sides and packets of interleaved 16-bit audio."""
    recording = open_recording(path)
    sound = np.concatenate(
        [np.stack([block[side] for side in recording.sides], axis=1) for block in recording.blocks()]
    )
    size = round(recording.rate * PACKET_S)
    return (
        recording.rate,
        list(recording.sides),
        [encode_s16le(sound[at : at + size].reshape(-1)) for at in range(0, len(sound), size)],
    )


async def send(
    url: str, call: LiveCall, sound: tuple[int, list[str], list[bytes]], script: Iterable[Utterance], delay: float
) -> None:
    await asyncio.sleep(delay)
    rate, sides, audio = sound
    waiting = sorted(script, key=lambda said: said.span.end)
    async with connect(url, max_size=1 << 22) as socket:
        await socket.send(
            json.dumps(
                {
                    "type": "start",
                    "call_id": call.name,
                    "agent_id": call.name,
                    "language": "zh",
                    "encoding": "pcm_s16le",
                    "sample_rate": rate,
                    "channels": sides,
                    "consent": True,
                }
            )
        )
        hearing = asyncio.create_task(hear(socket, call))
        call.began = time.time()
        for place, packet in enumerate(audio):
            until = (place + 1) * PACKET_S
            await asyncio.sleep(max(0.0, call.began + until - time.time()))
            while waiting and waiting[0].span.end / RATE <= until:
                await socket.send(line(waiting.pop(0)))
            await socket.send(packet)
            call.behind = max(call.behind, time.time() - call.began - until)
        await socket.send('{"type": "stop"}')
        await hearing


async def hear(socket: Any, call: LiveCall) -> None:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "alert":
            call.alerts.append(message["alert"] | {"told": time.time()})
        if message["type"] == "ended":
            call.ended = True


def line(said: Utterance) -> str:
    start, end = said.span.seconds
    return json.dumps(
        {"type": "transcript", "channel": said.side, "start": start, "end": end, "text": said.text, "final": said.final}
    )


@contextmanager
def calling(
    url: str, names: Sequence[str], path: Path, script: Sequence[Utterance] = (), apart: float = 0.0
) -> Iterator[list[LiveCall]]:
    """The same recording as so many live calls, each `apart` seconds after the last; waits for their end on leaving."""
    calls = [LiveCall(name) for name in names]
    sound = packets(path)

    async def all_of_them() -> None:
        await asyncio.gather(*(send(url, call, sound, script, apart * place) for place, call in enumerate(calls)))

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()), daemon=True)
    thread.start()
    yield calls
    thread.join(120)
    assert all(call.ended for call in calls)
