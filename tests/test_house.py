"""The rules of the house, read from the code itself: who may import whom, and who must not know the clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOUNDATIONS = {"types", "config", "weights", "audio"}
"""Parts of emotion/ that every stage may import."""
STAGES = {"voice", "words", "mood", "talk", "baseline", "ladder", "alerts", "guidance", "record", "reasons"}
MAY_IMPORT = {
    "emotion": {"emotion"},
    "api": {"api", "emotion"},
    "benchmarks": {"benchmarks", "emotion"},
    "models": {"models", "emotion", "benchmarks"},
}
STAGE_MAY_ALSO = {
    "alerts": {"guidance"},  # an alert carries its card
    "ladder": {"reasons"},  # a change carries its reasons in words
    "record": {"guidance"},
    "guidance": set(),
}


def modules(folder: str) -> list[Path]:
    return sorted(path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_imports_go_one_way(folder: str) -> None:
    wrong = [f"{path.relative_to(ROOT)} imports {name}" for path in modules(folder) for name in imports(path)
             if name.split(".")[0] in MAY_IMPORT and name.split(".")[0] not in MAY_IMPORT[folder]]
    assert wrong == []


def test_training_uses_only_readers_and_conditions_of_the_suite() -> None:
    allowed = ("benchmarks.datasets", "benchmarks.simulate", "benchmarks.compose", "benchmarks.metrics")
    wrong = [f"{path.relative_to(ROOT)} imports {name}" for path in modules("models") for name in imports(path)
             if name.startswith("benchmarks.") and not name.startswith(allowed)]
    assert wrong == []


def test_stages_never_import_each_other() -> None:
    wrong = []
    for path in modules("emotion"):
        room = path.relative_to(ROOT / "emotion").parts[0].removesuffix(".py")
        if room not in STAGES:
            continue
        allowed = FOUNDATIONS | {room} | STAGE_MAY_ALSO.get(room, set())
        wrong += [f"{path.relative_to(ROOT)} imports {name}" for name in imports(path)
                  if name.startswith("emotion.") and name.split(".")[1] not in allowed]
    assert wrong == []


def test_the_engine_knows_no_network_clock_or_environment() -> None:
    forbidden = {"socket", "asyncio", "time", "datetime", "threading", "http", "fastapi", "uvicorn", "requests"}
    door = ROOT / "emotion" / "words" / "pull.py"  # fetches weights when a person asks for them
    wrong = [f"{path.relative_to(ROOT)} imports {name}" for path in modules("emotion") if path != door
             for name in imports(path) if name.split(".")[0] in forbidden]
    wrong += [f"{path.relative_to(ROOT)} reads the environment" for path in modules("emotion")
              if path != door and "os.environ" in path.read_text("utf-8")]
    assert wrong == []


def test_protocols_are_pure() -> None:
    forbidden = {"socket", "asyncio", "fastapi", "starlette", "uvicorn", "time"}
    wrong = [f"{path.relative_to(ROOT)}: {name}" for path in (ROOT / "api" / "protocols").glob("*.py")
             for name in imports(path) if name.split(".")[0] in forbidden]
    wrong += [f"{path.relative_to(ROOT)}: await" for path in (ROOT / "api" / "protocols").glob("*.py")
              for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Await)]
    assert wrong == []


def test_no_code_path_infers_the_agents_mood() -> None:
    """The agent's channel reaches voice activity and talk only: the engine takes 'agent' samples in one place."""
    text = (ROOT / "emotion" / "engine.py").read_text("utf-8")
    assert text.count('samples["agent"]') == 1
    assert 'samples["agent"]' in text.split("def _activities")[1].split("def ")[0]
