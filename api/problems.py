"""Errors of the HTTP part: problem documents (RFC 9457) that name the fault and the remedy, never a traceback."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response


class HttpError(Exception):
    """Raise it anywhere in a route; the client gets the document."""

    def __init__(self, status: int, code: str, detail: str, remedy: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.remedy, self.headers = status, code, detail, remedy, headers

    def response(self) -> Response:
        return document(self.status, self.code, self.detail, self.remedy, self.headers)


def document(status: int, code: str, detail: str, remedy: str, headers: dict[str, str] | None = None,
             **more: Any) -> Response:
    """The response itself."""
    body = {"type": f"/problems/{code}", "title": HTTPStatus(status).phrase, "status": status, "code": code,
            "detail": detail, "remedy": remedy, **more}
    return Response(json.dumps(body, ensure_ascii=False), status, headers, "application/problem+json")


def absent(what: str) -> HttpError:
    """The same answer for what is not there and for what is not yours."""
    return HttpError(404, "not-found", f"there is no such {what}", "check the id; other tenants' things are not shown")


NAMES = {400: "bad-request", 404: "not-found", 405: "method-not-allowed", 413: "too-large", 415: "unsupported-media"}


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""

    @app.exception_handler(HttpError)
    async def known(_: Request, problem: HttpError) -> Response:
        return problem.response()

    @app.exception_handler(HTTPException)
    async def plain_http(_: Request, fault: HTTPException) -> Response:
        return document(fault.status_code, NAMES.get(fault.status_code, "error"), str(fault.detail),
                        "see /docs for the routes and their methods", dict(fault.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, fault: RequestValidationError) -> Response:
        where = [{"where": ".".join(map(str, error["loc"])), "fault": error["msg"]} for error in fault.errors()[:20]]
        first = where[0] if where else {"where": "body", "fault": "not valid"}
        return document(422, "bad-request", f"{first['where']}: {first['fault']}", "correct the fields that are named",
                        faults=where)
