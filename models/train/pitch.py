"""python -m models.train pitch: a small network that finds f0 and voicing on telephone lines.

Taught by what three trackers agree on in clean speech (benchmarks/datasets/f0.py), heard through random lines: other
playing speed (which moves f0 exactly), noise, band, codec, lost packets. Only freely licensed speech: EmoDB's train
speakers (CC0) and our own synthetic speech.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.datasets import f0, noise, speech, words
from emotion import weights
from emotion.types import FRAME, FRAMES, RATE, Audio
from emotion.voice import pitch
from models.train import augment
from models.train.manifest import enter

NAME = "pitch"
TRAIN_RATE = 16000
CHANNELS = 96
BLOCKS = 3


class PitchNet(nn.Module):
    """(batch, frames, BINS) log power -> (batch, frames, 1 + TONES): logit of voicing, logits of the tones."""

    def __init__(self, channels: int = CHANNELS, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.enter = nn.Linear(pitch.BINS, channels)
        # two-dimensional, because onnxruntime runs one-dimensional depthwise convolutions several times slower
        self.near = nn.ModuleList(nn.Conv2d(channels, channels, (1, 5), padding=(0, 2), groups=channels)
                                  for _ in range(blocks))
        self.mix = nn.ModuleList(nn.Linear(channels, channels) for _ in range(blocks))
        self.leave = nn.Linear(channels, 1 + pitch.TONES)

    def forward(self, spectra: Tensor) -> Tensor:
        x = torch.relu(self.enter(spectra))
        for near, mix in zip(self.near, self.mix, strict=True):
            x = x + torch.relu(mix(near(x.transpose(1, 2)[:, :, None])[:, :, 0].transpose(1, 2)))
        return self.leave(x)  # type: ignore[no-any-return]


class Lines:
    """Recordings as heard on random lines, with their pitch: a source of training batches."""

    def __init__(self, clips: Sequence[Path], data: Path, versions: int, rng: np.random.Generator,
                 cache: Path | None = None) -> None:
        self.rng = rng
        self.heard: list[NDArray[np.float16]] = []
        self.hertz: list[NDArray[np.float32]] = []
        self.sure: list[NDArray[np.bool_]] = []
        references = f0.references(clips, data, cache)
        backgrounds = [clip.read() for clip in noise.select(data, split="train")]
        backgrounds += [augment.coloured(10 * RATE, slope, rng) for slope in (0.0, 0.5, 1.0, 1.0, 1.0, 1.5, 2.0)]
        waves = [speech.read(path, TRAIN_RATE)[0] for path in clips]
        voices = [augment.resample(wave, TRAIN_RATE / RATE) for wave in waves[:: max(1, len(waves) // 100)]]
        backgrounds += [noise.babble(voices, 10 * RATE, rng) for _ in range(4)]
        for wave, reference in zip(waves, references, strict=True):
            for _ in range(versions):
                self._add(wave, reference, backgrounds)
        sizes = np.array([len(row) for row in self.hertz], np.float64)
        self.odds = sizes / sizes.sum()

    def _add(self, wave: Audio, reference: f0.Reference, backgrounds: Sequence[Audio]) -> None:
        rng = self.rng
        speed = 2 ** rng.uniform(-0.5, 0.6) if rng.random() < 0.7 else 1.0
        voice = augment.resample(wave, TRAIN_RATE / RATE * speed)
        count = len(voice) // FRAME
        old = np.minimum(((np.arange(count) + 0.5) * speed).astype(np.intp), len(reference.hertz) - 1)
        if rng.random() < 0.2:
            voice = augment.room(voice, rng)
        voice = augment.level(voice, -24)
        if rng.random() < 0.75:
            background = backgrounds[int(rng.integers(len(backgrounds)))]
            voice = augment.add_noise(voice, background, rng.uniform(0, 30), rng)
        if rng.random() < 0.85:
            voice = augment.telephone_band(voice, rng)
        voice = augment.level(voice, rng.uniform(-36, -14))
        kind = rng.random()
        voice = augment.mulaw(voice) if kind < 0.7 else augment.gsm_like(voice) if kind < 0.8 else voice
        if rng.random() < 0.2:
            voice = augment.lose_packets(voice, rng.uniform(0.005, 0.08), rng)
        self.heard.append(np.clip(voice, -1, 1).astype(np.float16))
        self.hertz.append((reference.hertz[old] * speed).astype(np.float32))
        self.sure.append(reference.sure[old])

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """Spectra as the tracker sees them at a hop's end, Hz with NaN for unvoiced, and which are sure."""
        frames = pitch.CONTEXT + FRAMES
        waves = np.zeros((size, frames * FRAME + 2 * pitch.HALF), np.float32)
        hertz = np.full((size, frames), np.nan, np.float32)
        sure = np.zeros((size, frames), np.bool_)
        for row, which in enumerate(self.rng.choice(len(self.odds), size, p=self.odds)):
            heard = self.heard[which]
            first = int(self.rng.integers(-pitch.CONTEXT, max(1, len(self.hertz[which]) - frames // 2)))
            start = first * FRAME - pitch.HALF
            stop = min(start + waves.shape[1] - pitch.HALF, len(heard))
            begin = max(0, start)
            waves[row, begin - start:stop - start] = heard[begin:stop]
            last = min(first + frames, len(self.hertz[which]))
            hertz[row, max(0, -first):last - first] = self.hertz[which][max(0, first):last]
            sure[row, max(0, -first):last - first] = self.sure[which][max(0, first):last]
        return torch.from_numpy(pitch.spectra(waves)), torch.from_numpy(hertz), torch.from_numpy(sure)


def loss(logits: Tensor, hertz: Tensor, sure: Tensor) -> Tensor:
    """Voicing on all frames but the context's, tone on sure voiced ones, a Gaussian of one tone's spread as target."""
    logits, hertz, sure = (x[:, pitch.CONTEXT:] for x in (logits, hertz, sure))
    voiced = ~torch.isnan(hertz)
    doubt = torch.where(voiced & ~sure, 0.5, 1.0)
    voicing = nn.functional.binary_cross_entropy_with_logits(logits[..., 0], voiced.float(), weight=doubt)
    tones = torch.log2(hertz[sure] / pitch.LOWEST) * 12 * pitch.PER_SEMITONE
    target = torch.exp(-0.5 * (torch.arange(pitch.TONES) - tones[:, None]) ** 2)
    target = target / target.sum(1, keepdim=True).clamp_min(1e-6)
    return voicing + 0.3 * nn.functional.cross_entropy(logits[..., 1:][sure], target)


def fit(net: PitchNet, lines: Lines, steps: int, size: int = 64, peak: float = 3e-3) -> None:
    """AdamW, one cycle."""
    optimiser = torch.optim.AdamW(net.parameters(), peak, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, steps, pct_start=0.1)
    smooth = 0.0
    for step in range(steps):
        value = loss(*((net(batch[0]), *batch[1:]) if (batch := lines.batch(size)) else ()))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        smooth = float(value) if step == 0 else 0.98 * smooth + 0.02 * float(value)
        if step % 100 == 0:
            print(f"step {step} loss {smooth:.4f}", flush=True)


def export(net: PitchNet, path: Path) -> None:
    """ONNX with batch and frames free."""
    torch.onnx.export(net.eval(), (torch.zeros(2, 60, pitch.BINS),), str(path), input_names=["spectra"],
                      output_names=["logits"], opset_version=17, dynamo=False,
                      dynamic_axes={name: {0: "batch", 1: "frames"} for name in ("spectra", "logits")})
    onnx.checker.check_model(onnx.load(str(path)))
    example = np.random.default_rng(0).normal(0, 1, (3, 60, pitch.BINS)).astype(np.float32)
    ours = net(torch.from_numpy(example)).detach().numpy()
    theirs = weights.session(path).run(None, {"spectra": example})[0]
    assert np.abs(ours - theirs).max() < 1e-3, "ONNX and PyTorch differ"


def corpus(data: Path) -> list[Path]:
    """What the shipped network may learn from."""
    acted = [clip.path for clip in speech.select(data, corpora=("EmoDB",), split="train")]
    return acted + [item.path for item in words.synthetic(data) if not item.held_out]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--versions", type=int, default=3, help="lines through which each recording is heard")
    parser.add_argument("--cache", type=Path, default=f0.CACHE,
                        help="file that keeps the reference pitch between runs (.npz)")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    clips = corpus(arguments.data)
    print(f"{len(clips)} recordings", flush=True)
    lines = Lines(clips, arguments.data, arguments.versions, np.random.default_rng(arguments.seed), arguments.cache)
    print(f"{sum(map(len, lines.hertz)) / 360000:.2f} h of lines", flush=True)
    net = PitchNet()
    fit(net, lines, arguments.steps)
    path = arguments.out / f"{NAME}.onnx"
    export(net, path)
    enter(arguments.out / "manifest.toml", NAME, {
        "file": path.name, "sha256": weights.sha256(path), "rate": RATE, "labels": ["voicing", "tone"],
        "training_data": ["EmoDB train speakers (CC0)", "synthetic speech made with Kokoro-82M (Apache-2.0)",
                 "ESC-10 noise (CC BY 3.0)"],
        "licence": "Apache-2.0", "commercial_use": True})
    print(f"{path}: {sum(p.numel() for p in net.parameters())} parameters, {path.stat().st_size} bytes", flush=True)
    return 0
