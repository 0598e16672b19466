"""Golden calls: what the ladder and its alerts say of sixteen scripts; python -m tests.rewrite_golden writes them."""

from __future__ import annotations

import json

import pytest

from tests.golden_calls import CALLS
from tests.rewrite_golden import FOLDER
from tests.scripted import Script, as_json, run


@pytest.mark.parametrize("script", CALLS, ids=lambda script: script.name)
def test_a_golden_call_is_told_as_before(script: Script) -> None:
    kept = json.loads((FOLDER / f"{script.name}.json").read_text("utf-8"))
    assert json.loads(json.dumps(as_json(run(script), script.language))) == kept


def test_there_are_at_least_twelve_in_both_languages_and_no_strays() -> None:
    assert len(CALLS) >= 12
    assert {script.language for script in CALLS} == {"zh", "en"}
    assert {path.stem for path in FOLDER.glob("*.json")} == {script.name for script in CALLS}
