"""What was found, kept: SQLite (WAL) by default, PostgreSQL by URL; one writer thread, reads beside it."""

from api.store.base import Store, StoreError

__all__ = ["Store", "StoreError"]
