"""The offline report: the sample call through `analyze`, and its four forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import emotion
from emotion.report import Report, plain
from emotion.transcripts import read_transcript
from emotion.types import RATE, Span
from tests.conftest import SAMPLES


@pytest.fixture(scope="module")
def report() -> Report:
    return emotion.analyze(SAMPLES / "zh.ogg", language="zh", transcript=read_transcript(SAMPLES / "zh.toml"))


def test_the_script_is_climbed_in_its_order(report: Report) -> None:
    reached = [change.after for change in report.changes if change.after > change.before]
    wanted = iter(reached)
    assert all(any(rung == target for rung in wanted) for target in (2, 4, 5)), reached


def test_each_alert_comes_within_a_second_and_a_half_of_its_evidence(report: Report) -> None:
    raised = {alert.rung: alert for alert in report.alerts if alert.kind == "raise"}
    ends = {u.text: u.span.end for u in read_transcript(SAMPLES / "zh.toml")}
    assert raised[5].at / RATE - next(end for text, end in ends.items() if "投诉你们" in text) / RATE <= 1.5


def test_json_holds_everything_and_no_nan(report: Report, tmp_path: Path) -> None:
    text = report.to_json(tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text("utf-8"), parse_constant=pytest.fail)
    assert document == json.loads(text)
    assert len(document["moments"]) == len(report.moments)
    assert document["peak"] == report.peak
    assert "估计" in document["note"]["zh"]


def test_a_table_has_one_row_a_hop(report: Report) -> None:
    frame = report.to_pandas()
    assert len(frame) == len(report.moments)
    assert frame.index[0] == 0.5
    assert frame["standing.rung"].max() == report.peak
    assert {"voice.pitch.median", "talk.dead_air", "shift.heat", "phrases"} <= set(frame.columns)


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_the_table_is_written(report: Report, tmp_path: Path, name: str) -> None:
    import pandas as pd

    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="the extra `archive` is not installed")
    report.to_table(tmp_path / name)
    back = pd.read_parquet(tmp_path / name) if name.endswith("parquet") else pd.read_csv(tmp_path / name)
    assert len(back) == len(report.moments)


def test_the_story_is_told_in_both_languages(report: Report) -> None:
    zh, en = report.describe("zh"), report.describe("en")
    assert "投诉" in zh
    assert "先处理心情" in zh
    assert "complaint" in en
    assert "estimate of expressed emotion" in en
    assert len(zh.splitlines()) == len(en.splitlines())


def test_the_picture_is_drawn(report: Report, tmp_path: Path) -> None:
    report.plot(tmp_path / "call.png")
    assert (tmp_path / "call.png").stat().st_size > 20_000


@pytest.mark.parametrize(("value", "expected"), [
    (Span(4000, 8000), [0.5, 1.0]), (float("nan"), None), (np.float32(0.5), 0.5), ((1, None), [1, None]),
    ({"zh": Span(0, 8)}, {"zh": [0.0, 0.001]}),
])
def test_plain_values(value: object, expected: object) -> None:
    assert plain(value) == expected
