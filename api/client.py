"""A stand-in for a softphone: streams recordings to the native door in real time and prints what comes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from emotion.audio.files import open_recording
from emotion.audio.pcm import encode_s16le
from emotion.types import RATE, RUNGS, Language, Utterance

PACKET_S = 0.02
SECOND_WIND_S = 30.0
"""How long to wait for `ended` after `stop`."""


class StreamError(Exception):
    """The call could not be streamed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to stream, and how."""

    path: Path
    url: str
    key: str | None = None
    transcript: Sequence[Utterance] = ()
    language: Language = "zh"
    speed: float = 1.0
    agent: str | None = None
    call: str | None = None
    caller: int = 0
    quiet: bool = False


@dataclass(slots=True)
class Result:
    """What came back: every message that is not a reading, with the time it came and where the audio stood then."""

    call: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    """For each alert: seconds of audio sent after the moment that it speaks of."""

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one type."""
        return [message for message in self.messages if message["type"] == kind]


async def stream_many(spec: Spec, calls: int, say: Callable[[str], None] = print) -> list[Result]:
    """The same recording as many calls at once; StreamError if one could not be streamed."""
    if calls == 1:
        return [await stream(spec, say)]
    names = [f"{spec.call or spec.path.stem}-{time.time_ns() % 10**8:08d}-{n + 1}" for n in range(calls)]
    runs = [stream(replace(spec, call=name, quiet=spec.quiet), lambda line, name=name: say(f"[{name}] {line}"))  # type: ignore[misc]
            for name in names]
    done = await asyncio.gather(*runs, return_exceptions=True)
    faults = [one for one in done if isinstance(one, BaseException)]
    for fault in faults:
        say(f"a call failed: {fault}")
    if faults:
        raise faults[0]
    return [one for one in done if isinstance(one, Result)]


async def stream(spec: Spec, say: Callable[[str], None] = print) -> Result:
    """Stream one recording; returns what the service said."""
    recording = open_recording(spec.path, caller=spec.caller)
    headers = {"Authorization": f"Bearer {spec.key}"} if spec.key else {}
    if spec.transcript and not spec.quiet:
        say("(the script's text is sent along as 'transcript': words are read, not heard, in this run)")
    try:
        async with connect(spec.url, additional_headers=headers, max_size=1 << 22, open_timeout=20,
                           compression=None) as socket:
            result, sent = Result(), [0.0]
            await socket.send(json.dumps({
                "type": "start", "call_id": spec.call, "agent_id": spec.agent, "language": spec.language,
                "encoding": "pcm_s16le", "sample_rate": recording.rate, "channels": list(recording.sides),
                "consent": True, "readings": 1.0}))
            hearing = asyncio.create_task(_hear(socket, result, sent, spec, say))
            sending = asyncio.create_task(_send(socket, spec, _packets(spec.path, spec.caller), sent))
            done, _ = await asyncio.wait({hearing, sending}, return_when=asyncio.FIRST_COMPLETED)
            if hearing not in done:
                await sending
                await asyncio.wait_for(hearing, SECOND_WIND_S + 10 * len(result.messages))
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await hearing
            return result
    except (OSError, InvalidHandshake, TimeoutError) as fault:
        raise StreamError(f"cannot stream to {spec.url}: {fault or type(fault).__name__}; is the service running "
                          "(python -m api serve) and is the key right?") from fault


def _packets(path: Path, caller: int) -> Iterator[tuple[float, bytes]]:
    """20 ms packets of interleaved 16-bit audio, each with the second at which it ends."""
    recording = open_recording(path, caller=caller)
    count, done = round(recording.rate * PACKET_S), 0
    for block in recording.blocks():
        samples = np.stack([block[side] for side in recording.sides], axis=1)
        for begin in range(0, len(samples), count):
            packet = samples[begin : begin + count]
            done += len(packet)
            yield done / recording.rate, encode_s16le(packet.reshape(-1))


async def _send(socket: ClientConnection, spec: Spec, packets: Iterator[tuple[float, bytes]],
                sent: list[float]) -> None:
    script = sorted(spec.transcript, key=lambda line: line.span.end)
    said, began = 0, time.monotonic()
    try:
        for until, packet in packets:
            while said < len(script) and script[said].span.end <= until * RATE:
                await socket.send(_line(script[said]))
                said += 1
            await socket.send(packet)
            sent[0] = until
            ahead = until / spec.speed - (time.monotonic() - began)
            if ahead > 0.001:
                await asyncio.sleep(ahead)
        for line in script[said:]:
            await socket.send(_line(line))
        await socket.send('{"type": "stop"}')
    except ConnectionClosed:
        return


def _line(said: Utterance) -> str:
    start, end = said.span.seconds
    return json.dumps({"type": "transcript", "channel": said.side, "start": start, "end": end, "text": said.text,
                       "final": said.final}, ensure_ascii=False)


async def _hear(socket: ClientConnection, result: Result, sent: list[float], spec: Spec,
                say: Callable[[str], None]) -> None:
    try:
        async for text in socket:
            message = json.loads(text)
            if message["type"] != "reading":
                result.messages.append(message)
            if message["type"] == "started":
                result.call = message["call"]
            if message["type"] == "alert":
                result.lateness.append(sent[0] - message["alert"]["at"])
            if not spec.quiet:
                for line in told(message, spec.language, sent[0]):
                    say(line)
            if message["type"] == "ended":
                return
    except ConnectionClosed as closed:
        why = str(closed)
    else:
        why = "it was closed"
    faults = [f"{message['message']}; {message['remedy']}" for message in result.of("error")]
    raise StreamError(f"the call broke off: {faults[-1] if faults else why}")


def told(message: Mapping[str, Any], language: Language, now: float) -> Iterator[str]:
    """A server message as lines for people."""
    match message["type"]:
        case "started":
            yield f"call {message['call']} is open"
        case "reading" if message["standing"]:
            standing = message["standing"]
            bar = "█" * (standing["rung"] + 1) + "·" * (6 - standing["rung"])
            yield f"{message['at']:7.1f} s  {bar}  {standing['rung']} {RUNGS[standing['rung']][language]}"
        case "change":
            change = message["change"]
            arrow = "↑" if change["after"] > change["before"] else "↓"
            why = "; ".join(reason["text"][language] for reason in change["reasons"])
            yield f"{change['at']:7.1f} s  {arrow} {change['after']} {RUNGS[change['after']][language]}  ({why})"
        case "alert":
            alert = message["alert"]
            card = alert["guidance"][language]
            yield (f"{alert['at']:7.1f} s  ! [{alert['audience']}] {card['title']}"
                   f"  (came {max(0.0, now - alert['at']):.1f} s later)")
            yield f"             {card['mood'][0] if card['mood'] else ''}"
            yield f"             {card['matter']}"
        case "warning" | "error":
            yield f"           {message['type']} {message['code']}: {message['message']}"
        case "ended":
            summary = message["summary"]
            yield f"call ended ({message['reason']}): {summary['seconds']:.1f} s, peak {summary['peak']}"
