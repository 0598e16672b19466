"""The complaint record: kind with reasons, demands, timeline, in both languages and as plain JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emotion.record import Record, complaint
from tests.scripted import Script, run


def record(**what: Any) -> Record:
    found = complaint(run(Script("r", "zh", 60, **what)))
    assert found is not None
    return found


def test_a_call_below_rung_five_has_none() -> None:
    assert complaint(run(Script("r", "zh", 60, phrases=[(5, "退款", 4, "demand")]))) is None


def test_kinds_are_proposed_with_reasons() -> None:
    said = (20, "我要投诉", 5, "complaint")
    assert record(phrases=[said]).kind == "ordinary"
    assert record(phrases=[(5, "骗人", 4, "accusation"), said]).kind == "major"
    assert record(phrases=[(5, "赔偿", 4, "demand"), (8, "换一家", 4, "threat"), said]).kind == "major"
    assert record(phrases=[said], transfers=[3.0, 6.0]).kind == "hard"
    assert record(phrases=[said], repeats=[(3, "单号"), (6, "单号"), (9, "单号")]).kind == "hard"
    escalated = record(phrases=[said, (30, "12315", 6, "threat")])
    assert escalated.kind == "escalated"
    assert "“12315” (30.0 s)" in escalated.because[0]["zh"]


def test_what_was_demanded_and_the_way_up() -> None:
    found = record(phrases=[(5, "太差了", 3, "judgement"), (9, "退款", 4, "demand"), (12, "退款", 4, "demand"),
                            (20, "我要投诉", 5, "complaint")], waits=[(25, 40)])
    assert found.demanded == ("退款",)
    assert [(step.before, step.after) for step in found.timeline] == [(0, 3), (3, 4), (4, 5)]
    assert found.reached == 20.5
    assert found.waited == 15
    assert "要求：退款" in found.summary["zh"]
    assert "Demanded: 退款" in found.summary["en"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_plain_json(language: str) -> None:
    text = json.dumps(record(phrases=[(20, "我要投诉", 5, "complaint")]).to_json(), ensure_ascii=False)
    assert json.loads(text)["summary"][language]
