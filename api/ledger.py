"""What live calls write into the store, without waiting for it."""

from __future__ import annotations

import time
from typing import Any, Protocol

from sqlalchemy import Connection, insert

from api.complaints import Gatherer
from api.security import Principal
from api.store import Store
from api.store.calls import change_call, forget, rung_after
from api.store.tables import alerts, audit, calls, changes, readings
from api.summary import Known
from emotion.types import RATE, Alert, Change


class Call(Known, Protocol):
    """A live session or a recording."""

    @property
    def who(self) -> Principal: ...

    @property
    def complaint(self) -> Gatherer: ...

    def card(self) -> dict[str, Any]: ...


class Ledger:
    """Posts rows to the store's writer; readings are the first to be dropped when it is behind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def opened(self, session: Call) -> None:
        """A call began."""
        facts = session.started
        row = {"tenant": session.who.tenant, "call": session.id, "agent": facts.agent_id, "team": facts.team,
               "caller": facts.caller, "language": facts.language, "door": session.door, "consent": facts.consent,
               "started": session.began, "card": session.card(), "metadata": dict(facts.metadata)}
        self._insert(calls, row)

    def forget(self, session: Call) -> None:
        """Delete what an earlier, unfinished analysis of the same recording wrote."""
        tenant, call = session.who.tenant, session.id
        self._store.post(lambda connection: forget(connection, tenant, [call]))

    def reading(self, session: Call, trace: dict[str, Any]) -> None:
        """One down-sampled reading."""
        row = {"tenant": session.who.tenant, "call": session.id, "at": trace["at"], "trace": trace}
        statement = self._store.upsert(readings, row)
        self._store.post(lambda connection: connection.execute(statement), may_drop=True)

    def change(self, session: Call, change: Change, document: dict[str, Any]) -> None:
        """The caller moved to another rung."""
        self._insert(changes, {"tenant": session.who.tenant, "call": session.id, "at": change.at / RATE,
                               "before": change.before, "after": change.after, "change": document})

    def alert(self, session: Call, alert: Alert, document: dict[str, Any], event: str) -> None:
        """Somebody was told; `event` is the id under which it went out."""
        facts = session.started
        self._insert(alerts, {"tenant": session.who.tenant, "alert": alert.id, "call": session.id,
                              "agent": facts.agent_id, "team": facts.team, "event": event, "time": time.time(),
                              "at": alert.at / RATE, "rung": alert.rung, "audience": alert.audience, "body": document})

    def rung_after(self, session: Call, alert: str) -> None:
        """Where the caller stands a minute after an alert."""
        rung, tenant = session.summary.rung, session.who.tenant
        if rung is not None:
            self._store.post(lambda connection: rung_after(connection, tenant, alert, rung))

    def taken(self, session: Call) -> None:
        """A supervisor took the call over, or gave it back."""
        self._change_call(session, taken_by=session.taken_by)

    def ended(self, session: Call, card: dict[str, Any], summary: dict[str, Any],
              record: dict[str, Any] | None) -> None:
        """A call is over; card and record as they may be kept."""
        self._change_call(session, ended=time.time(), card=card, summary=summary, record=record)

    def looked(self, who: Principal, action: str, what: str) -> None:
        """The audit log: who looked at or changed what."""
        self._insert(audit, {"tenant": who.tenant, "time": time.time(), "who": who.name or who.role, "role": who.role,
                             "action": action, "what": what[:256]})

    def _change_call(self, session: Call, **values: Any) -> None:
        tenant, call = session.who.tenant, session.id
        self._store.post(lambda connection: change_call(connection, tenant, call, **values))

    def _insert(self, table: Any, row: dict[str, Any]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(insert(table), row)
        self._store.post(work)
