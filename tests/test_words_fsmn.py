"""The FSMN ear's front end and its file reader; the ear itself against its own graph where the weights are there."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.types import HOP
from emotion.words import fbank
from emotion.words.onnxfile import initializers


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8))
def test_filter_banks_do_not_care_for_chunks(cuts: list[int]) -> None:
    wide = np.random.default_rng(1).standard_normal(sum(cuts)).astype(np.float32) * 0.1
    whole = fbank.step([fbank.FbankState()], wide[None])[0]
    state, parts, at = fbank.FbankState(), [], 0
    for cut in cuts:
        parts.append(fbank.step([state], wide[None, at: at + cut])[0])
        at += cut
    assert np.allclose(np.concatenate(parts), whole, atol=1e-4)


def test_doubling_keeps_a_tone() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(2000) / 8000).astype(np.float32)
    wide = fbank.double(np.concatenate([np.zeros(fbank.TAPS - 1, np.float32), tone])[None])[0][100:-100]
    spectrum = np.abs(np.fft.rfft(wide * np.hanning(len(wide))))
    assert abs(np.argmax(spectrum) * 16000 / len(wide) - 1000) < 5
    assert spectrum[len(spectrum) * 5 // 8:].max() < 1e-3 * spectrum.max()


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_reader_finds_named_arrays(tmp_path: Path) -> None:
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    tensor = b"\x08\x02\x08\x03\x10\x01" + field(8, b"layer") + field(9, values.tobytes())
    (tmp_path / "one.onnx").write_bytes(field(7, field(5, tensor)))
    assert np.array_equal(initializers(tmp_path / "one.onnx")["layer"], values)


@pytest.mark.parametrize("content", [b"", b"not a model", field(7, b"")])
def test_reader_refuses_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"no float weights|not a protocol|ends in the middle"):
        initializers(tmp_path / "one.onnx")


def test_streaming_equals_the_whole_graph(data: Path) -> None:
    import onnxruntime as ort

    from emotion.words.fsmn import FsmnEar

    folder = data.parent / "models" / "fsmn_ctc_zh"
    if not folder.is_dir():
        pytest.skip("no FSMN weights beside the data")
    plain = np.concatenate([np.eye(400), np.zeros((1, 400))]).astype(np.float32)
    ear = FsmnEar(folder, band=plain)
    wave = (0.05 * np.random.default_rng(0).standard_normal(6 * HOP)).astype(np.float32)
    state = ear.start()
    streamed = np.concatenate([ear.step([state], wave[None, at: at + HOP], wave)[0] for at in range(0, len(wave), HOP)])
    wide = fbank.double(np.concatenate([np.zeros(fbank.TAPS - 1, np.float32), wave])[None])
    frames = fbank.step([fbank.FbankState()], wide)[0]
    shift, scale = ([float(x) for x in line.split("[")[1].split("]")[0].split()]
                    for line in (folder / "am.mvn.dim80_l2r2").read_text().splitlines() if line.count(" ") > 400)
    inputs = ((frames + np.array(shift)) * np.array(scale)).astype(np.float32)
    (logits,) = ort.InferenceSession(str(folder / "fsmn_kws.onnx")).run(None, {"speech": inputs[None]})
    blank = logits[0, :, 0] - np.logaddexp.reduce(logits[0], axis=1)
    assert np.allclose(np.exp(streamed[:, 0]), np.exp(blank[: len(streamed)]), atol=1e-4)
