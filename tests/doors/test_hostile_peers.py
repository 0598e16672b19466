"""Peers that lie, flood, fall silent or vanish: they are refused or ended, and the service goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.protocols.signatures import twilio_signature
from tests.doors.switches import Hook, Place, media, until_closed
from tests.test_api_fuzz import BEGINNINGS, message
from tests.test_api_fuzz import UUID as UUID_OF_FUZZ

QUIET = b"\xff" * 160
START = {"event": "start", "streamSid": "MZ1"}


def twilio(place: Place, token: str | None = None) -> connect:
    url = f"{place.socket}/v1/twilio"
    signature = twilio_signature(url.replace("ws://", "wss://"), token or place.twilio_token)
    return connect(url, additional_headers={"X-Twilio-Signature": signature})


def start(call: str) -> str:
    return json.dumps({**START, "start": {"tracks": ["inbound"], "callSid": call}})


async def refused(attempt: connect) -> int:
    with pytest.raises(InvalidStatus) as caught:
        async with attempt:
            pass
    return caught.value.response.status_code


async def card_at_end(place: Place, call: str, within_s: float) -> dict[str, Any]:
    """The card of a call that must end within so many seconds."""
    until = time.monotonic() + within_s
    async with place.client() as client:
        while True:
            answer = await client.get(f"/v1/calls/{call}")
            if answer.status_code == 200 and answer.json()["state"] == "ended":
                card: dict[str, Any] = answer.json()
                return card
            assert time.monotonic() < until, answer.text
            await asyncio.sleep(0.1)


def test_a_wrong_or_missing_twilio_signature_is_refused_at_the_door(hasty: Place) -> None:
    async def run() -> list[int]:
        return [await refused(twilio(hasty, "another token")), await refused(connect(f"{hasty.socket}/v1/twilio"))]

    assert asyncio.run(run()) == [401, 401]


def test_telnyx_cannot_sign_and_comes_in_with_a_ticket_once(hasty: Place) -> None:
    async def run() -> int:
        async with hasty.client() as client:
            ticket = (await client.post("/v1/tickets", json={"for": "stream"})).raise_for_status().json()["ticket"]
        address = f"{hasty.socket}/v1/twilio?ticket={ticket}"
        async with connect(address) as socket:
            await socket.send('{"event":"stop"}')
            await until_closed(socket)
        return await refused(connect(address))

    assert asyncio.run(run()) == 401


def test_audiohook_refuses_what_is_not_signed_freshly_and_once(hasty: Place) -> None:
    async def run() -> list[int]:
        address, replayed = f"{hasty.socket}/v1/audiohook", Hook(hasty)
        async with replayed.connect():
            pass
        old, forged, unsigned = Hook(hasty).headers(int(time.time()) - 60), Hook(hasty).headers(), Hook(hasty).headers()
        forged["signature"] = "sig1=:" + base64.b64encode(bytes(32)).decode() + ":"
        del unsigned["signature"]
        return [await refused(replayed.connect()),
                *[await refused(connect(address, additional_headers=headers)) for headers in (old, forged, unsigned)]]

    assert asyncio.run(run()) == [401, 401, 401, 401]


def test_a_wrong_basic_password_is_refused(hasty: Place) -> None:
    header = {"Authorization": "Basic " + base64.b64encode(b"asterisk:em_wrong").decode()}
    for door in ("asterisk", "freeswitch"):
        assert asyncio.run(refused(connect(f"{hasty.socket}/v1/{door}", additional_headers=header))) == 401


def test_a_number_out_of_order_ends_an_audiohook_session(hasty: Place) -> None:
    async def run() -> dict[str, Any]:
        hook, call = Hook(hasty), str(uuid4())
        async with hook.connect() as socket:
            await socket.send(hook.open(call, ["caller"], "en"))
            await hook.hear(socket, "opened")
            hook.seq += 5
            await socket.send(hook.message("ping", {}))
            message = await hook.hear(socket, "disconnect")
            assert message["parameters"]["reason"] == "error"
        return await card_at_end(hasty, call, 10)

    assert asyncio.run(run())["door"] == "audiohook"


def test_silence_and_half_open_sockets_end_by_the_idle_time(hasty: Place) -> None:
    """The peer's machine is gone: nothing comes, nothing closes. Both transports notice."""
    async def over_websocket(call: str) -> dict[str, Any]:
        async with twilio(hasty) as socket:
            await socket.send(start(call))
            await socket.send(media("MZ1", "inbound", 1, QUIET))
            await until_closed(socket, 4408)
        return await card_at_end(hasty, call, 10)

    async def over_tcp(call: str) -> dict[str, Any]:
        async with hasty.client() as client:
            await client.post("/v1/calls", json={"call_id": call})
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.audiosocket)
        writer.write(b"\x01\x00\x10" + UUID(call).bytes + b"\x10\x01\x40" + bytes(320) + b"\x10\x01")
        assert await asyncio.wait_for(reader.read(), 15) == b""
        writer.close()
        return await card_at_end(hasty, call, 10)

    async def run() -> list[dict[str, Any]]:
        return list(await asyncio.gather(over_websocket(str(uuid4())), over_tcp(str(uuid4()))))

    assert [card["door"] for card in asyncio.run(run())] == ["twilio", "audiosocket"]


def test_twice_too_fast_with_wrong_times_and_never_closing(hasty: Place) -> None:
    """80 ms a message, timestamps in steps of 20, sent as fast as it goes; then the line is cut."""
    async def run() -> dict[str, Any]:
        call = str(uuid4())
        async with twilio(hasty) as socket:
            await socket.send(start(call))
            for chunk in range(1, 101):
                await socket.send(media("MZ1", "inbound", chunk, QUIET * 4))
            await asyncio.sleep(0.5)
            socket.transport.abort()
        return await card_at_end(hasty, call, 15)

    card = asyncio.run(run())
    assert card["summary"]["seconds"] == pytest.approx(8.0, abs=0.6)
    assert card["summary"]["gap_s"] == 0


@pytest.mark.parametrize(("first", "code"), [
    ("x" * 70_000, 1009), (b"\0" * (3 << 20), 1009), (media("MZ1", "inbound", 1, QUIET), 4400),
])
def test_oversized_and_early_messages_close_the_socket(hasty: Place, first: str | bytes, code: int) -> None:
    async def run() -> int | None:
        async with twilio(hasty) as socket:
            try:
                await socket.send(first)
                await asyncio.wait_for(socket.recv(), 10)
            except ConnectionClosed:
                pass
            return socket.close_code

    assert asyncio.run(run()) == code


def test_nobody_comes_in_over_tcp_without_an_announced_uuid(hasty: Place) -> None:
    async def run(first: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", hasty.audiosocket)
        writer.write(first)
        heard = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return heard

    for first in (b"\x01\x00\x10" + uuid4().bytes, b"GET / HTTP/1.1\r\n\r\n", b"\x10\x01\x40" + bytes(320)):
        assert asyncio.run(run(first)) == b""


def test_a_live_call_is_not_taken_over_by_another_socket(hasty: Place) -> None:
    async def run() -> None:
        call = str(uuid4())
        async with twilio(hasty) as socket:
            await socket.send(start(call))
            await socket.send(media("MZ1", "inbound", 1, QUIET))
            async with twilio(hasty) as other:
                await asyncio.sleep(0.3)
                await other.send(start(call))
                await until_closed(other, 4409)
            await socket.send(json.dumps({"event": "stop"}))
            await until_closed(socket)

    asyncio.run(run())


async def one_random_peer(place: Place, door: str, dice: random.Random) -> None:
    script = [*BEGINNINGS[door], *(message(dice, door, seq + 2) for seq in range(12))]
    if door == "audiosocket":
        reader, writer = await asyncio.open_connection("127.0.0.1", place.audiosocket)
        writer.write(b"".join(piece for piece in script if isinstance(piece, bytes)))
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 20)
        writer.close()
        return
    hook = Hook(place, session=UUID_OF_FUZZ, organization=UUID_OF_FUZZ)
    attempts = {"twilio": lambda: twilio(place), "audiohook": hook.connect}
    with suppress(ConnectionClosed):
        async with attempts.get(door, lambda: connect(f"{place.socket}/v1/{door}"))() as socket:
            for piece in script:
                await socket.send(piece if isinstance(piece, bytes) else piece.encode("utf-8", "replace").decode())
            await asyncio.sleep(0.05)
            if dice.random() < 0.5:
                socket.transport.abort()


@pytest.mark.parametrize("door", ["twilio", "audiohook", "audiosocket", "asterisk", "freeswitch"])
def test_random_peers_leave_no_traceback(hasty: Place, door: str, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        dice = random.Random(door)
        for _ in range(4):
            await asyncio.gather(*(one_random_peer(hasty, door, dice) for _ in range(8)))
        await asyncio.sleep(0.5)

    with caplog.at_level("ERROR"):
        asyncio.run(run())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def test_after_all_that_the_service_is_well_and_holds_no_call(hasty: Place) -> None:
    async def run() -> None:
        async with hasty.client() as client:
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            until = time.monotonic() + 10
            while (await client.get("/v1/calls?state=live")).json()["items"]:
                assert time.monotonic() < until
                await asyncio.sleep(0.2)

    asyncio.run(run())
