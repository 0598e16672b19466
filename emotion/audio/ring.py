"""A bounded buffer of samples between packets that come as they like and hops of fixed length.

When it is full the oldest samples give way: a live call cannot wait. What was dropped is counted, and the clock
moves on by it, so that later hops stand at their true time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from emotion.types import Audio, Frame


@dataclass(slots=True)
class Ring:
    """At most `capacity` samples; `start` is the sample index of the oldest."""

    capacity: int
    start: int = 0
    dropped: int = 0
    length: int = 0
    _store: Audio = field(init=False)
    _head: int = 0

    def __post_init__(self) -> None:
        self._store = np.zeros(self.capacity, np.float32)

    @property
    def end(self) -> int:
        return self.start + self.length

    def push(self, samples: Audio) -> int:
        """Append samples; returns how many old ones were dropped to make room."""
        lost = max(0, self.length + len(samples) - self.capacity)
        self._skip(min(lost, self.length))
        if len(samples) > self.capacity:
            self.start += len(samples) - self.capacity
            samples = samples[-self.capacity :]
        tail = (self._head + self.length) % self.capacity
        first = min(len(samples), self.capacity - tail)
        self._store[tail : tail + first] = samples[:first]
        self._store[: len(samples) - first] = samples[first:]
        self.length += len(samples)
        self.dropped += lost
        return lost

    def pop(self, count: int) -> Frame:
        """The oldest `count` samples as a frame of their own; ValueError if there are fewer."""
        if count > self.length:
            raise ValueError(f"{count} samples asked for, {self.length} are there")
        index = (self._head + np.arange(count)) % self.capacity
        frame = Frame(self._store[index], self.start)
        self._skip(count)
        return frame

    def skip_to(self, index: int) -> None:
        """Let everything before a sample index go; an index beyond the end empties the ring and moves its clock."""
        self._skip(min(max(0, index - self.start), self.length))
        self.start = max(self.start, index)

    def _skip(self, count: int) -> None:
        self._head = (self._head + count) % self.capacity
        self.start += count
        self.length -= count
