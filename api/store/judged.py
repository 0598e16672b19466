"""What agents said of the alerts of ended calls, as rows that the alert budget is calibrated from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from api.store.calls import Scope, alert_rows
from api.store.tables import calls

ABOVE_HINT = 3


def feedback_rows(connection: Connection, tenant: str) -> Iterator[dict[str, Any]]:
    """One row an ended call, `{"hours", "alerts": [{"rung", "score", "verdict"}]}`; calls without alerts too.

    An alert that went to two audiences counts once, with the verdict of whoever gave one.
    """
    ended = connection.execute(select(calls.c.call, calls.c.started, calls.c.ended, calls.c.summary).where(
        calls.c.tenant == tenant, calls.c.ended.is_not(None)).order_by(calls.c.started)).all()
    for row in ended:
        seconds = (row.summary or {}).get("seconds") or row.ended - row.started
        told: dict[float, dict[str, Any]] = {}
        for alert in alert_rows(connection, Scope(tenant), call=row.call, limit=10_000):
            if alert["kind"] == "raise" and alert["rung"] >= ABOVE_HINT:
                verdict = (alert["feedback"] or {}).get("verdict") or told.get(alert["at"], {}).get("verdict")
                told[alert["at"]] = {"rung": alert["rung"], "score": alert["score"], "verdict": verdict}
        yield {"hours": round(seconds / 3600, 6), "alerts": [told[at] for at in sorted(told)]}
