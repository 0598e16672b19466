"""The flows that Genesys' public conformance tests send, over a real socket, with audio running meanwhile.

Written after reading the vendor's tests and reference client: which messages they send, and what they check of the
answers (type, id, `seq` by one, `clientseq` of the message that is answered).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection

from tests.doors.switches import Hook, Place

TONE = bytes(range(0, 256, 2)) * 25
Step = Callable[[Hook, ClientConnection], Awaitable[None]]


async def speak(hook: Hook, socket: ClientConnection, kind: str, parameters: dict[str, Any]) -> None:
    await socket.send(hook.message(kind, parameters))


async def ping(hook: Hook, socket: ClientConnection) -> None:
    await speak(hook, socket, "ping", {})
    pong = await hook.hear(socket, "pong")
    assert (hook.seq, pong["seq"], pong["clientseq"]) == (2, 2, 2), "nothing of ours comes between opened and pong"


async def ping_and_close_at_once(hook: Hook, socket: ClientConnection) -> None:
    await speak(hook, socket, "ping", {"rtt": "PT0.012345678S"})


async def update(hook: Hook, socket: ClientConnection) -> None:
    await speak(hook, socket, "update", {"language": "en-US"})


async def discarded(hook: Hook, socket: ClientConnection) -> None:
    await speak(hook, socket, "discarded", {"start": "PT6.3S", "discarded": "PT0.3S"})


async def error(hook: Hook, socket: ClientConnection) -> None:
    await speak(hook, socket, "error", {"code": 400, "message": "tough stuff"})


async def pause_and_resume(hook: Hook, socket: ClientConnection) -> None:
    """The vendor's client says `paused` twice, and its tone may still run."""
    await speak(hook, socket, "paused", {})
    await speak(hook, socket, "paused", {})
    await socket.send(TONE)
    await asyncio.sleep(0.5)
    await speak(hook, socket, "resumed", {"start": "PT0.4S", "discarded": "PT0.5S"})


async def flow(place: Place, channels: list[list[str]], step: Step | None) -> list[dict[str, Any]]:
    """Open, stream a tone, do the step, close; all that the server said."""
    hook, said = Hook(place), list[dict[str, Any]]()
    offers = [{"type": "audio", "format": "PCMU", "channels": names, "rate": 8000} for names in channels]
    async with hook.connect() as socket:
        text = json.loads(hook.open(str(uuid4()), ["caller"], "en"))
        text["parameters"]["media"] = offers
        await socket.send(json.dumps(text))
        opened = await hook.hear(socket, "opened")
        assert opened["clientseq"] == 1
        assert opened["parameters"]["media"] in ([], *([offer] for offer in offers))
        if opened["parameters"]["media"]:
            await socket.send(TONE)
        if step is not None:
            await step(hook, socket)
        await speak(hook, socket, "close", {"reason": "end"})
        with suppress(asyncio.TimeoutError):
            while not said or said[-1]["type"] != "closed":
                said.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
                hook.serverseq += 1
                assert said[-1]["seq"] == hook.serverseq
    assert (said[-1]["type"], said[-1]["clientseq"], said[-1]["id"]) == ("closed", hook.seq, hook.session)
    return said


@pytest.mark.parametrize("channels", [
    [["external", "internal"], ["external"], ["internal"]], [["internal", "external"], ["internal"], ["external"]],
    [["external", "internal"]], [["external"]], [["internal"]],
], ids=str)
def test_every_offer_of_media_can_be_opened_and_closed(place: Place, channels: list[list[str]]) -> None:
    assert [message["type"] for message in asyncio.run(flow(place, channels, None))] == ["closed"]


@pytest.mark.parametrize(("step", "answers"), [
    (ping, ["closed"]), (ping_and_close_at_once, ["pong", "closed"]), (update, ["updated", "closed"]),
    (discarded, ["closed"]), (error, ["closed"]), (pause_and_resume, ["closed"]),
])
def test_every_message_of_the_client_is_answered_as_it_should(place: Place, step: Step, answers: list[str]) -> None:
    said = asyncio.run(flow(place, [["external", "internal"], ["external"]], step))
    assert [message["type"] for message in said] == answers
