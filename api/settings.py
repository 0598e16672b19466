"""Settings of the service: the environment, read once; one table, printed by `python -m api settings`.

A field `lag_s` is read from EMOTION_LAG_S. Numbers, booleans (1/0, true/false, yes/no) and texts are checked here; a
wrong value is a SettingsError that names the variable and what it may be.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


class SettingsError(Exception):
    """A variable of the environment has a value that makes no sense; the message says which and what would."""


def _setting(default: Any, about: str, low: float | None = None, high: float | None = None,
             secret: bool = False) -> Any:
    return field(default=default, metadata={"about": about, "low": low, "high": high, "secret": secret})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the service, with its default."""

    host: str = _setting("127.0.0.1", "address to listen on; anything but loopback needs API keys")
    port: int = _setting(8000, "port of HTTP, SSE and WebSockets", 0, 65535)
    demo: bool = _setting(False, "no keys, everybody is admin of the tenant 'demo'; loopback only")
    database: str = _setting("sqlite:///emotion.db", "sqlite:///FILE or postgresql+psycopg://…", secret=True)
    redis: str = _setting("", "redis://… for several processes; empty: events stay in this process", secret=True)
    origins: str = _setting("", "other origins whose pages may use tickets here, comma-separated")
    tick_ms: float = _setting(40.0, "how often all calls with a hop ready are stepped", 1, 500)
    lag_s: float = _setting(2.0, "a live call further behind loses its oldest audio", 2, 30)
    grace_s: float = _setting(30.0, "how long a dropped call waits for its client", 0, 600)
    idle_s: float = _setting(15.0, "a socket that says nothing for so long is closed", 1, 3600)
    drain_s: float = _setting(20.0, "after SIGTERM, how long live calls may finish", 0, 600)
    call_hours: float = _setting(4.0, "longest call", 0.01, 24)
    calls: int = _setting(500, "live calls of all tenants", 1, 100_000)
    calls_per_tenant: int = _setting(300, "live calls of one tenant", 1, 100_000)
    requests_per_minute: int = _setting(1200, "HTTP requests of one key or address", 1, 1_000_000)
    body_mb: float = _setting(64.0, "largest HTTP body; larger recordings go up in pieces", 1, 4096)
    upload_mb: float = _setting(2048.0, "largest recording that is uploaded in pieces", 1, 65536)
    recording_hours: float = _setting(4.0, "longest recording that is analysed", 0.01, 24)
    files: str = _setting("emotion-files", "folder for uploads in progress and stored audio")
    keep_reading_s: float = _setting(2.0, "spacing of the readings that are stored", 0.5, 60)
    retention_days: float = _setting(30.0, "calls are deleted so long after they ended; 0: never", 0, 3650)
    store_text: bool = _setting(False, "store what was said (phrases, reasons with their words)")
    store_audio: bool = _setting(False, "store the audio of calls")
    mood: str = _setting("mood-open", "weights of the mood model, by their name in models/manifest.toml")
    fetched: str = _setting("", "folder of weights that were fetched; empty: where `models pull` puts them")
    commercial_only: bool = _setting(False, "refuse weights that are not cleared for commercial use")
    threads: int = _setting(1, "threads of the models", 1, 64)
    metrics_open: bool = _setting(False, "serve /metrics to everybody; otherwise loopback and admins")
    twilio_tokens: str = _setting("", "TENANT=AUTH_TOKEN, comma-separated: who signs Media Streams", secret=True)
    audiohook_keys: str = _setting("", "TENANT=API_KEY:BASE64_SECRET, comma-separated: Genesys", secret=True)
    audiosocket_host: str = _setting("127.0.0.1", "address of the AudioSocket door: loopback or private")
    audiosocket_port: int = _setting(0, "port of the AudioSocket door; 0: closed", 0, 65535)
    audiosocket_public: bool = _setting(False, "let the AudioSocket door listen on any address; it is not encrypted")
    audiosocket_tenant: str = _setting("demo", "the tenant whose announced calls come over AudioSocket")
    webhook_private: bool = _setting(False, "webhooks may go to http and to addresses inside this network")
    log_level: str = _setting("info", "debug, info, warning or error")
    log_json: bool = _setting(False, "logs as JSON lines; otherwise as text")


def variable(name: str) -> str:
    """The variable of the environment behind a field."""
    return f"EMOTION_{name.upper()}"


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment (os.environ by default); SettingsError on a wrong value."""
    environ = os.environ if environ is None else environ
    values = {}
    for item in fields(Settings):
        if (text := environ.get(variable(item.name))) is not None:
            values[item.name] = _value(variable(item.name), text.strip(), item.default, item.metadata)
    return Settings(**values)


def _value(name: str, text: str, default: Any, facts: Mapping[str, Any]) -> Any:
    if isinstance(default, bool):
        if text.lower() not in {"1", "0", "true", "false", "yes", "no", "on", "off", ""}:
            raise SettingsError(f"{name}={text!r} must be 1 or 0")
        return text.lower() in {"1", "true", "yes", "on"}
    if isinstance(default, str):
        return text
    try:
        value = type(default)(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} must be a number") from None
    if not facts["low"] <= value <= facts["high"]:
        raise SettingsError(f"{name}={text!r} must be from {facts['low']} to {facts['high']}")
    return value


def table(settings: Settings) -> str:
    """All settings, their value now and what they mean; secrets are not shown."""
    rows = [("variable", "value", "default", "meaning")]
    for item in fields(Settings):
        value = getattr(settings, item.name)
        shown = "(set)" if item.metadata["secret"] and value != item.default else str(value)
        rows.append((variable(item.name), shown, str(item.default), item.metadata["about"]))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*map(str.ljust, row[:3], widths), row[3]]).rstrip() for row in rows)


def markdown() -> str:
    """The same as a table for docs/service.md: names, defaults and meanings."""
    defaults = {item.name: "" if item.default == "" else f"`{item.default}`" for item in fields(Settings)}
    rows = [f"| `{variable(item.name)}` | {defaults[item.name]} | {item.metadata['about']} |"
            for item in fields(Settings)]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows])
