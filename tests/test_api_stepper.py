"""The engine's thread: order, back-pressure, lag that drops, and one failing call among others that go on."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from api.inbox import Inbox
from api.protocols.events import Audio, Gap, Mark, Started, Stopped
from api.stepper import Job, Outcome, Stepper
from emotion.call import Call
from emotion.engine import Engine
from emotion.types import Moment
from tests.service import engine, everything, serving, start, until

FORMAT = Started("c", "mulaw", 8000, consent=True)
QUARTER = Audio(b"\xff" * 2000)


@pytest.fixture(scope="module")
def real() -> Engine:
    return engine()


def job(real: Engine, name: str = "c", *, live: bool = True, seconds: float = 4.0) -> Job:
    call = real.open(name, language="zh")
    return Job(call, FORMAT, Inbox(8000, seconds), 2.0, lambda: live, real)


def stepped(jobs: Iterable[Job]) -> list[Outcome]:
    """Run rounds in this thread until nothing is left to do."""
    told: list[Outcome] = []
    stepper = Stepper(told.extend, 0.04)
    for one in jobs:
        stepper.add(one)
    while stepper.round():
        pass
    return told


def test_events_keep_their_order(real: Engine) -> None:
    """Audio, a gap, audio, a mark, the end: the clock counts them all, the mark comes after them."""
    one = job(real)
    for event in (QUARTER, QUARTER, Gap(0.5), QUARTER, QUARTER, Mark("here"), Stopped()):
        one.inbox.put(event, time.monotonic())
    told = stepped([one])
    moments = [moment for outcome in told for moment in outcome.moments]
    assert [moment.reading.at for moment in moments] == [4000, 8000, 12_000, 16_000]
    assert "loss" in moments[1].reading.degraded
    assert [mark for outcome in told for mark in outcome.marks] == [Mark("here")]
    assert told[-1].finished
    assert one.over


def test_a_fast_sender_loses_nothing(real: Engine) -> None:
    """Ten seconds at once from a sender ahead of real time: all of it is analysed."""
    one = job(real, live=False, seconds=20)
    for _ in range(40):
        one.inbox.put(QUARTER, time.monotonic() - 10)
    told = stepped([one])
    assert sum(len(outcome.moments) for outcome in told) == 20
    assert not any(outcome.late_s for outcome in told)


def test_a_live_call_that_lags_drops_its_oldest(real: Engine) -> None:
    """Ten seconds that waited too long: the newest two stay, the loss is counted, readings are marked."""
    one = job(real, seconds=20)
    for _ in range(40):
        one.inbox.put(QUARTER, time.monotonic() - 10)
    told = stepped([one])
    assert sum(outcome.late_s for outcome in told) == pytest.approx(8.0)
    moments = [moment for outcome in told for moment in outcome.moments]
    assert moments[-1].reading.at == 80_000, "the clock goes on over what was dropped"
    assert "late" in moments[0].reading.degraded


def test_a_full_inbox_says_so() -> None:
    box = Inbox(8000, 1.0)
    for _ in range(4):
        assert not box.full
        box.put(QUARTER, 0.0)
    assert box.full
    assert box.waited(3.0) == 3.0
    assert box.pop() == (0.0, QUARTER)
    assert box.seconds == 0.75


class Brittle(Engine):
    """An engine that fails on one call."""

    def __init__(self, real: Engine, bad: str) -> None:
        self.__dict__.update(real.__dict__)
        self.bad = bad

    def step(self, calls: Iterable[Call]) -> list[tuple[Call, Moment]]:
        calls = list(calls)
        moments = super().step(calls)
        if any(call.id == self.bad for call in calls):
            raise RuntimeError("made to fail")
        return moments


def test_one_failing_call_leaves_the_others(real: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The block loses half a second, then the culprit alone fails."""
    brittle = Brittle(real, "bad")
    jobs = [job(brittle, name) for name in ("good-1", "bad", "good-2")]
    for one in jobs:
        for _ in range(8):
            one.inbox.put(QUARTER, time.monotonic())
        one.inbox.put(Stopped(), time.monotonic())
    told = stepped(jobs)
    failed = [outcome.job.call.id for outcome in told if outcome.failed]
    assert failed == ["bad"]
    for name in ("good-1", "good-2"):
        mine = [outcome for outcome in told if outcome.job.call.id == name]
        assert sum(len(outcome.moments) for outcome in mine) == 4
        assert sum(outcome.lost_hop for outcome in mine) == 1
        assert mine[-1].finished
    assert "made to fail" in caplog.text


def test_a_failing_call_is_told_and_the_service_lives(tmp_path: Path) -> None:
    """Over the socket: the client of the failed call hears why, another call is analysed to its end."""
    with serving(tmp_path) as service:
        service.house.tuning._base = Brittle(service.house.engine, "bad")
        with service.socket("/v1/stream") as bad, service.socket("/v1/stream") as good:
            for socket, name in ((bad, "bad"), (good, "good")):
                socket.send(start(call_id=name))
                until(socket, "started")
            for _ in range(8):
                bad.send(QUARTER.data)
                good.send(QUARTER.data)
            said = everything(bad)
            assert [message["code"] for message in said if message["type"] == "error"] == ["failed"]
            assert said[-1]["reason"] == "failed"
            good.send('{"type": "stop"}')
            assert everything(good)[-1]["summary"]["seconds"] == 2.0


def test_a_stopped_thread_is_not_alive(real: Engine) -> None:
    stepper = Stepper(lambda _: None, 0.01)
    stepper.start()
    assert stepper.alive
    stepper.stop()
    assert not stepper.alive
