"""The bus: what a slow reader loses, what is replayed, and that ids grow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bus import Filter
from api.bus.local import LocalBus, Subscription

WANTED = Filter("t", readings=True)


def told(bus: LocalBus, kind: str, **more: Any) -> str:
    return str(bus.publish("t", kind, **more)["id"])


def read(reader: Subscription) -> list[dict[str, Any]]:
    """All that waits for a reader."""
    async def work() -> list[dict[str, Any]]:
        reader.close()
        return [dict(event) async for event in reader]
    return asyncio.run(work())


def test_a_slow_reader_loses_readings_first() -> None:
    """A queue of four: readings give way, then the oldest; the loss is told before anything else."""
    bus = LocalBus()
    reader = Subscription(bus, WANTED, size=4)
    bus._readers.add(reader)
    for kind in ("alert", "reading", "change", "reading", "alert", "ended", "alert"):
        told(bus, kind)
    events = read(reader)
    assert events[0] == {"type": "lost", "events": 3}
    assert [event["type"] for event in events[1:]] == ["change", "alert", "ended", "alert"]


def test_replay_holds_what_counts() -> None:
    bus = LocalBus()
    first = told(bus, "alert")
    told(bus, "reading")
    second = told(bus, "change", call="c")
    assert [event["id"] for event in bus.replay(first, WANTED)] == [second]
    assert [event["id"] for event in bus.replay("", WANTED)] == [first, second]
    assert list(bus.replay("", Filter("other"))) == []


@given(st.lists(st.sampled_from(["alert", "reading", "standing", "call"]), min_size=2, max_size=50))
def test_ids_grow(kinds: list[str]) -> None:
    bus = LocalBus()
    ids = [told(bus, kind) for kind in kinds]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize(("narrow", "passes"), [
    ({}, True), ({"agent": "a"}, True), ({"agent": "b"}, False), ({"team": "n"}, True), ({"team": "s"}, False),
    ({"call": "c"}, True), ({"call": "d"}, False), ({"types": frozenset({"alert"})}, True),
    ({"types": frozenset({"change"})}, False)])
def test_filters(narrow: dict[str, Any], passes: bool) -> None:
    event = {"tenant": "t", "type": "alert", "call": "c", "agent": "a", "team": "n"}
    assert Filter("t", **narrow).wants(event) is passes
    assert not Filter("u", **narrow).wants(event)
