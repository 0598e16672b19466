"""Real recordings of the development data go through `analyze`: without error, and calm calls stay calm."""

from __future__ import annotations

from pathlib import Path

import pytest

import emotion
from emotion.config import Config
from emotion.types import Language

pytestmark = pytest.mark.slow
LOUD = 3
"""From this rung on an alert is more than a hint."""


@pytest.fixture(scope="module")
def engine() -> emotion.Engine:
    return emotion.Engine(Config())


@pytest.mark.parametrize(("name", "language"), [("Auto_Repairs_40_UTC_caller.flac", "en"), ("agent.flac", "en")])
def test_a_calm_service_call_raises_no_alert_above_rung_2(engine: emotion.Engine, data: Path, name: str,
                                                         language: Language) -> None:
    report = emotion.analyze(data / "words" / "calls_en" / name, language=language, engine=engine)
    assert report.seconds > 60
    assert [alert for alert in report.alerts if alert.rung >= LOUD] == []


@pytest.mark.parametrize(("folder", "language"), [("speech/emodb", "en"), ("speech/casia", "zh"),
                                                  ("words/clips_zh", "zh")])
def test_real_clips_go_through(engine: emotion.Engine, data: Path, folder: str,
                               language: Language) -> None:
    clips = sorted(path for path in (data / folder).iterdir() if path.suffix in {".flac", ".wav", ".opus", ".ogg"})
    assert clips
    for clip in clips[:: max(1, len(clips) // 12)]:
        report = emotion.analyze(clip, language=language, engine=engine)
        assert len(report.moments) == int(report.seconds * 2) + 1
        assert report.peak is not None
