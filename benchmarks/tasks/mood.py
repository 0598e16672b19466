"""Expressed emotion from the sound of the voice: anger, four classes, arousal; by corpus, gender and speaker.

Each clip goes through the engine's own stages and counts by its last estimate. A row never judges a network on a
speaker that it learnt from:

    emotion          the default, mood-open: RAVDESS and CASIA, neither of which it has heard (EmoDB it has)
    mood-research    EmoDB's and RAVDESS's dev speakers; CASIA by networks that did not hear that speaker
    ... /left-out    leave-one-corpus-out: a network that learnt from the two other corpora
    peers            trained on the telephone versions of the same clips, for each of the three

All speech is acted. Anger is against all else and (`auc_neutral`) against neutral and calm. `known` is the share of
clips that have an estimate (a voice under the VAD's gate has none); the other rows are over these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import speech
from benchmarks.metrics import mood as metrics
from benchmarks.peers.mood import PEERS, judge
from benchmarks.task import SYSTEM, Options, Row, cpu_ms
from emotion.config import MoodConfig
from emotion.mood import LABELS, MoodModel
from emotion.types import BANDS, FRAMES, HOP, Activity, Audio
from emotion.voice.logmel import LogMel
from emotion.voice.vad import Vad

SUMMARY = "expressed emotion: anger, four classes and arousal by corpus, gender and speaker; peers; cost"
TASK = "mood"
CONDITIONS = ("clean", "telephone", "pink10", "babble10", "loss5")
CLASS_OF = {"anger": 0, "happiness": 1, "sadness": 2, "neutral": 4, "calm": 4, "boredom": 4}
"""Index into LABELS; what is not here is 'fear and other'."""
HIGH, LOW = {"anger", "happiness", "fear", "surprise"}, {"neutral", "calm", "sadness", "boredom"}
FOUR = (0, 1, 2, 4)
BATCHES = (1, 8, 32)
BLOCK = 32
validate = speech.validate


@dataclass(frozen=True, slots=True)
class Trial:
    """One network and what it is fairly judged on."""

    system: str
    weights: str
    part: str
    corpus: str
    speaker: str = ""
    dev: bool = False

    def judges(self, clip: speech.Clip) -> bool:
        return (clip.corpus == self.corpus and self.speaker in ("", clip.speaker)
                and (not self.dev or clip.split == "dev"))

    def learnt(self, clip: speech.Clip) -> bool:
        """What the network's training split holds, for a peer to learn the same."""
        if self.weights == "mood-open":
            return clip.corpus == "EmoDB"
        if "left-out" in self.part:
            return clip.corpus != self.corpus and clip.split == "train"
        return clip.split == "train" and clip.speaker != self.speaker


TRIALS = (
    Trial(SYSTEM, "mood-open", "RAVDESS", "RAVDESS"),
    Trial(SYSTEM, "mood-open", "CASIA", "CASIA"),
    Trial("mood-research", "mood-research", "EmoDB", "EmoDB", dev=True),
    Trial("mood-research", "mood-research", "RAVDESS", "RAVDESS", dev=True),
    Trial("mood-research", "mood-without-casia-liuchanhg", "CASIA-liuchanhg", "CASIA", "CASIA:liuchanhg"),
    Trial("mood-research", "mood-without-casia-wangzhe", "CASIA-wangzhe", "CASIA", "CASIA:wangzhe"),
    Trial("mood-research", "mood-without-emodb", "left-out EmoDB", "EmoDB"),
    Trial("mood-research", "mood-without-ravdess", "left-out RAVDESS", "RAVDESS"),
    Trial("mood-research", "mood-without-casia", "left-out CASIA", "CASIA"),
)


def evaluate(options: Options) -> Iterator[Row]:
    """Our networks under every condition, the peers on the telephone, then the cost."""
    clips = list(speech.clips(options.data))[:: 12 if options.quick else 1]
    for condition in CONDITIONS:
        waves = [simulate.degrade(*clip.read(), condition, options.seed + at, options.data)
                 for at, clip in enumerate(clips)]
        heard = hear(waves)
        for trial in TRIALS:
            rows = [at for at, clip in enumerate(clips) if trial.judges(clip)]
            if rows:
                guesses, known = listen(MoodModel(MoodConfig(trial.weights)), [heard[at] for at in rows])
                yield Row(TASK, trial.system, f"{condition}/{trial.part}", "known", float(known.mean()), n=len(rows))
                judged = [clips[at] for at, sure in zip(rows, known, strict=True) if sure]
                yield from score(trial.system, f"{condition}/{trial.part}", judged, guesses[known],
                                 detailed=condition == "telephone")
        if condition == "telephone" and options.peers:
            yield from _peers(clips, waves)
    yield from costs()


Hops = list[tuple[Audio, Activity]]


def hear(waves: Sequence[Audio]) -> list[Hops]:
    """Log-mel and speech of every hop of every clip, by the engine's stages in batches."""
    front, vad = LogMel(), Vad()
    found: list[Hops] = [[] for _ in waves]
    order = sorted(range(len(waves)), key=lambda at: len(waves[at]))
    for first in range(0, len(order), BLOCK):
        rows = order[first:first + BLOCK]
        size = max(1, -(-max(len(waves[at]) for at in rows) // HOP)) * HOP
        block = np.stack([np.pad(waves[at], (0, size - len(waves[at]))) for at in rows])
        fronts, gates = [front.start() for _ in rows], [vad.start() for _ in rows]
        for start in range(0, size, HOP):
            hop = block[:, start:start + HOP]
            for at, mel, activity in zip(rows, front.step(fronts, hop), vad.step(gates, hop), strict=True):
                if start < len(waves[at]):
                    found[at].append((mel, activity))
    return found


def listen(model: MoodModel, heard: Sequence[Hops]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The last estimate of each clip as (clips, 6), five probabilities and arousal; and whether there was one."""
    found = np.tile([0.2] * len(LABELS) + [0.5], (len(heard), 1))
    known = np.zeros(len(heard), np.bool_)
    states = [model.start() for _ in heard]
    for hop in range(max(map(len, heard))):
        live = [at for at, hops in enumerate(heard) if hop < len(hops)]
        for first in range(0, len(live), BLOCK):
            rows = live[first:first + BLOCK]
            moods = model.step([states[at] for at in rows], np.stack([heard[at][hop][0] for at in rows]),
                               [heard[at][hop][1] for at in rows])
            for at, mood in zip(rows, moods, strict=True):
                if mood is not None:
                    known[at] = True
                    found[at] = (mood.anger, mood.joy, mood.sadness, mood.fear, mood.calm, mood.arousal)
    return found, known


def score(system: str, condition: str, clips: Sequence[speech.Clip], guesses: NDArray[np.float64],
          *, detailed: bool) -> Iterator[Row]:
    """All measures of one trial; genders and speakers apart where `detailed`."""
    kinds = np.array([CLASS_OF.get(clip.emotion, 3) for clip in clips])
    speakers = [clip.speaker for clip in clips]
    anger, angry = guesses[:, 0], kinds == 0
    plain, four = np.isin(kinds, (0, 4)), np.isin(kinds, FOUR)
    moved = np.array([clip.emotion in HIGH | LOW for clip in clips])
    high = np.array([clip.emotion in HIGH for clip in clips])
    choice = np.array(FOUR)[guesses[:, FOUR].argmax(1)]
    low, top = metrics.by_speaker(speakers, lambda rows: metrics.auc(angry[rows], anger[rows]))
    several = not np.isnan(low)
    yield Row(TASK, system, condition, "auc", metrics.auc(angry, anger), low if several else None,
              top if several else None, len(clips))
    yield Row(TASK, system, condition, "auc_neutral", metrics.auc(angry[plain], anger[plain]), n=int(plain.sum()))
    yield Row(TASK, system, condition, "eer", metrics.eer(angry, anger), n=len(clips))
    yield Row(TASK, system, condition, "recall_at_5_false", metrics.recall_at(angry, anger), n=len(clips))
    yield Row(TASK, system, condition, "uar", metrics.uar(kinds[four], choice[four]), n=int(four.sum()))
    yield Row(TASK, system, condition, "auc_arousal", metrics.auc(high[moved], guesses[moved, -1]), n=int(moved.sum()))
    yield Row(TASK, system, condition, "ece", metrics.ece(angry, anger), n=len(clips))
    genders = np.array([clip.gender for clip in clips])
    if detailed and len(set(genders)) == 2:
        apart = {name: metrics.auc(angry[genders == key], anger[genders == key])
                 for key, name in (("F", "female"), ("M", "male"))}
        for name, value in apart.items():
            yield Row(TASK, system, f"{condition}/{name}", "auc", value)
        yield Row(TASK, system, condition, "gender_gap", abs(apart["female"] - apart["male"]))
    for speaker in dict.fromkeys(speakers) if detailed else ():
        own = np.array([name == speaker for name in speakers])
        yield Row(TASK, system, f"{condition}/{speaker}", "auc", metrics.auc(angry[own], anger[own]), n=int(own.sum()))


def _peers(clips: Sequence[speech.Clip], waves: list[Audio]) -> Iterator[Row]:
    kinds = np.array([CLASS_OF.get(clip.emotion, 3) for clip in clips])
    for name, (features, classifier) in PEERS.items():
        table = features(waves)
        for trial in TRIALS:
            learnt = np.array([trial.learnt(clip) for clip in clips])
            rows = np.array([trial.judges(clip) for clip in clips])
            if not rows.any() or len(set(kinds[learnt])) < len(LABELS):
                continue
            guesses = judge(classifier().fit(table[learnt], kinds[learnt]), table[rows])
            aroused = guesses[:, [0, 1, 3]].sum(1, keepdims=True)
            system = name + " (EmoDB alone)" * (trial.system == SYSTEM)
            judged = [clip for clip in clips if trial.judges(clip)]
            yield from score(system, f"telephone/{trial.part}", judged, np.concatenate([guesses, aroused], 1),
                             detailed=False)


def costs() -> Iterator[Row]:
    """CPU of the stage alone, with the default weights."""
    model = MoodModel()
    for batch in BATCHES:
        states = [model.start() for _ in range(batch)]
        mels = np.random.default_rng(0).normal(-4, 2, (batch, FRAMES, BANDS)).astype(np.float32)
        talking = [Activity(np.ones(FRAMES, np.bool_), np.ones(FRAMES, np.float32))] * batch

        def work(states=states, mels=mels, talking=talking) -> None:  # type: ignore[no-untyped-def]
            for _ in range(40):
                model.step(states, mels, talking)

        yield Row(TASK, SYSTEM, "telephone", f"cpu_ms_per_s_b{batch}", cpu_ms(work, batch * 20))
    yield Row(TASK, SYSTEM, "telephone", "file_mb", _size(model.weights.path))


def _size(path: Path) -> float:
    return path.stat().st_size / 1e6
