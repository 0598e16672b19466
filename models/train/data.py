"""Emotional speech as the engine hears it: log-mels and speech masks of augmented clips, made once, kept in runs/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import simulate
from benchmarks.datasets import noise, speech, words
from emotion.config import VadConfig
from emotion.types import BANDS, FRAMES, HOP, RATE, Audio
from emotion.voice.logmel import LogMel
from emotion.voice.vad import Vad
from models.train import augment

CLASSES = ("anger", "joy", "sadness", "fear", "calm")
"""Order of the network's probabilities; 'fear' is fear and other, 'calm' neutral and calm."""
CLASS_OF = {"anger": 0, "happiness": 1, "sadness": 2, "fear": 3, "disgust": 3, "surprise": 3,
            "neutral": 4, "calm": 4, "boredom": 4}
AROUSAL = {"anger": 1.0, "happiness": 0.85, "fear": 0.85, "surprise": 0.8, "disgust": 0.5,
           "neutral": 0.2, "sadness": 0.15, "calm": 0.1, "boredom": 0.05}
"""Arousal that listeners give these categories (Russell 1980, rounded), 0-1."""

BATCH = 32


@dataclass(frozen=True, slots=True)
class Heard:
    """Clips as hops: mels (hops, FRAMES, BANDS) float16, masks (hops, FRAMES) bool, ends (clips,) of each clip."""

    mels: NDArray[np.float16]
    masks: NDArray[np.bool_]
    ends: NDArray[np.int64]

    def clip(self, index: int) -> slice:
        return slice(int(self.ends[index - 1]) if index else 0, int(self.ends[index]))

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, mels=self.mels, masks=self.masks, ends=self.ends)

    @classmethod
    def load(cls, path: Path) -> Heard:
        with np.load(path) as file:
            return cls(file["mels"], file["masks"], file["ends"])


def hear(clips: Sequence[Audio]) -> Heard:
    """8 kHz clips through the engine's own front end and voice activity, in batches of like length."""
    order = sorted(range(len(clips)), key=lambda index: len(clips[index]))
    mels: list[NDArray[np.float16]] = [np.zeros((0, FRAMES, BANDS), np.float16)] * len(clips)
    masks: list[NDArray[np.bool_]] = [np.zeros((0, FRAMES), np.bool_)] * len(clips)
    for at in range(0, len(order), BATCH):
        chosen = order[at:at + BATCH]
        for index, (mel, mask) in zip(chosen, _stream([clips[index] for index in chosen]), strict=True):
            mels[index], masks[index] = mel, mask
    return Heard(np.concatenate(mels), np.concatenate(masks), np.cumsum([len(mel) for mel in mels]))


def _stream(clips: Sequence[Audio]) -> Iterator[tuple[NDArray[np.float16], NDArray[np.bool_]]]:
    hops = [max(1, -(-len(clip) // HOP)) for clip in clips]
    block = np.zeros((len(clips), max(hops) * HOP), np.float32)
    for row, clip in zip(block, clips, strict=True):
        row[:len(clip)] = clip
    front, vad = LogMel(), Vad(VadConfig())
    fronts, gates = [front.start() for _ in clips], [vad.start() for _ in clips]
    mels, masks = [], []
    for at in range(max(hops)):
        hop = block[:, at * HOP:(at + 1) * HOP]
        mels.append(front.step(fronts, hop).astype(np.float16))
        masks.append(np.stack([activity.speech for activity in vad.step(gates, hop)]))
    for index, count in enumerate(hops):
        yield np.stack([mel[index] for mel in mels[:count]]), np.stack([mask[index] for mask in masks[:count]])


def cached(path: Path, make: Callable[[], Heard]) -> Heard:
    """What `make` gives, kept in a file; delete the file to have it made anew."""
    if not path.is_file():
        make().save(path)
    return Heard.load(path)


def corpora(data: Path, synthetic: int = 240) -> dict[str, list[speech.Clip]]:
    """The clips of every corpus, and as 'TTS' some synthetic speech, which counts as neutral."""
    found: dict[str, list[speech.Clip]] = {}
    for clip in speech.clips(data):
        found.setdefault(clip.corpus, []).append(clip)
    spoken = [item for item in words.synthetic(data) if not item.held_out] if (data / "tts").is_dir() else []
    chosen = spoken[::max(1, len(spoken) // synthetic)][:synthetic]
    if chosen:
        found["TTS"] = [speech.Clip(item.path, "TTS", item.language, item.speaker,
                                    "F" if item.speaker[1] == "f" else "M", "neutral", item.text, item.seconds, "train")
                        for item in chosen]
    return found


def backgrounds(data: Path, seed: int = 1, count: int = 24) -> list[Audio]:
    """Noises to train with, 8 kHz: ESC-10's training folds, babble of EmoDB's voices, and coloured noise."""
    rng = np.random.default_rng(seed)
    voices = [simulate.degrade(*clip.read(), "clean") for clip in speech.select(data, corpora=["EmoDB"])][::4]
    recorded = [item.read(RATE) for item in noise.select(data, split="train")]
    talk = [noise.babble(voices, 6 * RATE, rng, int(rng.integers(3, 9))) for _ in range(count)]
    hiss = [augment.coloured(6 * RATE, rng.uniform(0, 2), rng) for _ in range(count)]
    return recorded + talk + hiss


def view(clips: Sequence[speech.Clip], noises: Sequence[Audio], seed: int) -> Heard:
    """One random telephone version of each clip, heard; those of odd seeds are all noisy."""
    rng = np.random.default_rng(seed)
    recipe = augment.Recipe(noise=1.0, snr_db=(4.0, 14.0)) if seed % 2 else augment.Recipe()
    return hear([augment.call(*clip.read(), rng, noises, recipe) for clip in clips])


def throats(clips: Sequence[speech.Clip], noises: Sequence[Audio], seed: int) -> Heard:
    """One random telephone version of each clip by another throat, heard."""
    rng = np.random.default_rng(seed)
    as_spoken = augment.Recipe(perturb=0.0)
    waves = []
    for clip in clips:
        voice = augment.another_throat(*clip.read(), clip.gender, rng)
        waves.append(augment.call(voice, RATE, rng, noises, as_spoken))
    return hear(waves)


def condition(clips: Sequence[speech.Clip], name: str, data: Path) -> Heard:
    """Each clip as a condition of the suite leaves it, heard."""
    return hear([simulate.degrade(*clip.read(), name, at, data) for at, clip in enumerate(clips)])
