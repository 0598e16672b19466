"""The shipped files against manifest and card: hash, size, labels, and a made signal's outputs, without PyTorch."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from emotion import weights
from emotion.config import MoodConfig
from emotion.mood import MoodModel
from models import golden

MOODS = sorted(name for name in weights.manifest() if name.startswith("mood"))
SHIPPED = [name for name in MOODS if weights.manifest()[name]["purpose"] == "shipped"]


@pytest.mark.parametrize("name", sorted(weights.manifest()))
def test_every_file_is_the_one_that_the_manifest_describes(name: str) -> None:
    found = weights.find(name)
    assert found.path.stat().st_size < 25e6
    assert found.licence
    assert found.facts.get("training_data") or found.facts["training"]


def test_every_file_has_an_entry() -> None:
    listed = {weights.FOLDER / facts["file"] for facts in weights.manifest().values()}
    assert set(weights.FOLDER.rglob("*.onnx")) <= listed


@pytest.mark.parametrize("name", MOODS)
def test_the_golden_signal_gives_the_golden_outputs(name: str) -> None:
    found = golden.outputs(MoodModel(MoodConfig(name)))
    assert np.abs(np.subtract(found, weights.manifest()[name]["golden"])).max() < 2e-3
    assert weights.find(name).path.stat().st_size < 2e6


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_speaks_of_this_file(name: str) -> None:
    card = (weights.FOLDER / "cards" / f"{name}.md").read_text("utf-8")
    facts = weights.manifest()[name]
    assert facts["sha256"] in card
    assert facts["licence"] in card
    assert all(source in card for source in facts["training_data"])
    for heading in ("## For", "## Not for", "## Figures", "## Known failures"):
        assert heading in card


def test_open_means_open() -> None:
    facts = weights.manifest()["mood-open"]
    assert facts["commercial_use"]
    assert not any(word in source for source in facts["training_data"] for word in ("RAVDESS", "CASIA"))
    assert not weights.manifest()["mood-research"]["commercial_use"]


def test_no_part_of_the_engine_needs_pytorch() -> None:
    import subprocess

    code = "import sys, models.golden, emotion.mood; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=weights.FOLDER.parent, check=False).returncode == 0
