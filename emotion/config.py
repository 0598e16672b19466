"""Every setting of the engine, with its default: frozen dataclasses, passed in by the caller.

One section a stage; a stage sees only its own. Units are in the names or in the comments. Nothing is read from the
environment here: that is the service's business (api/settings.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class VadConfig:
    """Voice activity: an energy gate before the model and hysteresis after it."""

    gate_db: float = -65.0
    """Hops whose level is below this are silence without asking the model, dB full scale."""
    start: float = 0.5
    """Probability at which speech begins."""
    end: float = 0.35
    """Probability below which it ends."""
    min_gap: int = 20
    """Frames of 10 ms that must be quiet before speech has ended."""
    min_speech: int = 6
    """Frames of 10 ms that a burst must last to be speech."""


@dataclass(frozen=True, slots=True)
class PitchConfig:
    low_hz: float = 60.0
    high_hz: float = 500.0
    voicing: float = 0.27
    """Probability above which a frame is voiced."""


@dataclass(frozen=True, slots=True)
class RateConfig:
    window_s: float = 10.0


@dataclass(frozen=True, slots=True)
class MoodConfig:
    weights: str = "mood-open"
    commercial_only: bool = False


@dataclass(frozen=True, slots=True)
class WordsConfig:
    ears: tuple[str, ...] = ("fsmn", "bundled")
    """Recognisers to use, best first; a client's transcript always comes before them."""
    fetched: str | None = None
    """Folder of weights that `models pull` fetched; None: there are none."""
    commercial_only: bool = False


@dataclass(frozen=True, slots=True)
class TalkConfig:
    dead_air_s: float = 3.0
    """Silence of both sides that counts as dead air; vendors use 3 to 5."""
    interruption_s: float = 1.0
    """Overlap that counts as an interruption."""


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    settle_s: float = 15.0
    """Seconds of the caller's speech after which his own normal weighs as much as the population's."""


@dataclass(frozen=True, slots=True)
class LadderConfig:
    parameters: str = "ladder.toml"


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """When an alert is told; emotion/alerts.py says how they work together."""

    false_alerts_per_hour: float = 0.5
    """The alert budget: at most so many false alerts above hint level in an hour of an agent's calls."""
    strictness: float | None = None
    """Probability of its rung that an alert above hint level needs; None: what the budget asks for."""
    warn: float = 0.35
    """Forecast of rung 5 within 60 s that warns the agent."""
    hint_dwell_s: float = 1.0
    dwell_s: float = 0.5
    """How long a rung must be held before it is told; 5 and 6 do not wait."""
    ease_dwell_s: float = 5.0
    cool_down_s: float = 60.0
    warn_cool_down_s: float = 120.0
    guidance: str | None = None
    """Folder with a tenant's zh.toml and en.toml; its cards come before the shipped ones."""
    parameters: str = "ladder.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """All sections together. `threads` is for the models; one is best when many calls share a core."""

    vad: VadConfig = field(default_factory=VadConfig)
    pitch: PitchConfig = field(default_factory=PitchConfig)
    rate: RateConfig = field(default_factory=RateConfig)
    mood: MoodConfig = field(default_factory=MoodConfig)
    words: WordsConfig = field(default_factory=WordsConfig)
    talk: TalkConfig = field(default_factory=TalkConfig)
    baseline: BaselineConfig = field(default_factory=BaselineConfig)
    ladder: LadderConfig = field(default_factory=LadderConfig)
    alerts: AlertsConfig = field(default_factory=AlertsConfig)
    threads: int = 1
    batch: int = 32
    """Calls stepped together in one block."""
    mono: Literal["caller", "agent"] = "caller"
    """Whose voice a one-channel recording is taken for."""
