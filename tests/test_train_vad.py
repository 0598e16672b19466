"""Silero's graph as we rewrote it says what Silero's own says, and what is shipped is what the recipe makes."""

from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx", reason="training needs the extra [train]")

from emotion import weights  # noqa: E402
from models.train import vad  # noqa: E402


def test_the_rewritten_graph_equals_silero(tmp_path: Path) -> None:
    path = tmp_path / "vad.onnx"
    onnx.save(vad.build(vad.read(vad.source())), str(path))
    assert vad.check(path) < 1e-5


def test_the_shipped_graph_equals_silero() -> None:
    assert vad.check(weights.find("vad").path) < 1e-5


def test_the_check_sees_a_difference(tmp_path: Path) -> None:
    silero = vad.read(vad.source())
    silero["decoder.decoder.2.bias"] = silero["decoder.decoder.2.bias"] + 0.5
    path = tmp_path / "vad.onnx"
    onnx.save(vad.build(silero), str(path))
    assert vad.check(path) > 1e-2
