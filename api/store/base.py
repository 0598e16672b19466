"""The way into the database: a bounded queue to one writer thread, and reads in threads of their own.

Live calls never wait for the disk. When the queue is full, readings are dropped and counted; everything else is
kept as long as memory allows a ten times longer queue.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Insert, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import Table

log = logging.getLogger("emotion.store")
T = TypeVar("T")
Work = Callable[[Connection], Any]
QUEUE = 20_000
PAUSE_S = 0.1
"""The writer gathers so long, then commits what came together."""


class StoreError(Exception):
    """The database cannot be opened or written; the message says what to check."""


class Store:
    """One database. `post` and `write` go through the writer; `read` runs beside it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.dropped = 0
        self.failures = 0
        self._engine = _connect(url)
        self._queue: deque[tuple[Work, Future[Any] | None]] = deque()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._writer = threading.Thread(target=self._run, name="store", daemon=True)

    def start(self) -> None:
        """Bring the tables up to date and start the writer; StoreError when the database cannot be used."""
        try:
            migrate(self._engine)
        except SQLAlchemyError as fault:
            raise StoreError(f"cannot open {make_url(self.url).render_as_string()}: {fault.__class__.__name__}; "
                             "check EMOTION_DATABASE and that the folder or server is writable") from fault
        self._writer.start()

    def stop(self) -> None:
        """Write what waits, then close."""
        self._stop.set()
        self._wake.set()
        if self._writer.is_alive():
            self._writer.join(timeout=30)
        self._engine.dispose()

    @property
    def healthy(self) -> bool:
        return self._writer.is_alive() and len(self._queue) < QUEUE

    @property
    def waiting(self) -> int:
        return len(self._queue)

    # ── writing ─────────────────────────────────────────────────────────────────────────────────

    def post(self, work: Work, *, may_drop: bool = False) -> None:
        """Queue a write nobody waits for."""
        if len(self._queue) >= (QUEUE if may_drop else 10 * QUEUE):
            self.dropped += 1
            return
        self._queue.append((work, None))
        self._wake.set()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Queue a write and wait until it is committed; its result, or what it raised."""
        future: Future[T] = Future()
        self._queue.append((work, future))
        self._wake.set()
        return await asyncio.wrap_future(future)

    async def flush(self) -> None:
        """Wait until everything queued so far is committed."""
        await self.write(lambda _: None)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a query in a thread of its own."""
        return await asyncio.to_thread(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run a query in this thread."""
        with self._engine.connect() as connection:
            return work(connection)

    def upsert(self, table: Table, row: Mapping[str, Any]) -> Insert:
        """INSERT that replaces the row with the same primary key."""
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(table).values(**row)
        rest = {name: insert.excluded[name] for name in row if not table.c[name].primary_key}
        statement: Insert = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)
        return statement

    def _run(self) -> None:
        while not (self._stop.is_set() and not self._queue):
            self._wake.wait(timeout=1)
            self._wake.clear()
            batch = [_claimed(*self._queue.popleft()) for _ in range(min(len(self._queue), 2000))]
            if batch:
                self._commit(batch)
            if not any(future for _, future in self._queue):
                self._stop.wait(PAUSE_S)
            if self._queue:
                self._wake.set()

    def _commit(self, batch: list[tuple[Work, Future[Any] | None]]) -> None:
        """All in one transaction; if one fails, each in its own, so that one bad row costs only itself."""
        try:
            with self._engine.begin() as connection:
                results = [work(connection) for work, _ in batch]
        except Exception:  # whoever waits for the culprit gets it below; the rest is written one by one
            for work, future in batch:
                self._commit_one(work, future)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if future:
                future.set_result(result)

    def _commit_one(self, work: Work, future: Future[Any] | None) -> None:
        try:
            with self._engine.begin() as connection:
                result = work(connection)
        except Exception as fault:  # handed to who waits, or logged: the writer itself must live
            if future:
                future.set_exception(fault)
            else:
                self.failures += 1
                log.error("a write was lost: %s", fault.__class__.__name__, exc_info=fault)
            return
        if future:
            future.set_result(result)


def _claimed(work: Work, future: Future[Any] | None) -> tuple[Work, Future[Any] | None]:
    """From here on nobody can cancel; who has cancelled already (a client that left) is not told, the write is done."""
    return work, future if future and future.set_running_or_notify_cancel() else None


def _connect(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    try:
        engine = create_engine(url, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    except ModuleNotFoundError as fault:
        raise StoreError(f"the driver {fault.name} for EMOTION_DATABASE is not installed; "
                         "install the extra: pip install 'emotion[postgres]'") from fault
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version with alembic."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
