"""Recordings from disk: every format, and every way in which a file can be bad."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotion.audio import g711
from emotion.audio.files import open_recording
from emotion.audio.pcm import AudioError
from emotion.types import RATE, Audio
from tests.conftest import tone


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_formats(tmp_path: Path, name: str) -> None:
    both = np.stack([tone(300, 1), tone(500, 1)], 1)
    soundfile.write(tmp_path / name, both, RATE)
    recording = open_recording(tmp_path / name)
    blocks = list(recording.blocks())
    assert recording.sides == ("caller", "agent")
    assert recording.seconds == pytest.approx(1, abs=0.2)
    assert sum(len(block["caller"]) for block in blocks) / recording.rate == pytest.approx(1, abs=0.2)
    assert "first is the caller" in recording.notes[0]


@pytest.mark.parametrize(("ending", "encode"), [(".ulaw", g711.encode_ulaw), (".al", g711.encode_alaw)])
def test_raw_g711(tmp_path: Path, ending: str, encode: Callable[[Audio], bytes]) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(encode(tone(300, 1)))
    block = next(open_recording(path).blocks())
    assert np.abs(block["caller"]).max() == pytest.approx(0.1, abs=0.01)


def test_the_second_channel_may_be_the_caller(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([tone(300, 1), 0 * tone(300, 1)], 1), RATE)
    block = next(open_recording(tmp_path / "a.wav", caller=1).blocks())
    assert not block["caller"].any()
    assert block["agent"].any()


def bad(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.wav"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is not audio")
    elif kind == "header":
        soundfile.write(path, np.zeros(0, np.float32), RATE)
    elif kind == "six":
        soundfile.write(path, np.zeros((100, 6), np.float32), RATE)
    elif kind == "long":
        soundfile.write(path, np.zeros(RATE, np.float32), RATE)
    elif kind == "rate":
        soundfile.write(path, np.zeros(100, np.float32), 4000)
    return path


@pytest.mark.parametrize(("kind", "says"), [
    ("missing", "no such file"), ("empty", "0 bytes"), ("text", "not audio"), ("header", "no audio follows"),
    ("six", "6 channels"), ("long", "--longest"), ("rate", "multiple of 25"),
])
def test_bad_files_are_named(tmp_path: Path, kind: str, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        open_recording(bad(tmp_path, kind), longest_h=1e-4)


def test_a_file_that_ends_early_is_analysed_as_far_as_it_goes(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(300, 2), RATE)
    path = tmp_path / "cut.wav"
    path.write_bytes((tmp_path / "a.wav").read_bytes()[: 44 + RATE])
    recording = open_recording(path)
    assert recording.seconds == pytest.approx(0.5, abs=0.01)
    assert any("ends early" in note for note in recording.notes)
