"""The real service with its real engine on loopback, for scripted switches; in demo mode, with the doors' secrets.

It forgives 30 s of lag, so that a slow machine does not drop the audio that the doors are compared by.
"""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from api.app import create
from api.settings import Settings
from tests.doors.switches import Place

TOKEN, KEY, SECRET = "twilio-token", "SGVsbG8=", b"a client secret of Genesys"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def settings_for(folder: Path) -> Settings:
    return Settings(
        demo=True, database=f"sqlite:///{folder / 'doors.db'}", files=str(folder / "files"), keep_reading_s=0.5,
        lag_s=30.0, drain_s=1.0, twilio_tokens=f"demo={TOKEN}", audiosocket_port=free_port(),
        audiohook_keys=f"demo={KEY}:{base64.b64encode(SECRET).decode()}", log_level="warning")


@contextmanager
def serving(settings: Settings) -> Iterator[Place]:
    """The app under uvicorn in a thread, until the block is left."""
    config = uvicorn.Config(create(settings), "127.0.0.1", 0, log_config=None, access_log=False, ws_max_size=2 << 20,
                            ws="websockets-sansio", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.02)
    try:
        yield Place(server.servers[0].sockets[0].getsockname()[1], settings.audiosocket_port, TOKEN, KEY, SECRET)
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with serving(settings_for(tmp_path_factory.mktemp("doors"))) as running:
        yield running


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A service that loses patience soon, for peers that misbehave."""
    settings = settings_for(tmp_path_factory.mktemp("hasty"))
    with serving(replace(settings, idle_s=2.0, grace_s=1.0)) as running:
        yield running
