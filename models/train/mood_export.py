"""From a fitted network to a shipped file: ONNX, and the proof that it is the same network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch

from emotion import weights
from emotion.types import BANDS, FRAMES, Audio
from models.train.mood_net import MoodNet


def export(net: MoodNet, path: Path) -> None:
    """Write the hop-by-hop network as ONNX with state in and out, batch free."""
    net = net.eval()
    example = (torch.zeros(2, FRAMES, BANDS), torch.zeros(2, FRAMES), torch.zeros(2, net.state_size))
    torch.onnx.export(net, example, str(path), input_names=["mel", "speech", "state"],
                      output_names=["classes", "arousal", "state_after"], opset_version=17, dynamo=False,
                      dynamic_axes={name: {0: "batch"} for name in
                                    ("mel", "speech", "state", "classes", "arousal", "state_after")})
    onnx.checker.check_model(onnx.load(str(path)))


def verify(net: MoodNet, path: Path, seed: int = 0) -> float:
    """Largest difference in any output between ONNX, hop by hop with its state carried, and PyTorch on whole clips.

    AssertionError above 1e-3. The clips are noise, three in a batch, and then the first again alone.
    """
    rng = np.random.default_rng(seed)
    mel = rng.normal(-4, 2, (3, 8, FRAMES, BANDS)).astype(np.float32)
    speech = (rng.random((3, 8, FRAMES)) < 0.7).astype(np.float32)
    session = weights.session(path)
    with torch.no_grad():
        whole = net.clip(torch.from_numpy(mel), torch.from_numpy(speech)).numpy()
    worst = 0.0
    for rows in (slice(0, 3), slice(0, 1)):
        state: Audio = np.zeros((len(whole[rows]), net.state_size), np.float32)
        for hop in range(mel.shape[1]):
            classes, arousal, state = session.run(
                None, {"mel": mel[rows, hop], "speech": speech[rows, hop], "state": state})
            worst = max(worst, float(np.abs(np.concatenate([classes, arousal], 1) - whole[rows, hop]).max()))
    assert worst < 1e-3, f"ONNX, streamed, and PyTorch on the whole clip differ by {worst}"
    return worst
