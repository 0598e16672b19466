"""Run the service in this process: checks, logs, uvicorn."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import uvicorn
from sqlalchemy import func, insert, select

from api.security import LOOPBACK, Role, make_key
from api.settings import Settings, SettingsError
from api.store import Store, StoreError
from api.store.judged import feedback_rows
from api.store.tables import keys

log = logging.getLogger("emotion")


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname.lower(),
                "logger": record.name, "message": record.getMessage()}
        if call := getattr(record, "call", None):
            line["call"] = call
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(settings: Settings) -> None:
    """Logs to stderr; addresses are never logged with their query (tickets stand there)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_json else logging.Formatter(
        "%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    for name in ("uvicorn", "websockets", "alembic", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Server(uvicorn.Server):
    """uvicorn closes every socket first when it stops; calls get their time before that."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.config.app.state.house.drain()  # type: ignore[union-attr]
        await super().shutdown(sockets)


def serve(settings: Settings, host: str | None, port: int | None, demo: bool) -> int:
    """Serve until told to stop; 2 when it cannot begin, with the reason on stderr."""
    from api.app import create
    from emotion.weights import WeightsError

    settings = replace(settings, host=host or settings.host, port=settings.port if port is None else port,
                       demo=demo or settings.demo)
    if settings.log_level.lower() not in {"debug", "info", "warning", "error"}:
        return _fail(f"EMOTION_LOG_LEVEL={settings.log_level!r} must be debug, info, warning or error")
    try:
        settings = _demo_or_keys(settings)
        began = time.monotonic()
        app = create(settings)
    except (StoreError, WeightsError, SettingsError, ValueError) as fault:
        return _fail(str(fault))
    set_up_logs(settings)
    log.info("models loaded in %.1f s; listening on http://%s:%d%s", time.monotonic() - began, settings.host,
             settings.port, " (demo mode: no keys, loopback only)" if settings.demo else "")
    config = uvicorn.Config(app, settings.host, settings.port, ws="websockets-sansio", log_config=None,
                            access_log=False, ws_max_size=2 << 20, ws_per_message_deflate=False, server_header=False,
                            timeout_graceful_shutdown=round(settings.drain_s) + 10, proxy_headers=False)
    server = Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn handles both, drains, and raises them again at the end
    server.run()
    return 0 if server.started else 2


def _fail(message: str) -> int:
    print(f"emotion: {message}", file=sys.stderr)
    return 2


def _demo_or_keys(settings: Settings) -> Settings:
    """No key, no entry: except on loopback in demo mode, which is what a first start on loopback becomes."""
    store = Store(settings.database)
    store.start()
    try:
        known = store.read_now(lambda connection: connection.scalar(select(func.count()).select_from(keys))) or 0
    finally:
        store.stop()
    loopback = settings.host in LOOPBACK
    if settings.demo and not loopback:
        raise StoreError("demo mode has no keys and serves loopback only; listen on 127.0.0.1, or make keys: "
                         "python -m api keys --tenant T --role admin --name NAME")
    if settings.demo and known:
        raise StoreError("there are API keys in this database, so demo mode is off; leave EMOTION_DEMO and --demo "
                         "out, or use another EMOTION_DATABASE")
    if not known and not settings.demo:
        if not loopback:
            raise StoreError("there is no API key yet, so nobody could enter; make one first: "
                             "python -m api keys --tenant T --role admin --name NAME")
        return replace(settings, demo=True)
    return settings


def add_key(settings: Settings, tenant: str, role: Role, name: str, agent: str | None, team: str | None) -> str:
    """Make a key in the database of the settings; the key in clear."""
    text, key = make_key(tenant, role, name, agent, team)
    store = Store(settings.database)
    store.start()
    store.post(lambda connection: connection.execute(insert(keys).values(
        id=key.id, tenant=tenant, role=role, name=name, digest=key.digest, agent=agent, team=team, expires=None,
        created=time.time())))
    store.stop()
    if store.failures:
        raise StoreError("the key could not be written; the log says why")
    return text


def export_feedback(settings: Settings, tenant: str, path: Path) -> int:
    """Write a tenant's ended calls with the verdicts on their alerts as JSON lines; how many calls there were."""
    store = Store(settings.database)
    store.start()
    rows = store.read_now(lambda connection: list(feedback_rows(connection, tenant)))
    store.stop()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return len(rows)
