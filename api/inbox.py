"""What waits between one socket and the engine: bounded, filled by the event loop, emptied by the engine's thread."""

from __future__ import annotations

import threading
from collections import deque

from api.protocols.events import Audio, Incoming

MOST_ITEMS = 8192


class Inbox:
    """Events of one call in their order, with the time they came."""

    def __init__(self, bytes_per_second: int, seconds: float) -> None:
        """`seconds` of audio at most; a sender that fills them is made to wait."""
        self._rate = bytes_per_second
        self._most = seconds
        self._items: deque[tuple[float, Incoming]] = deque()
        self._lock = threading.Lock()
        self._bytes = 0

    def put(self, event: Incoming, now: float) -> None:
        """Append one event that came `now` (monotonic seconds)."""
        with self._lock:
            self._items.append((now, event))
            if isinstance(event, Audio):
                self._bytes += len(event.data)

    def pop(self) -> tuple[float, Incoming] | None:
        """The oldest event and when it came; None when empty."""
        with self._lock:
            if not self._items:
                return None
            came, event = self._items.popleft()
            if isinstance(event, Audio):
                self._bytes -= len(event.data)
            return came, event

    @property
    def seconds(self) -> float:
        """Seconds of audio that wait."""
        return self._bytes / self._rate

    @property
    def full(self) -> bool:
        return self.seconds >= self._most or len(self._items) >= MOST_ITEMS

    def waited(self, now: float) -> float:
        """How long the oldest event has waited."""
        with self._lock:
            return now - self._items[0][0] if self._items else 0.0
