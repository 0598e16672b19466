"""How soon Genesys hears `opened` when two hundred sessions open in the same instant."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection

from tests.conftest import ROOT
from tests.doors.conftest import KEY, SECRET, free_port
from tests.doors.switches import Hook, Place, interleaved

SESSIONS = 200
BAR_S = 0.1


@contextmanager
def process(folder: Path) -> Iterator[Place]:
    """The service as it is started for real, in a process of its own."""
    port = free_port()
    environment = os.environ | {
        "EMOTION_DEMO": "1", "EMOTION_DATABASE": f"sqlite:///{folder / 'opens.db'}", "EMOTION_FILES": str(folder),
        "EMOTION_AUDIOHOOK_KEYS": f"demo={KEY}:{base64.b64encode(SECRET).decode()}", "EMOTION_DRAIN_S": "1",
        "EMOTION_CALLS": "1000", "EMOTION_CALLS_PER_TENANT": "1000", "EMOTION_LOG_LEVEL": "warning",
    }
    running = subprocess.Popen([sys.executable, "-m", "api", "serve", "--port", str(port)], cwd=ROOT, env=environment)
    try:
        until = time.monotonic() + 120
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                assert running.poll() is None, "the service did not start"
            assert time.monotonic() < until
            time.sleep(0.2)
        yield Place(port, audiohook_key=KEY, audiohook_secret=SECRET)
    finally:
        running.terminate()
        running.wait(30)


async def quiet(place: Place) -> None:
    """Wait until the calls of the last burst are gone and stored."""
    async with place.client() as client:
        while (await client.get("/v1/calls?state=live")).json()["items"]:
            await asyncio.sleep(0.2)
    await asyncio.sleep(1.0)


async def opens(place: Place) -> list[float]:
    """Seconds from `open` to `opened` of each of the sessions, sent in one burst by clients that also listen."""
    async with AsyncExitStack() as stack:
        hooks = [Hook(place) for _ in range(SESSIONS)]
        sockets = [await stack.enter_async_context(hook.connect()) for hook in hooks]
        await quiet(place)

        async def answer(hook: Hook, socket: ClientConnection) -> float:
            message = json.loads(await asyncio.wait_for(socket.recv(), 10))
            heard = time.perf_counter()
            assert message["type"] == "opened", message
            hook.serverseq += 1
            return heard - sent[hook.session]

        sent: dict[str, float] = {}
        listening = [asyncio.create_task(answer(hook, socket)) for hook, socket in zip(hooks, sockets, strict=True)]
        texts = [hook.open(str(uuid4()), ["caller", "agent"], "en") for hook in hooks]
        for hook, socket, text in zip(hooks, sockets, texts, strict=True):
            sent[hook.session] = time.perf_counter()
            await socket.send(text)
            await asyncio.sleep(0)
        times = list(await asyncio.gather(*listening))
        packet = interleaved([b"\xff" * 1600, b"\xff" * 1600])
        for hook, socket in zip(hooks, sockets, strict=True):
            await socket.send(packet)
            await socket.send(hook.message("close", {"reason": "end"}))
        for hook, socket in zip(hooks, sockets, strict=True):
            await hook.hear(socket, "closed")
        return times


def slowdown() -> float:
    """How many times slower than alone this process runs now: wall over CPU of a fifth of a second's work."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.2:
        sum(range(1000))
    return max(1.0, (time.perf_counter() - wall) / (time.process_time() - cpu))


@pytest.mark.slow
def test_opened_comes_within_a_tenth_of_a_second(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The best of five bursts; on a machine that others use too, in the time that it would take alone."""
    bursts = []
    with process(tmp_path) as place:
        for _ in range(5):
            before = slowdown()
            times = 1000 * np.array(asyncio.run(opens(place)))
            bursts.append((float(times.max()), (before + slowdown()) / 2, times))
    most, busy, times = min(bursts, key=lambda burst: burst[0] / burst[1])
    with capsys.disabled():
        print(f"\nopened at {SESSIONS} concurrent opens: p50 {np.median(times):.0f} ms, max {most:.0f} ms on a machine "
              f"that ran {busy:.1f} times slower than alone: {most / busy:.0f} ms")
    assert most / busy <= 1000 * BAR_S
