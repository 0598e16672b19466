"""The TCP door: Asterisk AudioSocket (docs/doors/audiosocket.md), on loopback or a private address only.

The protocol has neither authentication nor encryption. What lets a connection in is the UUID of a call that was
announced with POST /v1/calls by the tenant of this door; listening on a public address has to be asked for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from contextlib import suppress

from api.house import House
from api.link import carry
from api.protocols.audiosocket import AudioSocket
from api.protocols.events import Data
from api.security import Principal, Role
from api.settings import Settings, SettingsError

READ = 65_536
"""Bytes read at once; TCP makes the sender wait when the session does."""
log = logging.getLogger("emotion.doors")


class StreamTransport:
    """A TCP connection as `carry` needs it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def receive(self) -> Data | None:
        """Some bytes; None when the peer is gone."""
        try:
            return await self._reader.read(READ) or None
        except OSError:
            return None

    async def send(self, data: Data) -> None:
        """The protocol has nothing to say; bytes are written for completeness' sake."""
        with suppress(OSError):
            self._writer.write(data.encode() if isinstance(data, str) else data)
            await self._writer.drain()

    async def close(self, code: int, reason: str) -> None:
        """Close without waiting for a peer that may be gone for good."""
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()


async def listen(house: House, settings: Settings) -> asyncio.Server | None:
    """Listen for AudioSocket; None when EMOTION_AUDIOSOCKET_PORT is 0; SettingsError for an address that is public."""
    if not settings.audiosocket_port:
        return None
    if not settings.audiosocket_public and not is_private(settings.audiosocket_host):
        raise SettingsError(f"EMOTION_AUDIOSOCKET_HOST={settings.audiosocket_host!r} is not loopback or private; "
                            "AudioSocket is not encrypted; EMOTION_AUDIOSOCKET_PUBLIC=1 if the network is closed")
    who = Principal(settings.audiosocket_tenant, Role.INGEST, "audiosocket")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        machine = AudioSocket(lambda call: house.announced(who.tenant, call))
        try:
            await carry(house, who, machine, StreamTransport(reader, writer))
        finally:
            writer.close()

    server = await asyncio.start_server(serve, settings.audiosocket_host, settings.audiosocket_port, limit=READ)
    log.info("AudioSocket on %s port %d", settings.audiosocket_host, server.sockets[0].getsockname()[1])
    return server


def is_private(host: str) -> bool:
    """Whether an address to listen on cannot be reached from the internet."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return not address.is_unspecified and (address.is_loopback or address.is_private)
