"""A tenant's own settings, and where its events are sent: for admins."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import delete, insert, select
from starlette.responses import Response

from api.feeds import TYPES
from api.problems import HttpError, absent
from api.routes.common import NAME, Cursor, Document, Limit, Name, Text, house_of, page, place, remove
from api.security import ADMINS
from api.store.calls import iso
from api.store.tables import dead_letters, documents, webhooks
from api.tuning import NAMES, TuningError
from api.webhooks import MOST_HOOKS, address_fault

router = APIRouter(tags=["settings"])
SettingName = Literal["thresholds", "lexicon", "guidance"]
ShortName = Annotated[str, Field(pattern=NAME)]


class NewWebhook(BaseModel):
    url: Annotated[Text, Field(max_length=2048, pattern=r"^https?://")]
    types: Annotated[list[str], Field(min_length=1, max_length=8)] = ["alert"]
    team: ShortName | None = None
    agent: ShortName | None = None


@router.get("/v1/settings")
async def all_settings(request: Request) -> dict[str, Any]:
    """Thresholds, lexicon and guidance as they count now."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    return {name: house.tuning.document(who.tenant, name) for name in NAMES}


@router.get("/v1/settings/{name}")
async def one_setting(request: Request, name: SettingName) -> dict[str, Any]:
    """One of them."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    return house.tuning.document(who.tenant, name)


@router.put("/v1/settings/{name}")
async def change_setting(request: Request, name: SettingName, body: Document) -> dict[str, Any]:
    """Change one of them, wholly or in part; new calls use it."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    try:
        document = await asyncio.to_thread(house.tuning.changed, who.tenant, name, body)
    except TuningError as fault:
        raise HttpError(422, "bad-setting", str(fault), "see docs/api.md, 'Settings'") from None
    row = {"tenant": who.tenant, "name": name, "body": document, "changed": time.time()}
    statement = house.store.upsert(documents, row)
    await house.store.write(lambda connection: connection.execute(statement).rowcount)
    await house.reload_settings()
    house.ledger.looked(who, "setting changed", name)
    return document


@router.get("/v1/webhooks")
async def list_webhooks(request: Request) -> dict[str, Any]:
    """Where events go; the secrets are not shown again."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    query = select(webhooks).where(webhooks.c.tenant == who.tenant).order_by(webhooks.c.created)
    rows = await house.store.read(lambda connection: connection.execute(query).all())
    return {"items": [{"id": row.id, "url": row.url, "types": row.types, "team": row.team, "agent": row.agent,
                       "created": iso(row.created)} for row in rows], "next": None}


@router.post("/v1/webhooks", status_code=201)
async def add_webhook(request: Request, body: NewWebhook) -> dict[str, str]:
    """Send events to an address; the secret that signs them is shown once."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    if unknown := set(body.types) - TYPES:
        raise HttpError(422, "bad-request", f"unknown types: {', '.join(sorted(unknown))[:200]}",
                        f"use some of {', '.join(sorted(TYPES))}")
    if fault := await address_fault(body.url, house.settings):
        raise HttpError(422, "bad-address", fault, "give a public https address; EMOTION_WEBHOOK_PRIVATE allows others")
    if sum(hook.tenant == who.tenant for hook in house.webhooks.hooks) >= MOST_HOOKS:
        raise HttpError(409, "too-many", f"{MOST_HOOKS} webhooks are enough", "delete one first")
    row = {"id": secrets.token_hex(8), "tenant": who.tenant, "secret": "wh_" + secrets.token_urlsafe(32),
           "created": time.time(), **body.model_dump()}
    await house.store.write(lambda connection: connection.execute(insert(webhooks), row).rowcount)
    await house.reload_settings()
    house.ledger.looked(who, "webhook made", row["id"])
    return {"id": row["id"], "secret": row["secret"]}


@router.delete("/v1/webhooks/{webhook}", status_code=204)
async def remove_webhook(request: Request, webhook: Name) -> None:
    """Send nothing there any more."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    await remove(house, who, webhooks, webhook, "webhook")
    await house.reload_settings()
    house.ledger.looked(who, "webhook deleted", webhook)


@router.get("/v1/webhooks/dead")
async def list_dead(request: Request, limit: Limit = 50, cursor: Cursor = None) -> dict[str, Any]:
    """What could not be delivered, newest first."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    query = select(dead_letters).where(dead_letters.c.tenant == who.tenant)
    if (before := place(cursor, float)) is not None:
        query = query.where(dead_letters.c.time < before[0])
    query = query.order_by(dead_letters.c.time.desc()).limit(limit)
    rows = await house.store.read(lambda connection: connection.execute(query).all())
    items = [{"id": row.id, "webhook": row.webhook, "event": row.event, "fault": row.fault, "tries": row.tries,
              "time": iso(row.time)} for row in rows]
    return page(items, limit, [rows[-1].time] if rows else None)


@router.post("/v1/webhooks/dead/{letter}/retry", status_code=202)
async def retry_dead(request: Request, letter: Name) -> Response:
    """Try once more."""
    house = house_of(request)
    who = house.guard.require(request, ADMINS)
    where = (dead_letters.c.tenant == who.tenant) & (dead_letters.c.id == letter)
    row = await house.store.read(lambda connection: connection.execute(select(dead_letters).where(where)).first())
    if row is None:
        raise absent("letter")
    if not house.webhooks.again(row.webhook, row.event, row.id):
        raise HttpError(409, "webhook-gone", "the webhook of this letter was deleted", "make it anew")
    await house.store.write(lambda connection: connection.execute(delete(dead_letters).where(where)).rowcount)
    return Response(status_code=202)
