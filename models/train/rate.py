"""python -m models.train rate: a small network that counts syllables on band envelopes.

Taught by EmoDB's hand-made syllables (CC0) and by the syllable counts of synthetic speech (hanzi; vowels of espeak-ng's
transcription), both through random lines and at random speeds. For honest figures there is a second set of weights for
each of EmoDB's speakers, trained and calibrated without him: models/rate-loso/. The calibration (a straight line and a
spread) travels inside the ONNX file.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks import simulate
from benchmarks.datasets import noise, speech, words
from emotion import weights
from emotion.types import FRAME, FRAMES, HOP, RATE, Audio
from emotion.voice import rate
from models.train import augment
from models.train.mood_export import enter, sha256

NAME = "rate"
CHANNELS = 32
LINES = ("clean", "telephone", "pink10")
"""Lines on which the calibration is fitted."""
_VOWELS = re.compile("(?:aɪ|aʊ|eɪ|oʊ|ɔɪ|[ɐaɑæɒəɚɛeɜiɪᵻɔoʊuʌyø])")
_BUMP = np.exp(-0.5 * (np.arange(-7, 8) / 2.5) ** 2)


class RateNet(nn.Module):
    """(batch, SIGHT, BANDS) -> density of nuclei (batch, FRAMES), log odds of being inside speech (batch, FRAMES)."""

    def __init__(self, channels: int = CHANNELS) -> None:
        super().__init__()
        self.enter = nn.Conv1d(rate.BANDS, channels, 1)
        self.near = nn.ModuleList(nn.Conv1d(channels, channels, 5, dilation=reach) for reach in (1, 2, 2))
        self.leave = nn.Conv1d(channels, 2, 1)
        with torch.no_grad():
            self.leave.bias[0] = -3.0  # type: ignore[index]

    def forward(self, bands: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.relu(self.enter(bands.transpose(1, 2)))
        for near in self.near:
            reach = 2 * near.dilation[0]  # type: ignore[index,operator]
            x = torch.relu(near(x)) + x[:, :, reach:-reach]
        out = self.leave(x)
        return nn.functional.softplus(out[:, 0]), out[:, 1]


@dataclass(frozen=True, slots=True)
class Example:
    """One recording on one line: what the network sees, (hops, SIGHT, BANDS), and what is true."""

    speaker: str
    bands: NDArray[np.float16]
    inside: NDArray[np.float32]
    count: int
    density: NDArray[np.float32] | None
    """None where only the count is known."""


def sights(wave: Audio) -> Audio:
    """A recording cut into what the meter sees of each hop, frames centred as the labels are."""
    hops = -(-len(wave) // HOP)
    front = rate.REACH * FRAME + FRAME // 2
    padded = np.zeros(hops * HOP + front + (rate.SIGHT + 1) * FRAME, np.float32)
    padded[front:front + len(wave)] = wave
    size = (rate.SIGHT + 1) * FRAME
    return rate.bands(np.stack([padded[hop * HOP:hop * HOP + size] for hop in range(hops)]))


def labelled(clip: speech.Clip, marks: Sequence[tuple[float, float]], wave: Audio, speed: float,
             bands: Audio) -> Example:
    """Density: a bump of sum 1 where each syllable is loudest near its middle; inside: its syllables and short gaps."""
    size = len(bands) * FRAMES
    loud = np.convolve(np.abs(np.diff(wave, prepend=0)), np.ones(2 * FRAME), "same")[FRAME // 2::FRAME]
    density, inside, before = np.zeros(size + 14), np.zeros(size, np.float32), -np.inf
    for start, end in np.asarray(marks) * 100 / speed:
        frames = np.arange(int(start), max(int(start) + 1, min(int(end), len(loud))))
        middle = np.exp(-0.5 * ((frames + 0.5 - (start + end) / 2) / (0.35 * (end - start) + 1)) ** 2)
        best = int(frames[np.argmax(loud[np.minimum(frames, len(loud) - 1)] * middle)])
        best = min(best, size - 1)
        density[best:best + 15] += _BUMP / _BUMP.sum()
        inside[int(start):int(end) + 1] = 1
        if start - before < rate.SHORT_PAUSE:
            inside[int(before):int(start)] = 1
        before = end
    return Example(clip.speaker, bands.astype(np.float16), inside.reshape(-1, FRAMES), len(marks),
                   density[7:-7].astype(np.float32).reshape(-1, FRAMES))


def counted(count: int, wave: Audio, bands: Audio) -> Example:
    """Synthetic speech: inside is within 38 dB of its loudest frame, since its pauses are silent."""
    level = 10 * np.log10(np.mean(wave[:len(wave) // FRAME * FRAME].reshape(-1, FRAME) ** 2, axis=1) + 1e-9)
    places = np.flatnonzero(level > level.max() - 38)
    inside = np.zeros(len(bands) * FRAMES, np.float32)
    for left, right in itertools.pairwise(places):
        inside[left:right if right - left < rate.SHORT_PAUSE else left + 1] = 1
    return Example("synthetic", bands.astype(np.float16), inside.reshape(-1, FRAMES), count, None)


def line(wave: Audio, backgrounds: Sequence[Audio], rng: np.random.Generator) -> Audio:
    """A random line for a wave at 8 kHz."""
    if rng.random() < 0.15:
        wave = augment.room(wave, rng)
    wave = augment.level(wave, -24)
    if rng.random() < 0.7:
        wave = augment.add_noise(wave, backgrounds[int(rng.integers(len(backgrounds)))], rng.uniform(3, 25), rng)
    if rng.random() < 0.75:
        wave = augment.telephone_band(wave, rng)
    if rng.random() < 0.7:
        wave = augment.mulaw(wave)
    return augment.lose_packets(wave, rng.uniform(0.005, 0.06), rng) if rng.random() < 0.1 else wave


def examples(data: Path, versions: int, rng: np.random.Generator) -> list[Example]:
    """All recordings, each on some lines; of the synthetic ones each on one."""
    backgrounds = [clip.read() for clip in noise.select(data, split="train")]
    backgrounds += [augment.coloured(10 * RATE, slope, rng) for slope in (0.0, *[1.0] * 20, 2.0)]
    marks = speech.syllables(data)
    found = []
    for clip in labelled_clips(data):
        for version in range(versions):
            speed = 2 ** rng.uniform(-0.3, 0.3) if version else 1.0
            wave = augment.resample(clip.read(2 * RATE)[0], 2 * speed)
            heard = line(wave, backgrounds, rng) if version else wave
            found.append(labelled(clip, marks[_key(clip, data)], wave, speed, sights(heard)))
    for item, count in syllable_counts([item for item in words.synthetic(data) if not item.held_out]):
        wave = augment.resample(words.read(item, 2 * RATE), 2 * 2 ** rng.uniform(-0.45, 0.3))
        found.append(counted(count, wave, sights(line(wave, backgrounds, rng))))
    return found


def syllable_counts(items: Sequence[words.Spoken]) -> list[tuple[words.Spoken, int]]:
    """Syllables of each text: hanzi in Mandarin, vowels of espeak-ng's transcription in English; others left out."""
    found = []
    for item in items:
        if item.language == "zh" and not re.search("[0-9A-Za-z]", item.text):
            found.append((item, len(re.findall("[\u4e00-\u9fff]", item.text))))
        elif item.language == "en" and shutil.which("espeak-ng"):
            spoken = subprocess.run(["espeak-ng", "-v", "en-us", "-q", "--ipa", item.text], capture_output=True,
                                    text=True, check=True).stdout
            found.append((item, len(_VOWELS.findall(spoken))))
    return found


def fit(items: Sequence[Example], epochs: int, seed: int, size: int = 32, peak: float = 4e-3) -> RateNet:
    """AdamW, one cycle; each batch a quarter synthetic."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    real = [item for item in items if item.density is not None]
    made = [item for item in items if item.density is None]
    net = RateNet()
    steps = epochs * (len(real) // size)
    optimiser = torch.optim.AdamW(net.parameters(), peak, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, steps, pct_start=0.15)
    order = np.concatenate([rng.permutation(len(real)) for _ in range(epochs + 1)])
    for step in range(steps):
        batch = [real[at] for at in order[step * size:(step + 1) * size]]
        batch += [made[at] for at in rng.integers(0, len(made), size // 4)] if made else []
        value = loss(net, batch)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    print(f"loss {float(value):.3f}", flush=True)
    return net


def loss(net: RateNet, batch: Sequence[Example]) -> Tensor:
    """Counts of whole recordings, the place of nuclei where it is known (Poisson), inside or not."""
    density, inside = net(torch.from_numpy(np.concatenate([item.bands for item in batch]).astype(np.float32)))
    truth = torch.from_numpy(np.concatenate([item.inside for item in batch]))
    places = [item.density for item in batch if item.density is not None]
    nuclei = torch.from_numpy(np.concatenate(places))
    near = density[:len(nuclei)]
    whose = torch.from_numpy(np.repeat(np.arange(len(batch)), [len(item.bands) for item in batch]))
    counts = torch.tensor([float(item.count) for item in batch])
    found = torch.zeros(len(batch)).index_add(0, whose, (density * truth).sum(1))
    return (0.3 * ((found - counts) ** 2 / (counts + 1)).mean() + 10 * (near - nuclei * torch.log(near + 1e-4)).mean()
            + nn.functional.binary_cross_entropy_with_logits(inside, truth))


def windows(net: RateNet, data: Path, speaker: str, seconds: float) -> NDArray[np.float64]:
    """Rows (raw rate, true rate, seconds) of one speaker's clips chained to windows, one mood each, on all LINES."""
    rows = []
    marks = speech.syllables(data)
    clips = [clip for clip in labelled_clips(data) if clip.speaker == speaker]
    for condition in LINES:
        total, mood = np.zeros(4), ""
        for at, clip in enumerate(clips):
            wave = simulate.degrade(clip.read(RATE)[0], RATE, condition, at, data)
            with torch.no_grad():
                density, odds = net(torch.from_numpy(sights(wave)))
            truth = marks[_key(clip, data)]
            total = total if clip.emotion == mood else np.zeros(4)
            mood = clip.emotion
            total += [*rate.raw(density.numpy().ravel(), odds.numpy().ravel() > 0), len(truth), spoken_s(truth)]
            if total[3] >= seconds:
                rows.append((total[0] / total[1], total[2] / total[3], total[3]))
                total = np.zeros(4)
    return np.array(rows)


def spoken_s(marks: Sequence[tuple[float, float]]) -> float:
    """Seconds from the first syllable's start to the last one's end, pauses of 0.2 s and more taken out."""
    gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(marks)]
    return marks[-1][1] - marks[0][0] - sum(gap for gap in gaps if gap >= rate.SHORT_PAUSE / 100)


def calibrate(long: NDArray[np.float64], short: NDArray[np.float64]) -> dict[str, str]:
    """Line through (raw, true) of 10 s windows; spread there, and how much more on short windows."""
    slope, offset = np.polyfit(long[:, 0], long[:, 1], 1)
    wide = float(np.std(long[:, 1] - slope * long[:, 0] - offset))
    narrow = float(np.std(short[:, 1] - slope * short[:, 0] - offset))
    per_second = max(0.0, narrow**2 - wide**2) / (1 / short[:, 2].mean() - 1 / long[:, 2].mean())
    base = max(0.0, wide**2 - per_second / long[:, 2].mean())
    return {"slope": f"{slope:.4f}", "offset": f"{offset:.4f}", "spread": f"{base**0.5:.4f}",
            "spread_1s": f"{per_second**0.5:.4f}"}


def export(net: RateNet, path: Path, calibration: dict[str, str]) -> None:
    """ONNX with the batch free and the calibration as metadata."""
    path.parent.mkdir(exist_ok=True)
    torch.onnx.export(net.eval(), (torch.zeros(2, rate.SIGHT, rate.BANDS),), str(path), input_names=["bands"],
                      output_names=["density", "inside"], opset_version=17, dynamo=False,
                      dynamic_axes={name: {0: "batch"} for name in ("bands", "density", "inside")})
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, calibration)
    onnx.save(model, str(path))
    example = np.random.default_rng(0).normal(-1, 1, (3, rate.SIGHT, rate.BANDS)).astype(np.float32)
    theirs = weights.session(path).run(None, {"bands": example})
    for ours, other in zip(net(torch.from_numpy(example)), theirs, strict=True):
        assert np.abs(ours.detach().numpy() - other).max() < 1e-3, "ONNX and PyTorch differ"


def labelled_clips(data: Path) -> list[speech.Clip]:
    """EmoDB's clips with hand-made syllables, by speaker and mood."""
    marks = speech.syllables(data)
    clips = [clip for clip in speech.select(data, corpora=("EmoDB",)) if _key(clip, data) in marks]
    return sorted(clips, key=lambda clip: (clip.speaker, clip.emotion, clip.path.name))


def _key(clip: speech.Clip, data: Path) -> str:
    return str(clip.path.relative_to(data / "speech"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--versions", type=int, default=4, help="lines through which each recording is heard")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    items = examples(arguments.data, arguments.versions, np.random.default_rng(arguments.seed))
    print(f"{len(items)} examples", flush=True)
    speakers = sorted({item.speaker for item in items if item.density is not None})
    nets, long, short = {}, {}, {}
    for speaker in speakers:
        nets[speaker] = fit([item for item in items if item.speaker != speaker], arguments.epochs, arguments.seed)
        long[speaker] = windows(nets[speaker], arguments.data, speaker, 10.0)
        short[speaker] = windows(nets[speaker], arguments.data, speaker, 2.0)
        print(speaker, np.round(np.corrcoef(long[speaker][:, :2].T)[0, 1], 3), flush=True)
    for speaker, net in nets.items():
        others = [name for name in speakers if name != speaker]
        export(net, arguments.out / "rate-loso" / f"{speaker.rpartition(':')[2]}.onnx",
               calibrate(np.concatenate([long[name] for name in others]),
                         np.concatenate([short[name] for name in others])))
    calibration = calibrate(np.concatenate(list(long.values())), np.concatenate(list(short.values())))
    path = arguments.out / f"{NAME}.onnx"
    export(fit(items, arguments.epochs, arguments.seed), path, calibration)
    enter(arguments.out / "manifest.toml", NAME, {
        "file": path.name, "sha256": sha256(path), "rate": RATE, "labels": ["density", "inside"],
        "training_data": ["EmoDB with hand-made syllables (CC0)", "synthetic speech made with Kokoro-82M (Apache-2.0)",
                 "ESC-10 noise (CC BY 3.0)"],
        "licence": "Apache-2.0", "commercial_use": True})
    print(path, calibration, flush=True)
    return 0
