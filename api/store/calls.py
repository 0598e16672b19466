"""Calls, their readings, changes and alerts: what is written, asked for and deleted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Delete, Select, and_, case, delete, func, select, tuple_, update

from api.store.tables import OF_A_CALL, alerts, calls, changes, feedback, readings

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose calls may be seen: the tenant's, narrowed to an agent or a team."""

    tenant: str
    agent: str | None = None
    team: str | None = None


def iso(seconds: float | None) -> str | None:
    """A time of day as ISO 8601 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ── calls ───────────────────────────────────────────────────────────────────────────────────────

def exists(connection: Connection, tenant: str, call: str) -> bool:
    return connection.scalar(select(calls.c.call).where(calls.c.tenant == tenant, calls.c.call == call)) is not None


def find(connection: Connection, scope: Scope, call: str) -> dict[str, Any] | None:
    """One stored call; None when absent or out of scope."""
    row = connection.execute(_within(select(calls), scope, calls).where(calls.c.call == call)).mappings().first()
    return dict(row) if row else None


def listed(connection: Connection, scope: Scope, *, agent: str | None = None, team: str | None = None,
           begin: float | None = None, end: float | None = None, before: tuple[float, str] | None = None,
           limit: int = 50) -> list[dict[str, Any]]:
    """Stored calls, newest first."""
    query = _within(select(calls), scope, calls).order_by(calls.c.started.desc(), calls.c.call.desc()).limit(limit)
    for column, value in ((calls.c.agent, agent), (calls.c.team, team)):
        if value is not None:
            query = query.where(column == value)
    if begin is not None:
        query = query.where(calls.c.started >= begin)
    if end is not None:
        query = query.where(calls.c.started < end)
    if before is not None:
        query = query.where(tuple_(calls.c.started, calls.c.call) < before)
    return [dict(row) for row in connection.execute(query).mappings()]


def change_call(connection: Connection, tenant: str, call: str, **values: Any) -> bool:
    """Set columns of a call; False when there is no such call."""
    where = and_(calls.c.tenant == tenant, calls.c.call == call)
    return connection.execute(update(calls).where(where).values(**values)).rowcount > 0


def interrupted(connection: Connection, now: float) -> int:
    """Close what an earlier process left open (it was cut off before it could say so)."""
    return connection.execute(update(calls).where(calls.c.ended.is_(None), calls.c.started < now)
                              .values(ended=now)).rowcount


def timeline(connection: Connection, tenant: str, call: str, begin: float = 0.0,
             end: float = float("1e12")) -> dict[str, list[Any]]:
    """Traces, changes and alerts of a call between two moments."""
    def rows(table: Any, *columns: Any) -> Any:
        where = and_(table.c.tenant == tenant, table.c.call == call, table.c.at >= begin, table.c.at <= end)
        return connection.execute(select(*columns).where(where).order_by(table.c.at))
    return {"readings": [row.trace for row in rows(readings, readings.c.trace)],
            "changes": [row.change for row in rows(changes, changes.c.change)],
            "alerts": alert_rows(connection, Scope(tenant), call=call, begin=begin, end=end, limit=10_000)}


# ── alerts ──────────────────────────────────────────────────────────────────────────────────────

def alert_rows(connection: Connection, scope: Scope, *, agent: str | None = None, call: str | None = None,
               alert: str | None = None, unacknowledged: bool = False, after_event: str | None = None,
               before_event: str | None = None, begin: float | None = None, end: float | None = None,
               limit: int = 50) -> list[dict[str, Any]]:
    """Alerts with who acknowledged them and the last feedback; newest first, or oldest first after an event."""
    last = (select(feedback.c.alert, func.max(feedback.c.id).label("id")).where(feedback.c.tenant == scope.tenant)
            .group_by(feedback.c.alert).subquery())
    judged = select(feedback.c.alert, feedback.c.verdict, feedback.c.by, feedback.c.time.label("judged")).join(
        last, feedback.c.id == last.c.id).subquery()
    query = select(alerts, judged.c.verdict, judged.c.by, judged.c.judged).outerjoin(
        judged, alerts.c.alert == judged.c.alert)
    query = _within(query, scope, alerts).limit(limit)
    for column, value in ((alerts.c.agent, agent), (alerts.c.call, call), (alerts.c.alert, alert)):
        if value is not None:
            query = query.where(column == value)
    if unacknowledged:
        query = query.where(alerts.c.acknowledged_at.is_(None))
    if before_event is not None:
        query = query.where(alerts.c.event < before_event)
    if begin is not None:
        query = query.where(alerts.c.at >= begin, alerts.c.at <= end)
    query = (query.order_by(alerts.c.event.desc()) if after_event is None
             else query.where(alerts.c.event > after_event).order_by(alerts.c.event))
    return [_alert(row) for row in connection.execute(query).mappings()]


def _alert(row: Mapping[Any, Any]) -> dict[str, Any]:
    taken = {"by": row["acknowledged_by"], "time": iso(row["acknowledged_at"])} if row["acknowledged_at"] else None
    said = {"verdict": row["verdict"], "by": row["by"], "time": iso(row["judged"])} if row["verdict"] else None
    return {**row["body"], "agent": row["agent"], "team": row["team"], "time": iso(row["time"]), "event": row["event"],
            "acknowledged": taken, "feedback": said, "rung_after_60s": row["rung_after_60s"]}


def acknowledge(connection: Connection, tenant: str, alert: str, by: str, now: float) -> bool:
    """The first acknowledgement counts; whether this was it."""
    where = and_(alerts.c.tenant == tenant, alerts.c.alert == alert, alerts.c.acknowledged_at.is_(None))
    return connection.execute(update(alerts).where(where).values(acknowledged_by=by, acknowledged_at=now)).rowcount > 0


def rung_after(connection: Connection, tenant: str, alert: str, rung: int) -> None:
    """Where the caller stood 60 s after an alert: whether the card helped."""
    where = and_(alerts.c.tenant == tenant, alerts.c.alert == alert)
    connection.execute(update(alerts).where(where).values(rung_after_60s=rung))


def today(connection: Connection, scope: Scope, since: float) -> dict[str, Any]:
    """Numbers of the day: calls, highest rungs, alerts and what people said of them."""
    ended = _within(select(calls.c.summary), scope, calls).where(calls.c.started >= since)
    summaries = [row.summary for row in connection.execute(ended)]
    peaks = [0] * 7
    for summary in summaries:
        if summary and summary.get("peak") is not None:
            peaks[summary["peak"]] += 1
    count = func.count(alerts.c.alert.distinct())
    raised = connection.scalar(_within(select(count), scope, alerts).where(alerts.c.time >= since)) or 0
    judged = _within(select(*(func.sum(case((feedback.c.verdict == verdict, 1), else_=0)) for verdict in VERDICTS))
                     .select_from(feedback.join(alerts, and_(feedback.c.tenant == alerts.c.tenant,
                                                             feedback.c.alert == alerts.c.alert))), scope, alerts)
    verdicts = connection.execute(judged.where(feedback.c.time >= since)).one()
    return {"calls": len(summaries), "peaks": peaks, "alerts": raised,
            **{name: int(value or 0) for name, value in zip(VERDICTS, verdicts, strict=True)}}


VERDICTS = ("useful", "wrong", "late")


# ── forgetting ──────────────────────────────────────────────────────────────────────────────────

def forget(connection: Connection, tenant: str, names: Sequence[str]) -> int:
    """Delete calls and all that belongs to them; how many there were."""
    if not names:
        return 0
    told = select(alerts.c.alert).where(alerts.c.tenant == tenant, alerts.c.call.in_(names))
    connection.execute(delete(feedback).where(feedback.c.tenant == tenant, feedback.c.alert.in_(told)))
    for table in (*OF_A_CALL, alerts):
        connection.execute(delete(table).where(table.c.tenant == tenant, table.c.call.in_(names)))
    gone: Delete = delete(calls).where(calls.c.tenant == tenant, calls.c.call.in_(names))
    return connection.execute(gone).rowcount


def of_caller(connection: Connection, tenant: str, caller: str) -> list[str]:
    """All calls of a caller."""
    return list(connection.scalars(select(calls.c.call).where(calls.c.tenant == tenant, calls.c.caller == caller)))


def expired(connection: Connection, days: float, most: int = 500) -> list[tuple[str, str]]:
    """(tenant, call) that ended longer ago than the retention time."""
    query = select(calls.c.tenant, calls.c.call).where(calls.c.ended < time.time() - days * 86_400).limit(most)
    return [(row.tenant, row.call) for row in connection.execute(query)]


def _within(query: Select[Any], scope: Scope, table: Any) -> Select[Any]:
    query = query.where(table.c.tenant == scope.tenant)
    if scope.agent is not None:
        query = query.where(table.c.agent == scope.agent)
    if scope.team is not None:
        query = query.where(table.c.team == scope.team)
    return query
