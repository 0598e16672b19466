"""Transcript files: three formats, and errors that name the entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emotion.transcripts import TranscriptError, read_transcript
from emotion.types import RATE, Span
from tests.conftest import SAMPLES

ENTRY = {"channel": "caller", "start": 1.0, "end": 2.0, "text": "我要投诉"}


@pytest.mark.parametrize("text", [json.dumps([ENTRY]), json.dumps(ENTRY) + "\n\n", '[[turn]]\nside = "caller"\n'
                                  'start = 1\nend = 2.0\ntext = "我要投诉"\n'])
def test_formats(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("a.toml" if "[[" in text else "a.json")
    path.write_text(text, "utf-8")
    only, = read_transcript(path)
    assert only.span == Span(RATE, 2 * RATE)
    assert only.text == "我要投诉"
    assert only.final


@pytest.mark.parametrize(("change", "says"), [
    ({"channel": "robot"}, "channel 'robot'"), ({"start": 3.0}, "start <= end"), ({"end": "soon"}, "give seconds"),
    ({"text": None}, "give a string"), ({"start": float("nan")}, "give seconds"), ({"end": True}, "give seconds"),
    ({"end": 10**400}, "give seconds"),
])
def test_wrong_entries_are_named(tmp_path: Path, change: dict[str, object], says: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps([ENTRY, ENTRY | change]), "utf-8")
    with pytest.raises(TranscriptError, match=f"entry 2.*{says}"):
        read_transcript(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["{", "[1]", '"text"'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, "utf-8")
    with pytest.raises(TranscriptError):
        read_transcript(tmp_path / "a.json")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_sample_scripts_are_transcripts(language: str) -> None:
    utterances = read_transcript(SAMPLES / f"{language}.toml")
    assert {utterance.side for utterance in utterances} == {"caller", "agent"}
    assert len(utterances) >= 14
