"""python -m models.train.sample zh: speak a sample call from its script, heated where the script says so.

A heated turn keeps its throat: WORLD (Morise et al. 2016) takes the voice apart into f0, envelope and noise, and f0
rises by up to 3.5 semitones, the envelope by up to 3 % in frequency and 5 dB above 1.2 kHz, the level by up to 6 dB;
the voice itself speaks up to 15 % faster. Writes api/samples/LANGUAGE.ogg, 8 kHz, telephone band, mu-law, first
channel the caller, and the time of every turn into its script. Needs what models.train.speak needs.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from benchmarks.simulate import telephone
from models.train import speak, vocoder
from models.train.vocoder import Samples

SPOKEN, RATE = 24000, 8000
SEMITONES, WARP, BRIGHTER_DB, LOUDER_DB, FASTER = 3.5, 0.03, 5.0, 6.0, 0.15
LEVEL_DB, NOISE_DB = -27.0, -62.0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.train.sample", description=__doc__)
    parser.add_argument("language", choices=("zh", "en"))
    parser.add_argument("--kokoro", type=Path, default=Path("../shared/models/kokoro"), help="vocab.json and voices/")
    parser.add_argument("--samples", type=Path, default=Path("api/samples"), help="folder of the scripts")
    arguments = parser.parse_args(argv)
    script = arguments.samples / f"{arguments.language}.toml"
    text = script.read_text("utf-8")
    call, times = record(tomllib.loads(text), Voice(arguments.kokoro, arguments.language))
    soundfile.write(script.with_suffix(".ogg"), call, RATE, format="OGG", subtype="OPUS")
    script.write_text(timed(text, times), "utf-8")
    return 0


class Voice:
    """Kokoro with its voices."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder, self.session = folder, speak.weights()
        self.vocab = json.loads((folder / "vocab.json").read_text("utf-8"))["vocab"]
        self.sounds = speak.mandarin_phonemes() if language == "zh" else speak.english_phonemes

    def say(self, text: str, name: str, speed: float) -> Samples:
        """A sentence at 24 kHz, without the silence around it."""
        tokens = [self.vocab[sign] for sign in self.sounds(text) if sign in self.vocab]
        table = np.fromfile(self.folder / "voices" / f"{name}.bin", "float32").reshape(-1, 1, 256)
        feeds = {"tokens": np.array([[0, *tokens, 0]], "int64"), "style": table[len(tokens) - 1],
                 "speed": np.array([speed], "float32")}
        audio = np.asarray(self.session.run(None, feeds)[0], np.float64).ravel()
        heard = np.flatnonzero(np.abs(audio) > 2e-3)
        return audio[heard[0]: heard[-1] + 1]


def heated(audio: Samples, heat: float) -> Samples:
    """The same sentence by the same throat, raised by `heat` (0-1)."""
    parts = vocoder.take_apart(audio, SPOKEN, 70, 500, patient=True)
    raised = vocoder.other_throat(parts, pitch=2 ** (SEMITONES * heat / 12), throat=1 + WARP * heat)
    hertz = np.linspace(0, SPOKEN / 2, raised.envelope.shape[1])
    brighter = 10 ** (BRIGHTER_DB * heat / 10 / (1 + (1200 / np.maximum(hertz, 1)) ** 4))
    return vocoder.put_together(replace(raised, envelope=raised.envelope * brighter))


def record(script: dict[str, Any], voice: Voice) -> tuple[Samples, list[tuple[float, float]]]:
    """Both sides, (n, 2) at 8 kHz, and begin and end of every turn in seconds."""
    spoken: list[tuple[str, int, Samples]] = []
    times, at = list[tuple[float, float]](), 0.4
    for number, turn in enumerate(script["turn"]):
        heat, side = turn.get("heat", 0.0), turn["side"]
        audio = voice.say(turn["text"], script["voices"][side], 1 + FASTER * heat)
        audio = heated(audio, heat) if heat else audio
        audio *= 10 ** ((LEVEL_DB + LOUDER_DB * heat) / 20) / np.sqrt(np.mean(audio**2))
        at += turn.get("after", 0.7 if number else 0.0)
        times.append((round(at, 2), round(at + len(audio) / SPOKEN, 2)))
        spoken.append((side, round(at * SPOKEN), audio))
        at += len(audio) / SPOKEN
        print(*times[-1], turn["text"], flush=True)
    sides = {side: np.zeros(round((at + 1.5) * SPOKEN)) for side in ("caller", "agent")}
    for side, begin, audio in spoken:
        sides[side][begin: begin + len(audio)] += audio
    rng = np.random.default_rng(7)
    lines = []
    for samples in sides.values():
        narrow = soxr.resample(samples, SPOKEN, RATE)
        noisy = narrow + 10 ** (NOISE_DB / 20) * rng.standard_normal(len(narrow))
        lines.append(telephone(np.clip(noisy, -1, 1).astype(np.float32)))
    return np.stack(lines, axis=1), times


def timed(text: str, times: list[tuple[float, float]]) -> str:
    """A script with the times of its turns in place of earlier ones."""
    head, *turns = text.split("[[turn]]\n")
    fresh = [f"start = {begin}\nend = {end}\n" + re.sub(r"^(start|end) = .*\n", "", turn, flags=re.MULTILINE)
             for (begin, end), turn in zip(times, turns, strict=True)]
    return "[[turn]]\n".join([head, *fresh])


if __name__ == "__main__":
    sys.exit(main())
