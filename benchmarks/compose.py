"""Composed calls: whole calls with known truth, made from parts that are real, acted or synthetic, and labelled so.

`acted`      one speaker's acted clips, neutral to angry to neutral, with an agent in between: what the voice alone
             can do. The words of the clips mean nothing, so no transcript is given.
`dialogues`  labelled dialogues as calls: each caller turn is spoken by acted clips of one speaker (anger where the
             evidence is 3 or more, mostly), its text comes as a client's transcript with turns and characters missing,
             and the caller is kept waiting more often before turns of displeasure.
`spoken`     synthetic sentences of customer service in a row: words must be heard by the bundled ear.
`calm`       nothing to complain of: neutral and calm clips of one speaker, minutes long.
`written`    a dialogue as readings without audio, one a caller turn, TURN_SECONDS apart.

Truth is the codebook's position; in `acted` it is 0 and, from the first angry clip on, 3 (a position persists). The
lines are those of benchmarks/simulate.py. Everything is deterministic by seed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.datasets import speech, texts
from benchmarks.simulate import degrade
from emotion.types import RATE, Audio, Language, Reading, Side, Span, Talk, Utterance
from emotion.words.transcript import TranscriptReader

TURN_SECONDS = 20.0
"""Time from one caller turn to the next where only text is there: his turn and the agent's."""
ONE_SIDED = Talk(1.0, None, 0.0, None, 0.0, 0.0, 0, 0, None, 0, None)
ANGRY = 3
"""From this evidence on a turn is mostly spoken in anger."""
CHARACTERS = {"zh": 4.5, "en": 14.0}
"""Characters spoken in a second."""


@dataclass(slots=True)
class Composed:
    """One call: audio at 8 kHz of each side, what a client's recogniser would send, and the truth."""

    name: str
    language: Language
    gender: str
    sides: dict[Side, Audio]
    utterances: tuple[Utterance, ...] = ()
    truth: tuple[tuple[float, int], ...] = ()
    """(second, position from then on)."""
    angry_at: float | None = None
    """Start of the first angry clip, seconds."""
    said: tuple[tuple[float, int, str], ...] = ()
    """(end in seconds, rung, words) of explicit phrases that were spoken."""

    @property
    def seconds(self) -> float:
        return len(self.sides["caller"]) / RATE

    def position(self, second: float) -> int:
        return next((rung for since, rung in reversed(self.truth) if since <= second), 0)


@dataclass(slots=True)
class Tape:
    """Two channels that grow together."""

    caller: list[Audio] = field(default_factory=list)
    agent: list[Audio] = field(default_factory=list)
    at: int = 0

    def play(self, side: Side, samples: Audio) -> Span:
        silence = np.zeros(len(samples), np.float32)
        self.caller.append(samples if side == "caller" else silence)
        self.agent.append(samples if side == "agent" else silence)
        span = Span(self.at, self.at + len(samples))
        self.at = span.end
        return span

    def wait(self, seconds: float) -> None:
        self.play("caller", np.zeros(round(seconds * RATE), np.float32))

    def sides(self, condition: str, seed: int) -> dict[Side, Audio]:
        """Both channels through the line; a breath of noise, for no line is silent."""
        rng = np.random.default_rng([seed, 7])
        heard: dict[Side, Audio] = {}
        for side, parts in (("caller", self.caller), ("agent", self.agent)):
            whole = np.concatenate(parts)
            whole = whole + rng.normal(0, 2e-4, len(whole)).astype(np.float32)
            heard[side] = degrade(whole, RATE, condition, seed)  # type: ignore[index]
        return heard


@dataclass(slots=True)
class Speaker:
    """One actor's clips by emotion, dealt in random order and again from the start when they run out."""

    clips: Mapping[str, Sequence[speech.Clip]]
    rng: np.random.Generator
    dealt: dict[str, list[speech.Clip]] = field(default_factory=dict)

    def next(self, emotion: str) -> Audio:
        left = self.dealt.setdefault(emotion, [])
        if not left:
            every = self.clips[emotion]
            left += [every[k] for k in self.rng.permutation(len(every))]
        return trimmed(left.pop().read(RATE)[0])

    def speak(self, tape: Tape, emotion: str, seconds: float) -> Span:
        """Clips in a row until so much has been said, with breaths between them."""
        start = end = tape.at
        while (end - start) / RATE < seconds:
            end = tape.play("caller", self.next(emotion)).end
            tape.wait(float(self.rng.uniform(0.2, 0.5)))
        return Span(start, end)


def trimmed(samples: Audio, floor_db: float = -35.0) -> Audio:
    """A clip without the silence around it."""
    frame = RATE // 50
    power = np.square(samples[: len(samples) // frame * frame]).reshape(-1, frame).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (floor_db / 10)) if len(power) else np.empty(0, int)
    if not len(loud):
        return samples
    return samples[max(0, loud[0] - 2) * frame:(loud[-1] + 3) * frame]


def speakers(data: Path, split: str) -> list[tuple[str, speech.Clip, dict[str, list[speech.Clip]]]]:
    """Every actor of a split: name, a sample, and clips of 'calm' (neutral and calm) and 'anger', in order of name."""
    found: dict[str, dict[str, list[speech.Clip]]] = {}
    for clip in speech.select(data, split=split, emotions=("neutral", "calm", "anger")):
        kind = "anger" if clip.emotion == "anger" else "calm"
        found.setdefault(clip.speaker, {"calm": [], "anger": []})[kind].append(clip)
    return [(name, kinds["calm"][0], kinds) for name, kinds in sorted(found.items())
            if kinds["calm"] and kinds["anger"]]


def acted(data: Path, condition: str = "telephone", split: str = "dev", count: int = 24,
          seed: int = 0) -> Iterator[Composed]:
    """Neutral for about half a minute of speech, angry for a quarter, neutral again."""
    cast = speakers(data, split)
    for number in range(count):
        name, sample, clips = cast[number % len(cast)]
        rng = np.random.default_rng([seed, number])
        speaker, tape = Speaker(clips, rng), Tape()
        angry_at = 0.0
        for emotion, turns in (("calm", 5), ("anger", 3), ("calm", 3)):
            for turn in range(turns):
                tape.play("agent", _agent(data, rng))
                tape.wait(float(rng.uniform(0.3, 0.8)))
                span = speaker.speak(tape, emotion, float(rng.uniform(4, 7)))
                if emotion == "anger" and turn == 0:
                    angry_at = span.start / RATE
        yield Composed(f"{name}-{number}", _language(sample), sample.gender, tape.sides(condition, number),
                       truth=((0.0, 0), (angry_at, 3)), angry_at=angry_at)


def calm(data: Path, condition: str = "telephone", split: str = "dev", seconds: float = 180.0,
         seed: int = 0) -> Iterator[Composed]:
    """One call a speaker in which nothing is wrong."""
    for number, (name, sample, clips) in enumerate(speakers(data, split)):
        rng = np.random.default_rng([seed, number, 1])
        speaker, tape = Speaker(clips, rng), Tape()
        while tape.at < seconds * RATE:
            tape.play("agent", _agent(data, rng))
            tape.wait(float(rng.uniform(0.3, 1.0)))
            speaker.speak(tape, "calm", float(rng.uniform(3, 7)))
        yield Composed(f"calm-{name}", _language(sample), sample.gender, tape.sides(condition, number),
                       truth=((0.0, 0),))


def dialogues(data: Path, language: Language = "zh", condition: str = "telephone", split: texts.Split = "dev",
              count: int = 90, seed: int = 0) -> Iterator[Composed]:
    """Labelled dialogues as calls; every ear is given something, and none of them everything."""
    cast = speakers(data, split)
    by_id = {dialogue.id: dialogue for dialogue in texts.stc3(data, language, split)}
    labels: dict[str, dict[int, texts.Label]] = {}
    for label in texts.ladder_labels(data / "text" / f"ladder_zh_{split}.csv"):
        labels.setdefault(label.id, {})[label.turn] = label
    chosen = [key for key in labels if key in by_id][:count]
    for number, key in enumerate(chosen):
        name, sample, clips = cast[number % len(cast)]
        rng = np.random.default_rng([seed, number, 2])
        yield _dialogue(by_id[key], labels[key], language, Speaker(clips, rng), data,
                        Composed(f"{key}-{name}", language, sample.gender, {}), condition, number)


def _dialogue(dialogue: texts.Dialogue, labels: Mapping[int, texts.Label], language: Language, speaker: Speaker,
              data: Path, made: Composed, condition: str, number: int) -> Composed:
    rng, tape = speaker.rng, Tape()
    speaker.speak(tape, "calm", 6)
    utterances, truth = [], [(0.0, 0)]
    for turn, text in enumerate(dialogue.caller, 1):
        label = labels.get(turn)
        if label is None:
            continue
        tape.play("agent", _agent(data, rng))
        if rng.random() < (0.5 if label.evidence >= 2 else 0.15):
            tape.wait(float(rng.uniform(6, 12)))
        angry = rng.random() < (0.8 if label.evidence >= ANGRY else 0.1)
        length = min(9.0, max(2.0, len(text) / CHARACTERS[language]))
        span = speaker.speak(tape, "anger" if angry else "calm", length)
        if rng.random() > 0.3:
            kept = "".join(letter for letter in text if rng.random() > 0.08)
            utterances.append(Utterance("caller", span, kept))
        if label.evidence >= ANGRY and made.angry_at is None:
            made.angry_at = span.start / RATE
        truth.append((span.end / RATE, label.position))
    tape.wait(3.0)
    made.sides, made.utterances, made.truth = tape.sides(condition, number), tuple(utterances), tuple(truth)
    return made


def spoken(data: Path, language: Language, phrases: Mapping[str, int], condition: str = "telephone", count: int = 24,
           seed: int = 0) -> Iterator[Composed]:
    """Synthetic sentences: calm ones, one that holds an explicit phrase (text -> rung), calm ones again."""
    with (data / "tts" / language / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["path"])
    loaded = {row["path"]: next((word for word in phrases if word in row["text"].lower()), None) for row in rows}
    plain = [row for row in rows if loaded[row["path"]] is None]
    explicit = [row for row in rows if loaded[row["path"]] is not None]
    rng = np.random.default_rng([seed, 3])
    for number, row in enumerate(explicit[k] for k in rng.permutation(len(explicit))[:count]):
        tape = Tape()
        for _ in range(3):
            tape.play("caller", _tts(data, plain[rng.integers(len(plain))]))
            tape.wait(1.5)
        span = tape.play("caller", _tts(data, row))
        tape.wait(3.0)
        word = str(loaded[row["path"]])
        yield Composed(f"tts-{language}-{number}", language, "", tape.sides(condition, number),
                       truth=((0.0, 0), (span.end / RATE, phrases[word])),
                       said=((span.end / RATE, phrases[word], word),))


def written(dialogue: texts.Dialogue, language: Language, reader: TranscriptReader) -> list[Reading]:
    """One reading a caller turn, the agent's turns before it read for acknowledgements."""
    state, readings, waiting = reader.start(language), [], list[Utterance]()
    for number, (side, text) in enumerate(dialogue.turns, 1):
        end = round(number * TURN_SECONDS / 2 * RATE)
        waiting.append(Utterance(side, Span(end - round(TURN_SECONDS / 2 * RATE), end), text))
        if side == "caller":
            heard = reader.step([state], [waiting])[0]
            readings.append(Reading(end, waiting[-1].span, None, None, heard, ONE_SIDED))
            waiting = []
    return readings


def _agent(data: Path, rng: np.random.Generator) -> Audio:
    """A few seconds of another voice for the agent's channel: only talk and silence are measured there."""
    others = speech.select(data, split="train", emotions=("neutral",))
    return trimmed(others[rng.integers(len(others))].read(RATE)[0])


def _language(clip: speech.Clip) -> Language:
    return "zh" if clip.lang == "zh" else "en"


def _tts(data: Path, row: Mapping[str, str]) -> Audio:
    return trimmed(speech.read(data / "tts" / row["path"], RATE)[0])
