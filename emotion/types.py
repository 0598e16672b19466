"""The values that flow through the engine: all frozen, nothing else.

Conventions. Time is a sample index at 8 kHz (`RATE`), an integer; seconds appear only at the edges.
`None` is unknown, never 0. Arrays are float32 and are never written to after they were made.
A batch axis, where there is one, is first: one row a call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Samples per second of the one clock."""
HOP = RATE // 2
"""Samples in one hop, the step of every stage: 0.5 s."""
FRAME = RATE // 100
"""Samples in one analysis frame: 10 ms, so that a hop has 50."""
FRAMES = HOP // FRAME
BANDS = 64
"""Bands of the log-mel spectrogram that mood and words look at."""

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
Side = Literal["caller", "agent"]
Audience = Literal["hint", "agent", "supervisor"]
Motive = Literal[
    "waiting", "repetition", "urging", "judgement", "demand", "accusation",
    "complaint", "threat", "abuse", "calming", "displeasure",
]
"""Why a caller climbs, as far as it can be told; guidance cards are chosen by it."""

Audio = NDArray[np.float32]
Mask = NDArray[np.bool_]

RUNGS: tuple[Mapping[Language, str], ...] = (
    {"zh": "平静", "en": "calm"},
    {"zh": "潜在不满", "en": "latent dissatisfaction"},
    {"zh": "即将转化为抱怨", "en": "on the verge of grumbling"},
    {"zh": "显化抱怨", "en": "open grumbling"},
    {"zh": "潜在投诉", "en": "potential complaint"},
    {"zh": "投诉", "en": "complaint"},
    {"zh": "投诉升级", "en": "escalated complaint"},
)
"""Names of the rungs 0-6, as the codebook (docs/ladder.md) has them."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open stretch of the sample clock."""

    start: int
    end: int

    @property
    def seconds(self) -> tuple[float, float]:
        return self.start / RATE, self.end / RATE

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return (self.end - self.start) / RATE


@dataclass(frozen=True, slots=True)
class Frame:
    """Samples of one channel, in -1..1, and the sample index of the first."""

    samples: Audio
    start: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a client's own recogniser heard one side say."""

    side: Side
    span: Span
    text: str
    final: bool = True


# ── what the ears say of one hop ────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Activity:
    """Who speaks: a decision per 10 ms frame and the probability behind it, each (FRAMES,)."""

    speech: Mask
    probability: Audio

    @property
    def fraction(self) -> float:
        """Share of the hop that is speech, 0-1."""
        return float(self.speech.mean())


@dataclass(frozen=True, slots=True)
class Pitch:
    """Fundamental frequency over the voiced frames of a hop, in semitones above 27.5 Hz."""

    median: float
    range: float
    """80th less 20th percentile, semitones."""
    slope: float
    """Semitones per second."""
    jumps: float
    """Steps of more than 2 semitones between neighbouring voiced frames, per second."""
    voiced: float
    """Share of frames that are voiced, 0-1."""


@dataclass(frozen=True, slots=True)
class F0:
    """The track behind `Pitch`: Hz per 10 ms frame, (FRAMES,), NaN where unvoiced."""

    hertz: Audio
    pitch: Pitch | None


@dataclass(frozen=True, slots=True)
class Rate:
    """Tempo of speech over the last 10 s."""

    syllables: float
    """Syllables per second of speech, pauses under 0.2 s included."""
    articulation: float
    """Syllables per second with every pause taken out."""
    error: float
    """One standard deviation of `syllables`."""
    pause: float
    """Longest pause inside the window, seconds."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """Level of the speech in a hop."""

    level: float
    """dB relative to full scale."""
    above_noise: float
    """dB over this line's own noise floor."""
    effort: float
    """Vocal effort from the spectrum alone, dB-like: a gain change leaves it where it was."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Voice quality over the voiced frames of a hop, as eGeMAPS defines it (Eyben et al. 2016)."""

    jitter: float | None
    """Local, ratio."""
    shimmer: float | None
    """Local, dB."""
    hnr: float | None
    """Harmonics-to-noise ratio, dB."""
    alpha_ratio: float | None
    """dB, 50-1000 Hz over 1-4 kHz."""
    hammarberg: float | None
    """dB, strongest peak 0-2 kHz over strongest 2-4 kHz."""


@dataclass(frozen=True, slots=True)
class Voice:
    """All that the voice stages say of one hop of the caller."""

    speech: float
    pitch: Pitch | None
    rate: Rate | None
    loudness: Loudness | None
    quality: Quality | None


@dataclass(frozen=True, slots=True)
class Mood:
    """Estimate of expressed emotion: calibrated probabilities that add to 1, and arousal 0-1."""

    arousal: float
    anger: float
    joy: float
    sadness: float
    fear: float
    """Fear and other."""
    calm: float
    """Neutral and calm."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sensitive phrase of the lexicon, heard or read."""

    key: str
    text: str
    rung: int
    """The rung that it speaks for; a calming phrase speaks for 0."""
    motive: Motive
    span: Span
    score: float
    """Probability that it was said, 0-1."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The caller says again what was said before."""

    span: Span
    earlier: Span
    similarity: float
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What a whole sentence of the caller says of the rung."""

    span: Span
    text: str
    evidence: tuple[float, ...]
    """Probability that this turn alone is evidence for each of the seven rungs."""
    calming: float
    """Probability that the turn takes the heat out (thanks, acceptance), 0-1."""
    carried_by: tuple[str, ...]
    """The words that carried the estimate, strongest first."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the words say in one hop. `by` names the ear; None: words unavailable, not 'nothing said'."""

    by: str | None
    phrases: tuple[Phrase, ...] = ()
    turn: Turn | None = None
    repeat: Repeat | None = None
    acknowledged: Span | None = None
    """The agent acknowledged the caller's problem (from the agent's transcript, text only)."""
    syllables: float | None = None
    """Syllables begun in this hop, by the ear's posteriors; None: the ear counts none."""


@dataclass(frozen=True, slots=True)
class Talk:
    """Who talks when; seconds unless said otherwise. Counters run from the start of the call."""

    caller: float
    """Speech of the caller in this hop."""
    agent: float | None
    """Speech of the agent in this hop; None when his channel is not there."""
    overlap: float
    """Both at once in this hop."""
    dead_air: float | None
    """Silence of both sides that lasts now; None when only one side is there."""
    hold: float
    """Hold that lasts now, announced by the client."""
    waited: float
    """Dead air over its threshold and hold, so far."""
    caller_interrupts: int
    agent_interrupts: int
    caller_share: float | None
    """Caller's share of all speech so far, 0-1."""
    transfers: int
    unacknowledged: float | None
    """Since the caller's problem was last acknowledged; None when the agent's words are unknown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything heard in one hop of one call."""

    at: int
    span: Span
    voice: Voice | None
    mood: Mood | None
    words: Heard
    talk: Talk
    degraded: tuple[str, ...] = ()
    """What makes this reading less sure: 'loss', 'late', 'no-consent', 'paused', 'words-unavailable'."""


# ── what the readings mean ──────────────────────────────────────────────────────────────────────

@dataclass(frozen=True, slots=True)
class Deviation:
    """Distance from this caller's own normal."""

    z: float
    """In robust standard deviations."""
    change: float
    """In the feature's own unit: percent for rate, semitones for pitch, dB for loudness and effort."""
    normal: float | None = None
    """The caller's own normal now, in the unit of the feature itself."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How far this caller stands from his own normal, feature by feature."""

    pitch: Deviation | None
    pitch_range: Deviation | None
    rate: Deviation | None
    loudness: Deviation | None
    effort: Deviation | None
    quality: Deviation | None
    arousal: Deviation | None
    heat: float | None
    """All of them as one number: about N(0, 1) for a caller at his normal."""
    personal: float
    """How much of the normal is this person's own and not the population's, 0-1."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence and what it did to the estimate."""

    ear: Literal["words", "voice", "mood", "talk", "time"]
    key: str
    motive: Motive
    span: Span
    weight: float
    """Its part in the change of the posterior (log odds of the new rung or above)."""
    text: Mapping[Language, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the caller stands after one hop."""

    at: int
    posterior: tuple[float, ...]
    rung: int
    confidence: float
    """Probability that the rung is within one of the truth."""
    forecast: float
    """Probability of reaching rung 5 within the next 60 s."""


@dataclass(frozen=True, slots=True)
class Change:
    """The caller moved to another rung."""

    at: int
    before: int
    after: int
    confidence: float
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """What to say, in one language: first the mood, then the matter."""

    title: str
    mood: tuple[str, ...]
    matter: str
    avoid: str
    technique: str
    step: str
    """Which of the six steps of complaint handling is due."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What one audience is told now."""

    id: str
    call: str
    at: int
    kind: Literal["raise", "warn", "ease", "care"]
    """raise: a rung was reached; warn: rung 5 is near; ease: the caller calms; care: an offer to the agent."""
    rung: int
    audience: Audience
    motive: Motive
    reasons: tuple[Reason, ...]
    guidance: Mapping[Language, Card]
    score: float = 1.0
    """Probability of what it says when it was told: of the rung (raise) or of rung 5 within 60 s (warn)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One hop of one call, from what was heard to what is told."""

    reading: Reading
    shift: Shift | None
    standing: Standing | None
    """None without consent: then nothing but talk and silence is measured."""
    change: Change | None
    alerts: tuple[Alert, ...]
