"""WebSocket doors: the native one at `/v1/stream`, and the transport that every WebSocket door wraps its socket in."""

from __future__ import annotations

from contextlib import suppress

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.link import carry
from api.protocols.events import Data
from api.protocols.native import NativeMachine
from api.security import CALLS

router = APIRouter()


class WebSocketTransport:
    """An accepted WebSocket as `carry` needs it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> Data | None:
        """The next message; None when the peer is gone."""
        try:
            message = await self._socket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return None
        if message["type"] != "websocket.receive":
            return None
        data: bytes | None = message.get("bytes")
        return data if data is not None else message["text"]

    async def send(self, data: Data) -> None:
        """One message; silently nothing when the peer is gone, which `receive` will tell."""
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            if isinstance(data, bytes):
                await self._socket.send_bytes(data)
            else:
                await self._socket.send_text(data)

    async def close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect, RuntimeError, OSError):
            if self._socket.application_state is not WebSocketState.DISCONNECTED:
                await self._socket.close(code, reason[:120])


@router.websocket("/v1/stream")
async def stream(socket: WebSocket) -> None:
    """The native door (docs/api.md, 'Live calls in')."""
    house = socket.app.state.house
    who = await house.guard.socket(socket, CALLS, "stream")
    if who is None:
        return
    await socket.accept()
    query = {key: value for key, value in socket.query_params.items() if key != "ticket"}
    await carry(house, who, NativeMachine(query or None), WebSocketTransport(socket))
