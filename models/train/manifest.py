"""models/manifest.toml: an entry for every file of weights, written by the training that made it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

Fact = str | int | float | bool | Sequence[str] | Sequence[float]


def enter(manifest: Path, name: str, facts: Mapping[str, Fact]) -> None:
    """Write or replace one entry, in a file that is begun if need be; the others and the comment on top stay."""
    text = manifest.read_text("utf-8") if manifest.is_file() else "# Written by `python -m models.train`.\n"
    head, *sections = text.split("\n[")
    kept = [section for section in sections if not section.startswith(f"{name}]")]
    lines = [f"{name}]"] + [f"{key} = {_toml(value)}" for key, value in facts.items()]
    kept.append("\n".join(lines) + "\n")
    text = "\n[".join([head.rstrip("\n") + "\n", *(section.rstrip("\n") + "\n" for section in sorted(kept))])
    tomllib.loads(text)
    manifest.write_text(text, "utf-8")


def _toml(value: Fact) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
