"""Where the weights lie, what they were trained on, and whether this installation may use them.

`models/manifest.toml` lists every file: name, sha256, sample rate, labels, training data, licence, `commercial_use`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime as ort

FOLDER = Path(__file__).resolve().parent.parent / "models"


class WeightsError(Exception):
    """Weights are missing, altered, or not allowed here; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights, checked against the manifest."""

    name: str
    path: Path
    sha256: str
    licence: str
    commercial_use: bool
    facts: Mapping[str, Any]


@cache
def manifest() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads((FOLDER / "manifest.toml").read_text("utf-8"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find(name: str, *, commercial_only: bool = False) -> Weights:
    """The weights called `name`, verified; WeightsError if absent, altered or refused by policy."""
    facts = manifest().get(name)
    if facts is None:
        raise WeightsError(f"no weights called {name!r}; models/manifest.toml has: {', '.join(sorted(manifest()))}")
    path = FOLDER / facts["file"]
    if commercial_only and not facts["commercial_use"]:
        raise WeightsError(f"{name} ({facts['licence']}) is not cleared for commercial use, and this installation's "
                           "policy asks for that; choose weights with commercial_use = true")
    if not path.is_file():
        raise WeightsError(f"{path} is missing; restore it from the repository or a release")
    if sha256(path) != facts["sha256"]:
        raise WeightsError(f"{path} is not the file that models/manifest.toml describes (sha256 differs)")
    return Weights(name, path, facts["sha256"], facts["licence"], facts["commercial_use"], facts)


def session(path: Path | str, threads: int = 1) -> ort.InferenceSession:
    """Open an ONNX file for the hot path: few threads, no spinning, so that cores stay free for other calls."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
