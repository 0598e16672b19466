"""Is it alive, is it ready, how does it fare."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.routes.common import house_of
from api.security import ADMINS, LOOPBACK

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Models are loaded, the store can be written, and the service is not draining; 503 otherwise."""
    parts = house_of(request).ready
    body = json.dumps({"ready": all(parts.values()), "parts": parts})
    return Response(body, 200 if all(parts.values()) else 503, media_type="application/json")


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus metrics; for loopback and admins unless EMOTION_METRICS_OPEN."""
    house = house_of(request)
    local = request.client is not None and request.client.host in LOOPBACK and "x-forwarded-for" not in request.headers
    if not (local or house.settings.metrics_open):
        house.guard.require(request, ADMINS)
    return Response(house.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
