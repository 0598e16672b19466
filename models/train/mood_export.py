"""From a fitted network to a shipped file: ONNX, two proofs, the manifest's entry."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch

from emotion import weights
from emotion.types import FRAMES, Audio
from emotion.voice.logmel import BANDS
from models.train.mood_net import CLASSES, MoodNet


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
    """Largest difference between ONNX hop by hop, PyTorch hop by hop, and PyTorch on the whole clip, on noise.

    AssertionError above 1e-3 in any probability.
    """
    rng = np.random.default_rng(seed)
    mel = rng.normal(-4, 2, (3, 8, FRAMES, BANDS)).astype(np.float32)
    speech = (rng.random((3, 8, FRAMES)) < 0.7).astype(np.float32)
    session = weights.session(path)
    state: Audio = np.zeros((3, net.state_size), np.float32)
    torch_state = torch.zeros(3, net.state_size)
    worst = 0.0
    with torch.no_grad():
        logits = net.clip(torch.from_numpy(mel), torch.from_numpy(speech))
        whole = torch.cat([logits[..., :CLASSES].softmax(2), logits[..., CLASSES:].sigmoid()], 2).numpy()
        for hop in range(mel.shape[1]):
            classes, arousal, state = session.run(None, {"mel": mel[:, hop], "speech": speech[:, hop], "state": state})
            ours = net(torch.from_numpy(mel[:, hop]), torch.from_numpy(speech[:, hop]), torch_state)
            torch_state = ours[2]
            onnx_row = np.concatenate([classes, arousal], 1)
            torch_row = torch.cat(ours[:2], 1).numpy()
            worst = max(worst, float(np.abs(onnx_row - torch_row).max()),
                        float(np.abs(onnx_row - whole[:, hop]).max()))
    assert worst < 1e-3, f"ONNX, streamed and whole clip differ by {worst}"
    return worst


def enter(manifest: Path, name: str, facts: Mapping[str, str | int | bool | list[str]]) -> None:
    """Write or replace one entry of manifest.toml; the others and the comment on top stay."""
    text = manifest.read_text("utf-8")
    head, *sections = text.split("\n[")
    kept = [section for section in sections if not section.startswith(f"{name}]")]
    lines = [f"{name}]"] + [f"{key} = {_toml(value)}" for key, value in facts.items()]
    kept.append("\n".join(lines) + "\n")
    text = "\n[".join([head.rstrip("\n") + "\n", *(section.rstrip("\n") + "\n" for section in sorted(kept))])
    tomllib.loads(text)
    manifest.write_text(text, "utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _toml(value: str | int | bool | list[str]) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
