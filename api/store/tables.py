"""The tables. Times of day are seconds since 1970 (UTC); moments in a call are seconds of the call."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()
NAME = String(128)

calls = Table(
    "calls", metadata,
    Column("tenant", NAME, primary_key=True), Column("call", NAME, primary_key=True),
    Column("agent", NAME), Column("team", NAME), Column("caller", NAME), Column("language", String(8)),
    Column("door", String(32), nullable=False), Column("consent", Boolean, nullable=False),
    Column("started", Float, nullable=False), Column("ended", Float), Column("card", JSON, nullable=False),
    Column("summary", JSON), Column("record", JSON), Column("metadata", JSON, nullable=False), Column("taken_by", NAME),
    Index("calls_by_time", "tenant", "started"), Index("calls_by_agent", "tenant", "agent", "started"),
    Index("calls_by_caller", "tenant", "caller"), Index("calls_by_end", "ended"),
)

readings = Table(
    "readings", metadata,
    Column("tenant", NAME, primary_key=True), Column("call", NAME, primary_key=True),
    Column("at", Float, primary_key=True), Column("trace", JSON, nullable=False),
)

changes = Table(
    "changes", metadata,
    Column("tenant", NAME, primary_key=True), Column("call", NAME, primary_key=True),
    Column("at", Float, primary_key=True), Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False), Column("change", JSON, nullable=False),
)

alerts = Table(
    "alerts", metadata,
    Column("tenant", NAME, primary_key=True), Column("alert", String(256), primary_key=True),
    Column("call", NAME, nullable=False), Column("agent", NAME), Column("team", NAME),
    Column("event", String(64), nullable=False), Column("time", Float, nullable=False),
    Column("at", Float, nullable=False), Column("rung", Integer, nullable=False),
    Column("audience", String(16), nullable=False), Column("body", JSON, nullable=False),
    Column("acknowledged_by", NAME), Column("acknowledged_at", Float), Column("rung_after_60s", Integer),
    Index("alerts_by_call", "tenant", "call", "at"), Index("alerts_by_agent", "tenant", "agent", "event"),
    Index("alerts_by_event", "tenant", "event"),
)

feedback = Table(
    "feedback", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True), Column("tenant", NAME, nullable=False),
    Column("alert", String(256), nullable=False), Column("verdict", String(16), nullable=False),
    Column("note", Text), Column("by", NAME, nullable=False), Column("time", Float, nullable=False),
    Index("feedback_by_alert", "tenant", "alert"),
)

audit = Table(
    "audit", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True), Column("tenant", NAME, nullable=False),
    Column("time", Float, nullable=False), Column("who", NAME, nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(64), nullable=False), Column("what", String(256), nullable=False),
    Index("audit_by_time", "tenant", "time"),
)

keys = Table(
    "keys", metadata,
    Column("id", String(32), primary_key=True), Column("tenant", NAME, nullable=False),
    Column("role", String(16), nullable=False), Column("name", NAME, nullable=False),
    Column("digest", String(64), nullable=False, unique=True), Column("agent", NAME), Column("team", NAME),
    Column("expires", Float), Column("created", Float, nullable=False),
)

documents = Table(
    "documents", metadata,
    Column("tenant", NAME, primary_key=True), Column("name", String(64), primary_key=True),
    Column("body", JSON, nullable=False), Column("changed", Float, nullable=False),
)

webhooks = Table(
    "webhooks", metadata,
    Column("id", String(32), primary_key=True), Column("tenant", NAME, nullable=False),
    Column("url", String(2048), nullable=False), Column("types", JSON, nullable=False), Column("team", NAME),
    Column("agent", NAME), Column("secret", String(64), nullable=False), Column("created", Float, nullable=False),
)

dead_letters = Table(
    "dead_letters", metadata,
    Column("id", String(32), primary_key=True), Column("tenant", NAME, nullable=False),
    Column("webhook", String(32), nullable=False), Column("event", JSON, nullable=False),
    Column("fault", String(256), nullable=False), Column("tries", Integer, nullable=False),
    Column("time", Float, nullable=False),
)

recordings = Table(
    "recordings", metadata,
    Column("tenant", NAME, primary_key=True), Column("recording", String(32), primary_key=True),
    Column("name", String(256), nullable=False), Column("state", String(16), nullable=False),
    Column("progress", Float, nullable=False), Column("seconds", Float), Column("call", NAME),
    Column("problem", Text), Column("agent", NAME), Column("team", NAME), Column("options", JSON, nullable=False),
    Column("created", Float, nullable=False),
)

OF_A_CALL = (readings, changes)
"""Rows that go with their call, besides alerts and their feedback."""
