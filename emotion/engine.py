"""Many calls stepped together, in batches: the one pipeline behind live calls, recordings, training and benchmarks.

    engine = Engine()
    call = engine.open("c1", language="zh", sides=("caller", "agent"))
    call.push({"caller": samples, "agent": samples})
    for call, moment in engine.step([call]):
        ...
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from emotion.alerts import Alerter
from emotion.baseline import Baseline
from emotion.call import LIVE_BUFFER, Call, Hop
from emotion.config import Config
from emotion.ladder import Ladder
from emotion.mood import MoodModel
from emotion.talk import TalkMeter
from emotion.types import (
    HOP,
    RATE,
    Activity,
    Heard,
    Language,
    Moment,
    Mood,
    Reading,
    Side,
    Talk,
    Voice,
)
from emotion.voice.logmel import LogMel
from emotion.voice.loudness import LoudnessMeter
from emotion.voice.pitch import PitchTracker
from emotion.voice.quality import QualityMeter
from emotion.voice.rate import RateMeter
from emotion.voice.vad import Vad
from emotion.words.spotter import Spotter
from emotion.words.transcript import TranscriptReader

_NO_WORDS = Heard(by=None)


class Engine:
    """All stages, made once; every call's state lies with the call."""

    def __init__(self, config: Config | None = None) -> None:
        """Open the weights; WeightsError when they are missing, altered or not allowed here."""
        self.config = config = config or Config()
        self.vad = Vad(config.vad, config.threads)
        self.pitch = PitchTracker(config.pitch, config.threads)
        self.loudness = LoudnessMeter()
        self.quality = QualityMeter()
        self.rate = RateMeter(config.rate)
        self.logmel = LogMel()
        self.mood = MoodModel(config.mood, config.threads)
        self.spotter = Spotter(config.words, config.threads)
        self.transcript = TranscriptReader(config.words)
        self.talk = TalkMeter(config.talk)
        self.baseline = Baseline(config.baseline)
        self.ladder = Ladder(config.ladder)
        self.alerter = Alerter(config.alerts)

    def open(self, call: str, *, language: Language | Literal["auto"] = "zh",
             sides: tuple[Side, ...] = ("caller",), rate: int = RATE, consent: bool = True,
             buffer: int = LIVE_BUFFER) -> Call:
        """A new call with fresh states; AudioError for a rate or sides that cannot be."""
        opened = Call(call, language, sides, rate, consent, buffer)
        spoken: Language = "zh" if language == "auto" else language
        opened.states = {
            "vad:caller": self.vad.start(), "vad:agent": self.vad.start(), "pitch": self.pitch.start(),
            "loudness": self.loudness.start(), "quality": self.quality.start(), "rate": self.rate.start(),
            "logmel": self.logmel.start(), "mood": self.mood.start(), "talk": self.talk.start(),
            "spotter": self.spotter.start(spoken), "transcript": self.transcript.start(spoken),
            "baseline": self.baseline.start(spoken), "ladder": self.ladder.start(), "alerts": self.alerter.start(call),
        }
        return opened

    def step(self, calls: Iterable[Call]) -> list[tuple[Call, Moment]]:
        """Step each call that is ready by one hop, in blocks of `config.batch`."""
        ready = [call for call in calls if call.ready]
        blocks = [ready[n : n + self.config.batch] for n in range(0, len(ready), self.config.batch)]
        return [pair for block in blocks for pair in self._block(block)]

    # ── one block of calls, one hop each ────────────────────────────────────────────────────────

    def _block(self, calls: Sequence[Call]) -> list[tuple[Call, Moment]]:
        hops = [call.take() for call in calls]
        callers, agents = self._activities(calls, hops)
        judged = [n for n, call in enumerate(calls) if call.judged]
        heard = dict(zip(judged, self._ears([calls[n] for n in judged], [hops[n] for n in judged],
                                            [callers[n] for n in judged]), strict=True))
        notes = [call.notes(heard[n][2].acknowledged if n in heard else None) for n, call in enumerate(calls)]
        talks = self.talk.step(_states(calls, "talk"), callers, agents, notes)
        silent: tuple[Voice | None, Mood | None, Heard] = (None, None, _NO_WORDS)
        readings = [self._reading(call, hop, talk, *heard.get(n, silent))
                    for n, (call, hop, talk) in enumerate(zip(calls, hops, talks, strict=True))]
        moments = dict(zip(judged, self._meaning([calls[n] for n in judged], [readings[n] for n in judged]),
                           strict=True))
        return [(call, moments.get(n) or Moment(readings[n], None, None, None, ()))
                for n, call in enumerate(calls)]

    def _activities(self, calls: Sequence[Call], hops: Sequence[Hop]) -> tuple[list[Activity], list[Activity | None]]:
        """Voice activity of both sides, in one batch. The agent's channel gets nothing beyond this."""
        two_sided = [n for n, call in enumerate(calls) if "agent" in call.sides]
        states = _states(calls, "vad:caller") + [calls[n].states["vad:agent"] for n in two_sided]
        quiet = np.zeros(HOP, np.float32)
        samples = [hop.samples.get("caller", quiet) for hop in hops] + [hops[n].samples["agent"] for n in two_sided]
        found = self.vad.step(states, np.stack(samples))
        agents = dict(zip(two_sided, found[len(calls) :], strict=True))
        return found[: len(calls)], [agents.get(n) for n in range(len(calls))]

    def _ears(self, calls: Sequence[Call], hops: Sequence[Hop],
              activities: Sequence[Activity]) -> list[tuple[Voice, Mood | None, Heard]]:
        """What the caller's voice and words say."""
        if not calls:
            return []
        samples = np.stack([hop.samples["caller"] for hop in hops])
        f0s = self.pitch.step(_states(calls, "pitch"), samples, activities)
        loudness = self.loudness.step(_states(calls, "loudness"), samples, activities)
        quality = self.quality.step(_states(calls, "quality"), samples, activities, f0s)
        mels = self.logmel.step(_states(calls, "logmel"), samples)
        moods = self.mood.step(_states(calls, "mood"), mels, activities)
        words = self._words(calls, hops, samples, mels, activities)
        rates = self.rate.step(_states(calls, "rate"), samples, activities, f0s, [heard.syllables for heard in words])
        voices = [Voice(activity.fraction, f0.pitch, rate, loud, fine) for activity, f0, rate, loud, fine
                  in zip(activities, f0s, rates, loudness, quality, strict=True)]
        return list(zip(voices, moods, words, strict=True))

    def _words(self, calls: Sequence[Call], hops: Sequence[Hop], samples: np.ndarray[Any, Any],
               mels: np.ndarray[Any, Any], activities: Sequence[Activity]) -> list[Heard]:
        """The client's transcript where there is one, the spotter elsewhere."""
        for call, hop in zip(calls, hops, strict=True):
            self._settle_language(call, hop)
        read = self.transcript.step(_states(calls, "transcript"), [hop.utterances for hop in hops])
        spotted = self.spotter.step(_states(calls, "spotter"), samples, mels, activities)
        return [replace(by_text, syllables=by_ear.syllables) if by_text.by else by_ear
                for by_text, by_ear in zip(read, spotted, strict=True)]

    def _settle_language(self, call: Call, hop: Hop) -> None:
        """A call announced as 'auto' takes the language of its first transcript; until then it counts as Mandarin."""
        if call.language != "auto" or not hop.utterances:
            return
        text = "".join(utterance.text for utterance in hop.utterances)
        call.language = "zh" if any("\u4e00" <= letter <= "\u9fff" for letter in text) else "en"
        if call.language == "en":
            call.states["spotter"] = self.spotter.start("en")
            call.states["transcript"] = self.transcript.start("en")

    def _reading(self, call: Call, hop: Hop, talk: Talk, voice: Voice | None, mood: Mood | None,
                 words: Heard) -> Reading:
        degraded = hop.degraded
        if not call.consent:
            degraded += ("no-consent",)
        elif "caller" not in call.sides:
            degraded += ("no-caller",)
        elif words.by is None:
            degraded += ("words-unavailable",)
        return Reading(hop.span.end, hop.span, voice, mood, words, talk, degraded)

    def _meaning(self, calls: Sequence[Call], readings: Sequence[Reading]) -> list[Moment]:
        """From readings to what is told: baseline, ladder, alerts."""
        if not calls:
            return []
        shifts = self.baseline.step(_states(calls, "baseline"), [reading.voice for reading in readings],
                                    [reading.mood for reading in readings], [call.rung for call in calls])
        placed = self.ladder.step(_states(calls, "ladder"), readings, shifts)
        standings = [standing for standing, _ in placed]
        changes = [change for _, change in placed]
        alerts = self.alerter.step(_states(calls, "alerts"), readings, standings, changes)
        for n, (call, standing) in enumerate(zip(calls, standings, strict=True)):
            call.rung = standing.rung
            if call.over:
                alerts[n] += self.alerter.close([call.states["alerts"]], [standing.at])[0]
        return [Moment(*parts) for parts in zip(readings, shifts, standings, changes, alerts, strict=True)]


def _states(calls: Sequence[Call], stage: str) -> list[Any]:
    return [call.states[stage] for call in calls]
