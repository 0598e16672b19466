"""python -m models.train words: the bundled spotter, distilled from the FSMN teacher and trained on known texts.

Mandarin learns the teacher's posteriors, corrected by the text (words_data.py), and two of its hidden layers; English
learns the phonemes of its texts by CTC. One trunk, two heads; each language is shipped as its own ONNX file. Every row
of a batch gets its own vocal tract length, line, noise, room and level, all in the power spectrum, where they cost
little. The learning rate follows the clock: constant, then down to nothing in the last quarter of `--minutes`.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from emotion import weights
from emotion.types import FRAMES, Audio
from emotion.voice.logmel import filters
from emotion.words.level import LevelState, normalise
from models.train import words_band, words_data, words_thresholds
from models.train.manifest import enter
from models.train.words_data import HALFWAY, HIDDEN, PHONEMES
from models.train.words_net import STACK, SpotterNet, export

HOPS = 11
LENGTH = HOPS * FRAMES // STACK
"""Output frames of one training row: 5.5 s."""
SPREAD, HALFWAY_SPREAD = 56.0, 20.0
"""Standard deviations of the teacher's two hidden layers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words_data.add_arguments(parser)
    parser.add_argument("--minutes", type=float, default=60, help="wall-clock time of training")
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--english", type=float, default=0.3, help="share of English rows")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--resume", type=Path, help="checkpoint to go on from")
    parser.add_argument("--checkpoint", type=Path, default=Path("runs/words/net.pt"))
    parser.add_argument("--skip-prepare", action="store_true", help="train on the shards that are there")
    parser.add_argument("--band-only", action="store_true", help="fit the band map of the FSMN ear and nothing else")
    parser.add_argument("--thresholds-only", action="store_true", help="learn thresholds for the weights there are")
    parser.add_argument("--export-only", action="store_true", help="write ONNX and manifest from the checkpoint")


def run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    if not arguments.export_only and not arguments.thresholds_only and not arguments.skip_prepare:
        words_band.fit(arguments)
    if arguments.band_only:
        return 0
    if not arguments.export_only and not arguments.thresholds_only:
        if not arguments.skip_prepare:
            words_data.prepare(arguments)
        fit(arguments)
    if not arguments.thresholds_only:
        ship(arguments.checkpoint, arguments.out)
    words_thresholds.fit(arguments)
    return 0


@dataclass(frozen=True, slots=True)
class Piece:
    """One example, cut out of its shard by views."""

    power: NDArray[np.float16]
    index: NDArray[np.int16]
    value: NDArray[np.float16]
    hidden: NDArray[np.float16]
    phones: NDArray[np.int8]


class Corpus:
    """All shards of a folder; `refresh` takes in those that came meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, set[Path]()
        self.units: tuple[str, ...] = ()
        self.pieces: dict[str, list[Piece]] = {"zh": [], "en": []}
        self.shares: dict[str, list[float]] = {"zh": [], "en": []}
        self.refresh()

    def refresh(self) -> None:
        for path in sorted(set(self.folder.glob("*[0-9].npz")) - self.seen):
            self.seen.add(path)
            with np.load(path) as file:
                held = {name: file[name] for name in file.files}
            self.units = tuple(str(unit) for unit in held["units"])
            # continuous speech by many voices is worth more than one speaker's words
            weight = 0.6 if re.match("hsk|syll", path.name) else 2.0
            at = said = 0
            for length, phones, kind in zip(held["lengths"], held["phone_lengths"], held["kinds"], strict=True):
                piece = Piece(held["power"][3 * at: 3 * (at + length)], held["index"][at: at + length],
                              held["value"][at: at + length], held["hidden"][at: at + length],
                              held["phones"][said: said + phones])
                at, said = at + length, said + phones
                language = "en" if kind == 1 else "zh"
                self.pieces[language].append(piece)
                self.shares[language].append(weight * float(length))

    def row(self, language: str, rng: random.Random) -> dict[str, Any]:
        """Examples one after the other until a row is full; English ones whole."""
        power = np.full((LENGTH * STACK, 129), -18.4, np.float32)
        index, value = np.zeros((LENGTH, words_data.TOP), np.int64), np.zeros((LENGTH, words_data.TOP), np.float32)
        hidden, known = np.zeros((LENGTH, HIDDEN + HALFWAY), np.float32), np.zeros(LENGTH, np.float32)
        phones: list[int] = []
        at = rng.randrange(12)
        for piece in rng.choices(self.pieces[language], self.shares[language], k=8):
            count = len(piece.index)
            if language == "en" and at + count > LENGTH - 12:
                continue
            first = max(0, count - (LENGTH - at)) if language == "zh" else 0
            first = rng.randrange(first + 1)
            count = min(count - first, LENGTH - at)
            gain = rng.gauss(0, 0.5)
            power[3 * at: 3 * (at + count)] = piece.power[3 * first: 3 * (first + count)] + gain
            for row, cut in ((index, piece.index), (value, piece.value), (hidden, piece.hidden)):
                row[at: at + count] = cut[first: first + count]
            known[at: at + count] = 1
            phones += [int(phone) for phone in piece.phones]
            at += count + rng.randrange(10)
            if at > LENGTH - 15:
                break
        return {"power": power, "index": index, "value": value, "hidden": hidden, "known": known, "phones": phones}


def spoil(power: Audio, rng: np.random.Generator) -> Audio:
    """(batch, frames, 129) ln power of clean speech -> (batch, frames, BANDS) ln mel power as some line carries it."""
    batch, frames, bins = power.shape
    linear = np.exp(power, dtype=np.float32)
    hertz = np.linspace(0, 4000, bins)
    for n in range(batch):
        warp = np.exp(rng.normal(0, 0.10))
        linear[n] = linear[n] @ _warp(round(float(np.clip(warp, 0.75, 1.3)), 2))
        if rng.random() < 0.35:
            tail, wet = np.float32(np.exp(-rng.uniform(0.4, 2.0))), np.float32(rng.uniform(0.05, 0.3))
            linear[n] += wet * lfilter(np.array([0, tail]), np.array([1, -tail]), linear[n], axis=0)
        shape = np.interp(hertz, np.linspace(0, 4000, 7), rng.normal(0, 0.8, 7))
        if rng.random() < 0.8:
            low, high = rng.uniform(150, 420), rng.uniform(3200, 3900)
            above = np.maximum(hertz, 1.0)
            shape = shape - np.log1p((low / above) ** 8) - np.log1p((above / high) ** 12)
        linear[n] *= np.exp(np.maximum(shape, -14.0)).astype(np.float32)
        loud = float(np.quantile(linear[n].mean(axis=1), 0.8)) + 1e-9
        if rng.random() < 0.6:
            colour = np.exp(np.interp(hertz, np.linspace(0, 4000, 5), rng.normal(0, 1.0, 5)))
            colour = (colour / np.maximum(hertz, 100) ** rng.uniform(0, 1)).astype(np.float32)
            babble = rng.random() < 0.35
            hiss = colour * rng.standard_exponential(power.shape[1:], np.float32)
            other = linear[(n + 1) % batch] if babble else hiss
            ratio = loud / (float(other.mean()) + 1e-12) * 10 ** (-rng.uniform(3, 30) / 10)
            linear[n] += other * np.float32(ratio)
        linear[n] += linear[n].mean(axis=1, keepdims=True) * np.float32(10 ** (-rng.uniform(3.0, 4.5)))
        linear[n] *= np.float32(np.exp(rng.normal(0, 2.0)))
        if rng.random() < 0.15:
            for start in rng.integers(0, frames - 3, rng.integers(1, 8)):
                linear[n, start: start + 2] = 0
    mels = np.log(linear @ filters() + np.float32(1e-8))
    for n in range(batch):
        if rng.random() < 0.4:
            start, width = rng.integers(0, 56), rng.integers(1, 8)
            mels[n, :, start: start + width] = mels[n, :, start: start + width].mean()
    return np.asarray(mels, np.float32)


_WARPS: dict[float, Audio] = {}


def _warp(factor: float) -> Audio:
    """(129, 129) matrix that moves every frequency to `factor` times itself."""
    if factor not in _WARPS:
        matrix = np.zeros((129, 129), np.float32)
        source = np.arange(129) / factor
        low = np.floor(source).astype(int)
        for target in np.flatnonzero(low < 128):
            part = source[target] - low[target]
            matrix[low[target], target], matrix[low[target] + 1, target] = 1 - part, part
        matrix[128, low >= 128] = 0.3
        _WARPS[factor] = matrix
    return _WARPS[factor]


def frames_of(mels: Audio) -> Audio:
    """(batch, HOPS * FRAMES, BANDS) -> (batch, LENGTH, 192), level taken out hop by hop as a live call has it."""
    states = [LevelState() for _ in mels]
    parts = [normalise(states, mels[:, at: at + FRAMES]) for at in range(0, mels.shape[1], FRAMES)]
    whole = np.concatenate(parts, axis=1)[:, : LENGTH * STACK]
    return whole.reshape(len(mels), LENGTH, -1)


def fit(arguments: argparse.Namespace) -> None:
    rng, dice = random.Random(int(time.time())), np.random.default_rng(int(time.time()))
    corpus = Corpus(arguments.cache)
    net = SpotterNet({"zh": len(corpus.units), "en": len(PHONEMES) + 1})
    imitate = torch.nn.ModuleList(torch.nn.Linear(net.shape[2], size) for size in (HIDDEN, HALFWAY))
    if arguments.resume:
        saved = torch.load(arguments.resume, weights_only=True)
        net.load_state_dict(saved["last"])
        imitate.load_state_dict(saved["imitate"])
    average = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.AdamW([*net.parameters(), *imitate.parameters()], lr=arguments.rate, weight_decay=0.01)
    begin, step, sums = time.time(), 0, np.zeros(3)
    while (done := (time.time() - begin) / (60 * arguments.minutes)) < 1:
        optimiser.param_groups[0]["lr"] = arguments.rate * min(1, (step + 1) / 200) * min(1, 4 * (1 - done) + 0.01)
        losses = loss_of(net, imitate, corpus, arguments, rng, dice)
        optimiser.zero_grad()
        (losses[0] + 0.5 * losses[1] + 0.5 * losses[2]).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        step += 1
        keep = min(0.998, 1 - 1 / step)
        with torch.no_grad():
            for name, value in net.state_dict().items():
                average[name].lerp_(value, 1 - keep)
        sums += [float(loss.detach()) for loss in losses]
        if step % 100 == 0:
            print(f"{step} {(time.time() - begin) / 60:.1f} min: zh {sums[0] / 100:.3f} hidden {sums[1] / 100:.3f} "
                  f"en {sums[2] / 100:.3f}", flush=True)
            sums[:] = 0
            corpus.refresh()
            torch.save({"net": average, "last": net.state_dict(), "imitate": imitate.state_dict(),
                        "units": list(corpus.units)}, arguments.checkpoint)
    torch.save({"net": average, "last": net.state_dict(), "imitate": imitate.state_dict(), "units": list(corpus.units)},
               arguments.checkpoint)


def loss_of(net: SpotterNet, imitate: torch.nn.ModuleList, corpus: Corpus, arguments: argparse.Namespace,
            rng: random.Random, dice: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Mandarin cross-entropy, distances of the hidden layers, English CTC per phoneme."""
    english = round(arguments.batch * arguments.english)
    rows = [corpus.row("en" if n < english else "zh", rng) for n in range(arguments.batch)]
    power = np.stack([row["power"] for row in rows])
    missing = HOPS * FRAMES - power.shape[1]
    power = np.pad(power, ((0, 0), (0, missing), (0, 0)), constant_values=-18.4)
    frames = torch.from_numpy(frames_of(spoil(power, dice)))
    x, middle, _ = net.trunk(frames, net.start(len(rows)))
    late = LENGTH - net.delay
    x, middle = x[:, net.delay:], middle[:, net.delay - 1: LENGTH - 1]  # one of the blocks that look ahead comes after
    index, value, hidden, known = (torch.from_numpy(np.stack([row[name] for row in rows]))[:, :late]
                                   for name in ("index", "value", "hidden", "known"))
    logs = net.heads["zh"](x).log_softmax(dim=2)
    said = value.sum(dim=2).clamp(max=1)
    cross = -(value * logs.gather(2, index)).sum(dim=2) - (1 - said) * logs[:, :, 0]
    weight = (0.2 + said)
    weight[:english] *= 0.3
    mandarin = (weight * cross).sum() / weight.sum()
    last, halfway = hidden[:, :, :HIDDEN], hidden[:, :, HIDDEN:]
    distance = (((imitate[0](x) - last / SPREAD) ** 2).mean(dim=2)
                + ((imitate[1](middle) - halfway / HALFWAY_SPREAD) ** 2).mean(dim=2))
    near = (known * distance).sum() / known.sum()
    spoken = net.heads["en"](x[:english]).log_softmax(dim=2).transpose(0, 1)
    phones = [row["phones"] for row in rows[:english]]
    counts = torch.tensor([len(units) for units in phones])
    ctc = torch.nn.functional.ctc_loss(spoken, torch.tensor([unit for units in phones for unit in units]),
                                       torch.full((english,), late), counts, reduction="sum", zero_infinity=True)
    return mandarin, near, ctc / counts.sum()


def ship(checkpoint: Path, out: Path) -> None:
    """Write words-zh.onnx and words-en.onnx with their unit tables, and their entries of the manifest."""
    saved = torch.load(checkpoint, weights_only=True)
    units = {"zh": saved["units"], "en": ["<blank>", *PHONEMES]}
    net = SpotterNet({name: len(table) for name, table in units.items()})
    net.load_state_dict(saved["net"])
    for language, table in units.items():
        path = out / f"words-{language}.onnx"
        export(net.eval(), language, str(path))
        enter(out / "manifest.toml", f"words-{language}", {
            "file": path.name, "sha256": weights.sha256(path), "sample_rate": 8000,
            "units": " ".join(table), "delay": net.delay, "state": list(net.shape),
            "training": "HSK words and Mandarin syllables of three speakers, Kokoro-82M synthetic speech, EmoDB "
                        "without text; teacher: FSMN CTC (iic/speech_charctc_kws_phone-xiaoyun)",
            "licence": "Apache-2.0; trained in part on CC BY-SA 4.0 recordings", "commercial_use": True})
