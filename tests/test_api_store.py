"""The store: migrations that match the tables, a writer that one bad row cannot stop, and bounded queues."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, insert, select

from api.store import Store, StoreError
from api.store import base as store_base
from api.store.tables import audit, metadata


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'x.db'}")


ROW = {"tenant": "t", "time": 1.0, "who": "w", "role": "admin", "action": "a", "what": "x"}


def add(connection: Connection) -> None:
    connection.execute(insert(audit), ROW)


def bad(connection: Connection) -> None:
    connection.execute(insert(audit), {**ROW, "who": None})


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(audit)) or 0


def test_migrations_make_the_tables(store: Store) -> None:
    """A change of tables.py without a migration fails here."""
    store.start()
    with store._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.stop()


def test_one_bad_row_costs_only_itself(store: Store) -> None:
    store.start()
    for work in (add, bad, add, add):
        store.post(work)
    store.stop()
    assert (store.failures, Store(store.url).read_now(count)) == (1, 3)


def test_who_waits_gets_his_own_fault(store: Store) -> None:
    async def work() -> int:
        store.start()
        results = await asyncio.gather(store.write(add), store.write(bad), store.write(count), return_exceptions=True)
        assert isinstance(results[1], Exception)
        assert not isinstance(results[0], Exception)
        return await store.read(count)
    assert asyncio.run(work()) == 1
    store.stop()


def test_one_who_leaves_does_not_stop_the_writer(store: Store) -> None:
    async def work() -> int:
        leaving = asyncio.create_task(store.write(add))
        await asyncio.sleep(0)
        leaving.cancel()
        store.start()
        await asyncio.gather(leaving, return_exceptions=True)
        await store.write(add)
        return await store.read(count)
    assert asyncio.run(work()) >= 1
    assert store.healthy
    store.stop()


def test_when_full_readings_go_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_base, "QUEUE", 3)
    for _ in range(5):
        store.post(add, may_drop=True)
    for _ in range(5):
        store.post(add)
    assert (store.waiting, store.dropped) == (8, 2)
    assert not store.healthy


def test_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file.db").write_text("this is no database, however it is called" * 100)
    with pytest.raises(StoreError, match="EMOTION_DATABASE"):
        Store(f"sqlite:///{tmp_path / 'file.db'}").start()
