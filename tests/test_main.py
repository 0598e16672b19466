"""The command line as a user meets it: results, and one line with exit status 2 for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emotion.__main__ import main
from tests.conftest import SAMPLES


def test_analyze_tells_shows_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert main(["analyze", str(SAMPLES / "en.ogg"), "--language", "en", "--transcript", str(SAMPLES / "en.toml"),
                 "--json", str(out), "--plot", str(tmp_path / "out.png")]) == 0
    shown = capsys.readouterr().out
    assert "first is the caller" in shown
    assert "caller stands at 5 complaint" in shown
    assert "words come from the transcript" in shown
    assert json.loads(out.read_text("utf-8"))["peak"] >= 5
    assert (tmp_path / "out.png").is_file()


@pytest.mark.parametrize(("arguments", "says"), [
    (["analyze", "nowhere.wav"], "no such file"),
    (["analyze", str(SAMPLES / "zh.toml")], "not audio"),
    (["analyze", str(SAMPLES / "zh.ogg"), "--transcript", "nowhere.json"], "no such file"),
    (["analyze", str(SAMPLES / "zh.ogg"), "--transcript", str(SAMPLES / "README.md")], "give JSON"),
    (["analyze", str(SAMPLES / "zh.ogg"), "--mood", "mood-magic"], "mood-magic"),
    (["analyze", str(SAMPLES / "zh.ogg"), "--longest", "0.001"], "over the limit"),
    (["analyze", str(SAMPLES / "zh.ogg"), "--json", "/nowhere/at/all.json"], "No such file"),
])
def test_faults_are_one_line_and_exit_2(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr().err.strip()
    assert says in shown
    assert shown.startswith("emotion: ")
    assert len(shown.splitlines()) == 1
