"""Recordings: a queue of files, analysed one after the other by the same engine in a thread that yields to live calls.

A recording becomes a call in the store (door 'recording'), so that the timeline, export and deletion are the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select, update

from api.complaints import Gatherer
from api.protocols.events import Started
from api.security import Principal, Role
from api.store.calls import iso
from api.store.tables import recordings
from api.summary import Summary, call_card, kept, trace
from emotion.audio.files import Recording, open_recording
from emotion.audio.pcm import AudioError
from emotion.transcripts import utterance
from emotion.types import RATE, Moment, Utterance

if TYPE_CHECKING:
    from api.house import House

log = logging.getLogger("emotion.recordings")
MOST_WAITING = 1000
BUFFER = 60 * RATE
TOLD_S = 1.0
"""How often progress is written."""


@dataclass(slots=True)
class Recorded:
    """A recording under analysis, in the shape that the ledger knows calls by."""

    who: Principal
    id: str
    started: Started
    language: str
    began: float = field(default_factory=time.time)
    door: str = "recording"
    taken_by: str | None = None
    over: bool = False
    summary: Summary = field(default_factory=Summary)
    complaint: Gatherer = field(default_factory=Gatherer)

    def card(self) -> dict[str, Any]:
        """The call card."""
        return call_card(self, "ended" if self.over else "live", self.language, 0)


class Recordings:
    """Takes files, analyses them in order, keeps what was found."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house, self._folder = house, folder / "recordings"
        self._queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST_WAITING)
        self._stop = threading.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up again what an earlier process had not finished."""
        self._folder.mkdir(parents=True, exist_ok=True)
        query = select(recordings.c.tenant, recordings.c.recording).where(
            recordings.c.state.in_(["waiting", "running"])).order_by(recordings.c.created).limit(MOST_WAITING)
        for row in await self._house.store.read(lambda connection: connection.execute(query).all()):
            self._queue.put_nowait((row.tenant, row.recording))
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop after the hop at hand; what is unfinished is analysed again after the next start."""
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def full(self) -> bool:
        return self._queue.full()

    def path(self, recording: str, name: str) -> Path:
        """Where the file of a recording lies until it was analysed."""
        return self._folder / f"{recording}{Path(name).suffix.lower()[:8]}"

    async def add(self, who: Principal, recording: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Queue a file that lies at `path`; the row as clients see it. A file that is not audio has failed at once."""
        seconds, problem = await asyncio.to_thread(self._look, self.path(recording, name), name, options)
        row = {"tenant": who.tenant, "recording": recording, "name": name[:256], "created": time.time(),
               "state": "failed" if problem else "waiting", "progress": 0.0, "seconds": seconds, "call": None,
               "problem": problem, "agent": options.get("agent_id"), "team": options.get("team"), "options": options}
        await self._house.store.write(lambda connection: connection.execute(insert(recordings), row).rowcount)
        if problem:
            self.path(recording, name).unlink(missing_ok=True)
        else:
            self._queue.put_nowait((who.tenant, recording))
        return shown(row)

    def _look(self, path: Path, name: str, options: dict[str, Any]) -> tuple[float | None, str | None]:
        try:
            found = open_recording(path, caller=options["caller_channel"],
                                   longest_h=self._house.settings.recording_hours)
        except AudioError as fault:
            return None, str(fault).replace(str(path), name)
        return found.seconds, None

    # ── the queue ───────────────────────────────────────────────────────────────────────────────

    async def _work(self) -> None:
        while True:
            tenant, recording = await self._queue.get()
            row = await self._house.store.read(lambda connection: found_row(connection, tenant, recording))  # noqa: B023
            if row is not None and row["state"] in {"waiting", "running"}:
                await self._one(row)

    async def _one(self, row: dict[str, Any]) -> None:
        name = f"rec-{row['recording']}"
        options = row["options"]
        started = Started(name, "pcm_s16le", RATE, agent_id=row["agent"], team=row["team"],
                          language=options["language"], consent=options["consent"],
                          metadata={"file": row["name"]})
        recorded = Recorded(Principal(row["tenant"], Role.INGEST), name, started, options["language"])
        path = self.path(row["recording"], row["name"])
        self._house.ledger.forget(recorded)
        self._house.ledger.opened(recorded)
        self._set(row, state="running", call=name)
        try:
            await asyncio.to_thread(self._analyse, recorded, path, row)
        except (AudioError, OSError) as fault:
            self._set(row, state="failed", problem=str(fault).replace(str(path), row["name"]))
        except Exception:  # the queue goes on with the next file; the log says what happened
            log.exception("recording %s failed", row["recording"])
            self._set(row, state="failed", problem="the analysis failed; the log of the service names the fault")
        else:
            if self._stop.is_set():
                return
            self._set(row, state="done", progress=1.0)
        recorded.over = True
        self._house.keep(recorded, recorded.summary.document(row["seconds"] or 0.0, 0.0))
        path.unlink(missing_ok=True)

    def _set(self, row: dict[str, Any], **values: Any) -> None:
        where = (recordings.c.tenant == row["tenant"]) & (recordings.c.recording == row["recording"])
        statement = update(recordings).where(where).values(**values)
        self._house.store.post(lambda connection: connection.execute(statement))

    # ── in the thread ───────────────────────────────────────────────────────────────────────────

    def _analyse(self, recorded: Recorded, path: Path, row: dict[str, Any]) -> None:
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        options = row["options"]
        recording = open_recording(path, caller=options["caller_channel"],
                                   longest_h=self._house.settings.recording_hours)
        script = sorted((utterance(entry) for entry in options.get("transcript") or ()), key=lambda one: one.span.end)
        told = 0.0
        for moment, share in self._moments(recorded, recording, script):
            if self._stop.is_set():
                return
            self._keep(recorded, moment)
            if time.monotonic() - told > TOLD_S:
                told = time.monotonic()
                self._set(row, progress=round(min(share, 0.99), 3))
        if self._house.recorder.on and recorded.started.consent:
            self._house.recorder.copy(recorded.who.tenant, recorded.id, recording)

    def _moments(self, recorded: Recorded, recording: Recording,
                 script: Sequence[Utterance]) -> Iterator[tuple[Moment, float]]:
        """The engine fed as fast as it goes: every moment, and the share of the file that is done."""
        engine = self._house.engine_for(recorded.who.tenant)
        call = engine.open(recorded.id, language=recorded.started.language, sides=recording.sides,
                           rate=recording.rate, consent=recorded.started.consent, buffer=BUFFER)
        fed = said = 0
        for block in recording.blocks():
            fed += len(next(iter(block.values())))
            while said < len(script) and script[said].span.end <= fed * RATE / recording.rate:
                call.hear(script[said])
                said += 1
            call.push(block)
            while call.ready:
                yield from ((moment, fed / recording.rate / recording.seconds) for _, moment in engine.step([call]))
        for late in script[said:]:
            call.hear(late)
        call.finish()
        while call.ready:
            yield from ((moment, 1.0) for _, moment in engine.step([call]))
        recorded.language = call.language

    def _keep(self, recorded: Recorded, moment: Moment) -> None:
        ledger, keep_text = self._house.ledger, self._house.settings.store_text
        recorded.summary.add(moment)
        recorded.complaint.add(moment)
        ledger.reading(recorded, trace(moment, keep_text))
        if moment.change is not None:
            ledger.change(recorded, moment.change, kept(moment.change, keep_text))
        for alert in moment.alerts:
            ledger.alert(recorded, alert, kept(alert, keep_text), f"{recorded.id}-{alert.id}"[:64])


def found_row(connection: Connection, tenant: str, recording: str) -> dict[str, Any] | None:
    """One recording."""
    query = select(recordings).where(recordings.c.tenant == tenant, recordings.c.recording == recording)
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """A recording as clients see it."""
    return {name: row[name] for name in ("recording", "name", "state", "progress", "seconds", "call", "problem")} | {
        "created": iso(row["created"])}


