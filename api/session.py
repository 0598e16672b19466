"""One live call: from the events of its protocol to the engine's inbox, and from results to all who are told.

A session outlives its socket by the grace time, so that a client can resume. Everything here runs on the event loop;
only `Job` is shared with the engine's thread.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from api.complaints import Gatherer
from api.inbox import Inbox
from api.protocols.events import (
    WIDTH,
    Accepted,
    Audio,
    Dtmf,
    Ended,
    Failed,
    Fault,
    Held,
    Incoming,
    Outgoing,
    Paused,
    Resumed,
    Started,
    Stopped,
    Told,
    Transcript,
    Warned,
)
from api.security import Principal
from api.stepper import Job, Outcome
from api.summary import Summary, call_card, kept, trace
from emotion.engine import Engine
from emotion.report import plain
from emotion.types import RATE, Alert, Change, Moment

if TYPE_CHECKING:
    from api.house import House
    from api.link import Link

REPLAY = 1000
"""Messages that are kept for a client that resumes."""
STANDING_S = 2.0
PIECE_S = 0.25
AFTER_S = 60.0
"""How long after an alert the rung is looked at again."""


class Session:
    """One call of one tenant, open until it ends or its grace time is over."""

    def __init__(self, house: House, who: Principal, name: str, started: Started, door: str, engine: Engine) -> None:
        settings = house.settings
        self.house, self.who, self.id, self.started, self.door = house, who, name, started, door
        self.began, self.clock = time.time(), time.monotonic()
        self.link: Link | None = None
        self.deadline: float | None = None
        self.summary, self.complaint = Summary(), Gatherer()
        self.state = "live"
        self.quiet = house.tuning.quiet(who.tenant)
        self.paused_s, self.paused_at = 0.0, 0.0
        self.taken_by: str | None = None
        self.open_alerts: set[str] = set()
        self.reason = "stop"
        self.ending = self.over = False
        self.messages = self.samples = self.seq = 0
        self.rate = rate = WIDTH[started.encoding] * len(started.channels) * started.rate
        self._frame = WIDTH[started.encoding] * len(started.channels)
        self._piece = round(PIECE_S * started.rate) * self._frame
        self._sent_bytes = 0
        self._room = asyncio.Event()
        self._log: deque[Outgoing] = deque(maxlen=REPLAY)
        self._due: deque[tuple[float, str]] = deque()
        self._next_reading = self._next_standing = self._next_trace = 0.0
        self._warned: set[str] = set()
        call = engine.open(name, language=started.language, sides=started.channels, rate=started.rate,
                           consent=started.consent, buffer=round(settings.lag_s * RATE))
        self.job = Job(call, started, Inbox(rate, 2 * settings.lag_s), settings.lag_s, self._keeps_time, engine)

    # ── what comes in ───────────────────────────────────────────────────────────────────────────

    async def take(self, event: Incoming) -> None:
        """One event of the protocol, in order; waits when the sender runs too far ahead."""
        if self.ending or self.over:
            return
        inbox = self.job.inbox
        match event:
            case Audio(data):
                if self.state == "paused":
                    return
                if self._sent_bytes + len(data) > self.rate * self.house.settings.call_hours * 3600:
                    self.fail(Fault("too-long", f"the call is longer than {self.house.settings.call_hours:g} hours",
                                    "open another call; EMOTION_CALL_HOURS raises the limit", fatal=True))
                    return
                self._audio(event)
            case Paused():
                self._pause(True)
                inbox.put(event, time.monotonic())
            case Resumed():
                self._pause(False)
                inbox.put(event, time.monotonic())
            case Transcript() if self.state == "paused":
                return
            case Dtmf():
                return
            case Held(on):
                self._set_state("hold" if on else "live", "hold" if on else "running")
                inbox.put(event, time.monotonic())
            case Stopped(reason):
                self.stop(reason)
            case _:
                inbox.put(event, time.monotonic())
        while inbox.full and not self.over:
            self._room.clear()
            await self._room.wait()

    def _audio(self, event: Audio) -> None:
        """Count audio and queue it in pieces that the call's own buffer can hold."""
        data, size, now = event.data, self._piece, time.monotonic()
        self._sent_bytes += len(data)
        if event.side is None:
            self.samples += len(data) // self._frame
        if len(data) <= size:
            self.job.inbox.put(event, now)
        else:
            for begin in range(0, len(data), size):
                self.job.inbox.put(replace(event, data=data[begin : begin + size]), now)
        self.house.recorder.keep(self, event)

    def stop(self, reason: str) -> None:
        """No more will come: analyse what is left, then end."""
        if not self.ending:
            self.ending, self.reason = True, reason
            self.job.inbox.put(Stopped(reason), time.monotonic())

    def _keeps_time(self) -> bool:
        """The sender is not ahead of real time (asked by the engine's thread)."""
        return self._sent_bytes / self.rate < time.monotonic() - self.clock + 1.0

    def _pause(self, on: bool) -> None:
        now = time.monotonic()
        if on and self.state != "paused":
            self.paused_at = now
        elif not on and self.state == "paused":
            self.paused_s += now - self.paused_at
        self._set_state("paused" if on else "live", "paused" if on else "running")

    def _set_state(self, state: str, told: str) -> None:
        if self.state != state:
            self.state = state
            self.publish("call", state=told, card=self.card())

    # ── sockets that come and go ────────────────────────────────────────────────────────────────

    def attach(self, link: Link, resume: int | None) -> None:
        """A socket carries this call from now on; after a resume it is told what it missed."""
        old, self.link, self.deadline = self.link, link, None
        if old is not None:
            old.hang_up(4409, "replaced")
        self.seq += 1
        link.post(Accepted(self.id, self.seq, resume is not None, self.messages, self.samples, self.started.rate,
                           self.house.settings.grace_s, self.house.facts))
        if resume is None:
            self.publish("call", state="started", card=self.card())
            if not self.started.consent:
                self.warn("no-consent", "without 'consent' only talk and silence are measured")
            return
        if self.state == "detached":
            self._set_state("live", "resumed")
        for message in [message for message in self._log if message.seq > resume]:
            link.post(message)

    def detach(self, link: Link) -> None:
        """The socket is gone; wait for another."""
        if self.link is link:
            self.link = None
            if not self.over:
                self.deadline = time.monotonic() + self.house.settings.grace_s
                if self.state != "paused":
                    self._set_state("detached", "detached")

    def fail(self, fault: Fault) -> None:
        """Tell a fault of the sender; a fatal one ends the socket, and `too-long` the call."""
        self.say(lambda seq: Failed(self.id, seq, fault), log=not fault.fatal or fault.code == "too-long")
        if fault.code == "too-long":
            self.stop("too-long")

    def warn(self, code: str, message: str, seconds: float | None = None) -> None:
        self.say(lambda seq: Warned(self.id, seq, code, message, seconds))

    def say(self, make: Any, *, log: bool = True) -> None:
        """Number a message, keep it for a resume, and send it if somebody is there."""
        self.seq += 1
        message = make(self.seq)
        if log:
            self._log.append(message)
        if self.link is not None:
            self.link.post(message)

    # ── what comes out ──────────────────────────────────────────────────────────────────────────

    def deliver(self, outcome: Outcome) -> None:
        """Results of one round of the engine."""
        self._room.set()
        if self.over:
            return
        if outcome.late_s or outcome.gap_s or outcome.lost_hop:
            self._losses(outcome)
        for moment in outcome.moments:
            self._moment(moment)
        at = self.job.call.clock / RATE
        for mark in outcome.marks:
            self.say(lambda seq, mark=mark: Told(self.id, seq, mark, at))
        if outcome.failed:
            self.say(lambda seq: Failed(self.id, seq, Fault(
                "failed", "the analysis of this call failed; other calls go on",
                "open the call again under another id; the log names the fault", fatal=True)))
            self.end("failed")
        elif outcome.finished:
            self.end(self.reason)

    def _losses(self, outcome: Outcome) -> None:
        metrics = self.house.metrics
        if outcome.late_s:
            self.summary.dropped_s += outcome.late_s
            metrics.dropped.inc(outcome.late_s)
            self.warn("late", f"{outcome.late_s:.1f} s of audio were dropped: the machine is short of time",
                      outcome.late_s)
        if outcome.gap_s:
            self.summary.gap_s += outcome.gap_s
            metrics.gaps.inc(outcome.gap_s)
            self.warn("gap", f"{outcome.gap_s:.1f} s of audio were lost on the way", outcome.gap_s)
        if outcome.lost_hop:
            self.warn("degraded", "half a second was not analysed", 0.5)

    def _moment(self, moment: Moment) -> None:
        at = moment.reading.at / RATE
        self.summary.add(moment)
        self.complaint.add(moment)
        if "words-unavailable" in moment.reading.degraded and "words" not in self._warned and at >= 5:
            self._warned.add("words")
            self.warn("words-unavailable", "words are not heard in this call: send 'transcript', or install an ear")
        wanted = self.started.readings
        if wanted is not None and at >= self._next_reading:
            self._next_reading = at + wanted
            self.say(lambda seq: Told(self.id, seq, moment, at), log=False)
        if moment.change is not None:
            self._change(moment.change)
        for alert in moment.alerts:
            if alert.kind != "raise" or alert.rung not in self.quiet:
                self._alert(alert)
        self._pictures(moment, at)
        while self._due and self._due[0][0] <= at:
            self.house.ledger.rung_after(self, self._due.popleft()[1])

    def _pictures(self, moment: Moment, at: float) -> None:
        """Standings every 2 s, readings to who watches, traces to the store."""
        if moment.standing is not None and (moment.change or at >= self._next_standing):
            self._next_standing = at + STANDING_S
            self.publish("standing", at=at, rung=moment.standing.rung, before=self.summary.before,
                         confidence=plain(moment.standing.confidence), forecast=plain(moment.standing.forecast),
                         degraded=list(moment.reading.degraded))
        if self.house.bus.wanted(self.who.tenant, "reading", call=self.id, agent=self.started.agent_id,
                                 team=self.started.team):
            self.publish("reading", at=at, reading=plain(moment.reading), shift=plain(moment.shift),
                         standing=plain(moment.standing))
        if at >= self._next_trace or moment.reading.words.phrases:
            self._next_trace = at + self.house.settings.keep_reading_s
            self.house.ledger.reading(self, trace(moment, self.house.settings.store_text))

    def _change(self, change: Change) -> None:
        at = change.at / RATE
        self.say(lambda seq: Told(self.id, seq, change, at))
        self.house.metrics.changes.labels(str(change.after)).inc()
        self.house.ledger.change(self, change, kept(change, self.house.settings.store_text))
        self.publish("change", change=plain(change))

    def _alert(self, alert: Alert) -> None:
        at = alert.at / RATE
        self.say(lambda seq: Told(self.id, seq, alert, at))
        self.open_alerts.add(alert.id)
        self._due.append((at + AFTER_S, alert.id))
        self.house.metrics.alerts.labels(str(alert.rung), alert.audience).inc()
        event = self.publish("alert", alert=plain(alert))
        self.house.ledger.alert(self, alert, kept(alert, self.house.settings.store_text), event["id"])

    def end(self, reason: str) -> None:
        """The call is over: store it, tell everybody, forget it."""
        if self.over:
            return
        if self.state == "paused":
            self._pause(False)
        self.over = self.job.over = True
        self._room.set()
        for _, alert in self._due:
            self.house.ledger.rung_after(self, alert)
        self.state = "ended"
        summary = self.document()
        self.say(lambda seq: Ended(self.id, seq, reason, summary))
        self.house.closed(self, reason, summary)
        self.publish("ended", reason=reason, summary=summary, card=self.card())

    def document(self) -> dict[str, Any]:
        """The summary so far."""
        return self.summary.document(self._sent_bytes / self.rate + self.summary.gap_s, self.paused_s)

    def publish(self, kind: str, **payload: Any) -> Any:
        """An event of this call, to everybody who may see it."""
        return self.house.bus.publish(self.who.tenant, kind, call=self.id, agent=self.started.agent_id,
                                      team=self.started.team, **payload)

    def card(self) -> dict[str, Any]:
        """The call card of docs/api.md."""
        return call_card(self, self.state, self.job.call.language, len(self.open_alerts))
