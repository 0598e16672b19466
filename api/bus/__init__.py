"""Events out: one envelope, one bus; in this process (`local.py`) or over Redis Streams (`streams.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Envelope = Mapping[str, Any]
"""{"id", "type", "tenant", "call", "agent", "team", "time", …payload}, as docs/api.md has it."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events somebody wants, and may have: the tenant always, the rest where it is given."""

    tenant: str
    agent: str | None = None
    team: str | None = None
    call: str | None = None
    types: frozenset[str] | None = None
    readings: bool = False

    def wants(self, event: Envelope) -> bool:
        """Whether the event passes."""
        return (event["tenant"] == self.tenant
                and (self.agent is None or event["agent"] == self.agent)
                and (self.team is None or event["team"] == self.team)
                and (self.call is None or event["call"] == self.call)
                and (self.readings if event["type"] == "reading"
                     else self.types is None or event["type"] in self.types))
