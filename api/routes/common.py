"""What the routes share: the house, names, lists in pages."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import Path, Query, Request
from pydantic import AfterValidator
from sqlalchemy import Table, delete

from api.house import House
from api.problems import HttpError, absent
from api.protocols.native import keepable
from api.security import Principal, Role
from api.store.calls import Scope

NAME = r"^[A-Za-z0-9._:@+-]{1,128}$"
AlertName = Annotated[str, Path(pattern=r"^[A-Za-z0-9._:@+-]{1,160}$")]
Name = Annotated[str, Path(pattern=NAME)]
MaybeName = Annotated[str | None, Query(pattern=NAME)]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=400)]


def house_of(request: Request) -> House:
    """The house behind a request."""
    return cast(House, request.app.state.house)


def scope_of(who: Principal) -> Scope:
    """What of the store a principal may see."""
    return Scope(who.tenant, (who.agent or "") if who.role is Role.AGENT else None, who.team)


async def remove(house: House, who: Principal, table: Table, name: str, kind: str) -> None:
    """Delete a row of the principal's own tenant by its id; HttpError 404 where there is none."""
    mine = delete(table).where(table.c.tenant == who.tenant, table.c.id == name)
    if not await house.store.write(lambda connection: connection.execute(mine).rowcount):
        raise absent(kind)


def cursor(value: Any) -> str:
    """A place in a list, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def place(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place behind a cursor; HttpError 422 for one that we did not make."""
    if text is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(kinds) or not all(map(isinstance, values, kinds)):
        raise HttpError(422, "bad-request", "this cursor is not one of ours", "take 'next' of the list before")
    return tuple(values)


def seconds_of(moment: datetime | None) -> float | None:
    """A time of day in seconds since 1970, UTC where it says nothing else; HttpError 422 for one no clock has."""
    if moment is None:
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise HttpError(422, "bad-request", f"{moment}: no such time", "use ISO 8601, years 1970 to 2200") from None


def clean(value: Any) -> Any:
    """The value itself; ValueError when a text in it cannot be kept."""
    if not keepable(value):
        raise ValueError("a text holds half a character (a lone surrogate) or a zero character")
    return value


Text = Annotated[str, AfterValidator(clean)]
Document = Annotated[dict[str, Any], AfterValidator(clean)]


def page(items: list[Any], limit: int, last: Any) -> dict[str, Any]:
    """One page of a list; `last` is the place of its last item."""
    return {"items": items, "next": cursor(last) if len(items) == limit and last is not None else None}
