"""Schemathesis over the OpenAPI document: whatever is asked, no 5xx, no traceback, no hang, every refusal a problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.service import Service, complain, everything, serving, start

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
ENDLESS = {"/v1/events", "/v1/agents/{agent}/alerts"}
"""Event streams do not end by themselves; their own tests hold them."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("schema")) as running:
        with running.socket("/v1/stream") as socket:
            socket.send(start(call_id="0", agent_id="0", language="zh"))
            complain(socket)
            socket.send('{"type": "stop"}')
            everything(socket)
        yield running


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_service(service: Service, mode: GenerationMode) -> None:
    """Every operation of the document, as an admin, with anything that fits it and with much that does not."""
    schema = schemathesis.openapi.from_url(f"{service.http}/openapi.json")
    checked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result.err()
        operation = result.ok()
        if operation.path in ENDLESS:
            continue
        checked += asked(operation, mode)
    assert checked > 30


def asked(operation: Any, mode: GenerationMode) -> bool:
    """Ask one operation 25 times; False where nothing wrong can be asked of it."""
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck),
              phases=[Phase.generate], verbosity=Verbosity.quiet)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(timeout=20)
        assert answer.status_code < 500, (operation.label, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code >= 400 and operation.method.upper() != "HEAD":
            assert "problem+json" in answer.headers["content-type"][0], (operation.label, answer.status_code)

    try:
        ask()
    except Unsatisfiable:
        return mode is GenerationMode.NEGATIVE
    return True
