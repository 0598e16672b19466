"""Emotion: hear the mood of a call before it becomes a complaint.

    import emotion
    report = emotion.analyze("call.wav", language="zh")
    print(report.describe("zh"))

What comes out is an estimate of expressed emotion of the caller, never of the agent.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emotion.audio.pcm import AudioError as AudioError
    from emotion.config import Config as Config
    from emotion.engine import Engine as Engine
    from emotion.report import Report as Report
    from emotion.report import analyze as analyze
    from emotion.weights import WeightsError as WeightsError

__version__ = "0.1.0"
_HOMES = {"AudioError": "audio.pcm", "Config": "config", "Engine": "engine", "Report": "report", "analyze": "report",
          "WeightsError": "weights"}
__all__ = ["AudioError", "Config", "Engine", "Report", "WeightsError", "analyze"]


def __getattr__(name: str) -> Any:
    """Load a name when it is first asked for: `import emotion.types` alone opens no weights."""
    if name not in _HOMES:
        raise AttributeError(f"module 'emotion' has no attribute {name!r}")
    return getattr(import_module(f"emotion.{_HOMES[name]}"), name)
