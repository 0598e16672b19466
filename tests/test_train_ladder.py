"""Fitting the ladder: transitions, forecast, budget, and a parameter file that keeps its comments."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from emotion.alerts import Feedback
from emotion.ladder import parameters
from emotion.types import Span, Turn
from models.train import budget
from models.train import ladder as recipe


def row(dialogue: str, evidence: int, position: int) -> recipe.Row:
    spread = np.full(7, 0.02)
    spread[evidence] = 0.88
    return recipe.Row(dialogue, evidence, position, Turn(Span(0, 1), "", tuple(spread), 0.0, ()), ())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ladder.toml"
    path.write_text(recipe.FILE.read_text("utf-8"), "utf-8")
    return path


def test_transitions_are_counted_and_written_where_the_ladder_reads_them(file: Path) -> None:
    rows = [row(str(n), *pair) for n in range(60) for pair in ((0, 0), (3, 3), (0, 3))]
    words = recipe.fit_words(rows, {"bias": 0.0, "slope": 1.0, "phrase": 0.0, "thanks": 0.0})
    assert words.given[0][3] > 0.7
    assert words.given[3][0] > 0.7
    assert words.opening[0] > 0.8
    recipe.write(file, "words", {"source": "a test", "base": words.base, "given": words.given})
    assert parameters(str(file)).given[0] == pytest.approx(words.given[0], rel=1e-3)
    assert tomllib.loads(file.read_text("utf-8"))["words"]["source"] == "a test"
    assert file.read_text("utf-8").count("#") == recipe.FILE.read_text("utf-8").count("#")


def test_writing_twice_is_writing_once_and_other_sections_stay(file: Path) -> None:
    before = tomllib.loads(file.read_text("utf-8"))
    recipe.write(file, "forecast", {"slope": 1.25, "reach": [0.1] * 7})
    once = file.read_text("utf-8")
    recipe.write(file, "forecast", {"slope": 1.25, "reach": [0.1] * 7})
    assert file.read_text("utf-8") == once
    after = tomllib.loads(once)
    assert after["forecast"]["slope"] == 1.25
    assert {key: value for key, value in after.items() if key != "forecast"} == {
        key: value for key, value in before.items() if key != "forecast"}
    with pytest.raises(ValueError, match="no section"):
        recipe.write(file, "nothing", {})


def test_reaching_five_is_certain_there_and_likelier_from_above() -> None:
    climbing = np.full((7, 7), 1 / 7)
    reach = recipe.reaching(climbing)
    assert reach[0] == pytest.approx(1 - (5 / 7) ** recipe.HORIZON)
    assert reach[5] == reach[6] == pytest.approx(1)


def test_platt_finds_the_line_behind_coin_flips() -> None:
    rng = np.random.default_rng(1)
    chance = rng.uniform(0.02, 0.6, 6000)
    true = 1 / (1 + np.exp(-(1.4 * np.log(chance / (1 - chance)) - 0.5)))
    slope, intercept = recipe.platt(chance, (rng.random(6000) < true).astype(float))
    assert slope == pytest.approx(1.4, abs=0.15)
    assert intercept == pytest.approx(-0.5, abs=0.2)


def test_feedback_renews_the_budget_or_says_why_not(file: Path, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"hours": 0.1, "alerts": [{"rung": 3, "score": 0.6, "verdict": "wrong"}] if n % 10 == 0 else []}
            for n in range(400)]
    feedback = tmp_path / "feedback.jsonl"
    feedback.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    assert budget.recalibrate(feedback, 0.5, lambda values: recipe.write(file, "budget", values)) == 0
    table = tomllib.loads(file.read_text("utf-8"))["budget"]
    assert "feedback" in table["source"]
    strict = next(level for level, rate in zip(table["strictness"], table["rate"], strict=True) if rate <= 0.5)
    assert strict == pytest.approx(0.62)
    feedback.write_text(json.dumps({"hours": 0.1}), "utf-8")
    assert budget.recalibrate(feedback, 0.5, lambda values: recipe.write(file, "budget", values)) == 1
    assert "cannot promise" in capsys.readouterr().out


def test_the_budget_table_falls_with_strictness() -> None:
    calls = [Feedback(1.0, ((3, 0.5 + n / 200, "wrong"),)) for n in range(100)]
    table = budget.table(calls, "test")
    rates = table["rate"]
    assert isinstance(rates, list)
    assert rates == sorted(rates, reverse=True)
