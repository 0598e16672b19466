"""The annotation tool: asks, writes at once, resumes, compares."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import annotate
from benchmarks.datasets import texts
from tests.conftest import vowel

CHAT = "caller: 你好\nagent: 您好\ncaller: 怎么还没到\n\ncaller: 谢谢\n"


def script(*answers: str) -> Callable[[str], str]:
    left = iter(answers)
    return lambda _: next(left)


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    path = tmp_path / "chat.txt"
    path.write_text(CHAT, "utf-8")
    return path


def test_labels_are_asked_written_at_once_and_resumed(chat: Path, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "labels.csv"
    found = list(annotate.items(chat))
    assert [(item.id, item.turn) for item in found] == [("chat-1", 1), ("chat-1", 2), ("chat-2", 1)]
    annotate.label(found, out, script("", "9", "?", "1 2", "q"))
    assert [(row.turn, row.evidence, row.position) for row in texts.ladder_labels(out)] == [(1, 0, 0), (2, 1, 2)]
    assert "潜在不满" in capsys.readouterr().out
    annotate.label(found, out, script("00"))
    assert len(texts.ladder_labels(out)) == 3


def test_enter_keeps_the_position_of_the_turn_before(chat: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.csv"
    annotate.label(list(annotate.items(chat)), out, script("33", "", ""))
    assert [row.position for row in texts.ladder_labels(out)] == [3, 3, 0]


def test_agreement_of_two_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rows in (("a", "x,1,3,3\nx,2,0,3\n"), ("b", "x,1,3,3\nx,2,1,2\nx,3,0,0\n")):
        (tmp_path / f"{name}.csv").write_text("id,turn,evidence,position\n" + rows, "utf-8")
    assert annotate.agree(tmp_path / "a.csv", tmp_path / "b.csv") == 0
    said = capsys.readouterr().out
    assert "2 turns labelled in both" in said
    assert "position: exact 0.50" in said
    (tmp_path / "c.csv").write_text("id,turn,evidence,position\ny,1,0,0\n", "utf-8")
    assert annotate.agree(tmp_path / "a.csv", tmp_path / "c.csv") == 1


def test_the_engine_is_measured_against_labels(chat: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "labels.csv"
    out.write_text("id,turn,evidence,position\nchat-1,1,0,0\nchat-1,2,1,1\nchat-2,1,0,0\n", "utf-8")
    parser = argparse.ArgumentParser()
    annotate.add_arguments(parser)
    assert annotate.run(parser.parse_args([str(chat), "--measure", str(out)])) == 0
    assert "QWK" in capsys.readouterr().out
    assert annotate.run(parser.parse_args([str(tmp_path / "no.txt")])) == 2


def test_a_recording_is_cut_into_the_callers_stretches() -> None:
    silence = np.zeros(16000, np.float32)
    found = annotate.stretches(np.concatenate([silence, vowel(180, 2), silence, vowel(180, 1.5), silence]))
    assert len(found) == 2
    assert found[0].seconds[0] == pytest.approx(2.0, abs=0.6)


def test_senders_and_lines_that_are_unknown_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("bot: hi", "utf-8")
    with pytest.raises(ValueError, match="no sender called 'bot'"):
        annotate.dialogues(tmp_path / "x.txt")
    (tmp_path / "y.txt").write_text("hello there", "utf-8")
    with pytest.raises(ValueError, match="a line must begin"):
        annotate.dialogues(tmp_path / "y.txt")
