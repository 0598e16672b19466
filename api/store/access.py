"""Keys and the secret of this installation, as the store has them."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from api.security import Key, Role
from api.store.tables import documents, keys


def stored_keys(connection: Connection) -> list[Key]:
    """All API keys."""
    return [Key(row.id, row.tenant, Role(row.role), row.name, row.digest, row.agent, row.team, row.expires)
            for row in connection.execute(select(keys))]


def installation_secret(connection: Connection) -> bytes:
    """The secret that signs sessions and tickets; made at the first start."""
    query = select(documents.c.body).where(documents.c.tenant == "", documents.c.name == "secret")
    found: Mapping[str, str] | None = connection.scalar(query)
    if found is None:
        found = {"hex": secrets.token_hex(32)}
        connection.execute(insert(documents).values(tenant="", name="secret", body=found, changed=time.time()))
    return bytes.fromhex(found["hex"])
