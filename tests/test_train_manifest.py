"""Entries of models/manifest.toml: written, replaced, and nobody else's touched."""

from __future__ import annotations

import tomllib
from pathlib import Path

from models.train.manifest import enter


def test_an_entry_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    table = tmp_path / "manifest.toml"
    table.write_text('# on top\n\n[other]\nfile = "o"\n\n[words]\nfile = "w"\n', "utf-8")
    for number in (1, 2):
        enter(table, "mine", {"file": "m", "n": number, "free": True, "golden": [0.5, 0.25], "labels": ["a", 'b "c"']})
    assert tomllib.loads(table.read_text("utf-8")) == {
        "other": {"file": "o"}, "words": {"file": "w"},
        "mine": {"file": "m", "n": 2, "free": True, "golden": [0.5, 0.25], "labels": ["a", 'b "c"']}}
    assert table.read_text("utf-8").startswith("# on top\n\n[mine]")


def test_a_folder_without_a_manifest_gets_one(tmp_path: Path) -> None:
    table = tmp_path / "manifest.toml"
    enter(table, "mine", {"file": "m"})
    enter(table, "yours", {"file": "y"})
    assert tomllib.loads(table.read_text("utf-8")) == {"mine": {"file": "m"}, "yours": {"file": "y"}}
