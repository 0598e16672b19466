"""Fitting the mood network: balanced batches of augmented clips, more variety made in the log-mel, soft targets."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from emotion.voice.logmel import BANDS
from models.train.data import Heard
from models.train.mood_net import CLASSES, MoodNet, Shape

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings of a run."""

    steps: int = 1500
    batch: int = 48
    hops: int = 6
    """Longest stretch of a clip that one step sees."""
    rate: float = 2e-3
    decay: float = 2e-2
    smooth: float = 0.1
    mix: float = 0.5
    """Share of clips that are mixed with another."""
    warp: float = 0.12
    """Largest shift of the vocal tract's length, as a fraction of frequency."""
    tilt: float = 0.5
    """Standard deviation of a random line response, nats."""
    shape: Shape = field(default_factory=Shape)


@dataclass(frozen=True, slots=True)
class Labels:
    """Targets of the clips: class probabilities (clips, 5), arousal (clips,), and how often each is drawn."""

    classes: Floats
    arousal: Floats
    draw: Floats


def fit(views: Sequence[Heard], labels: Labels, settings: Fit, seed: int,
        say: Callable[[str], None] = print) -> MoodNet:
    """A network fitted to clips seen in several views (augmentations); the average of its last weights."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = MoodNet(settings.shape)
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps, pct_start=0.1)
    average = copy.deepcopy(net)
    began, running = time.process_time(), 0.0
    net.train()
    for step in range(settings.steps):
        mel, speech, classes, arousal = _batch(views, labels, settings, rng)
        loss = _loss(net.clip(mel, speech), speech, classes, arousal, settings)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        plan.step()
        _blend(average, net, 0.0 if step < settings.steps // 5 else 0.995)
        running += (float(loss.detach()) - running) / min(step + 1, 100)
        if step % 250 == 249:
            say(f"step {step + 1}, loss {running:.3f}, {time.process_time() - began:.0f} s")
    return average.eval()


@torch.no_grad()
def scores(net: MoodNet, heard: Heard, indices: Sequence[int] | None = None) -> Floats:
    """Logits after each clip's last hop, (clips, 6), in the order of `indices` (default: all)."""
    chosen = range(len(heard.ends)) if indices is None else indices
    lengths: dict[int, list[int]] = {}
    for row, index in enumerate(chosen):
        part = heard.clip(index)
        lengths.setdefault(part.stop - part.start, []).append(row)
    found = np.zeros((len(chosen), CLASSES + 1), np.float32)
    for rows in lengths.values():
        for at in range(0, len(rows), 64):
            some = rows[at:at + 64]
            parts = [heard.clip(chosen[row]) for row in some]
            mel = torch.from_numpy(np.stack([heard.mels[part] for part in parts]).astype(np.float32))
            speech = torch.from_numpy(np.stack([heard.masks[part] for part in parts]).astype(np.float32))
            found[some] = net.clip(mel, speech)[:, -1].numpy()
    return found


def _batch(views: Sequence[Heard], labels: Labels, settings: Fit,
           rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    picks = rng.choice(len(labels.draw), settings.batch, p=labels.draw)
    mel = np.full((settings.batch, settings.hops, 50, BANDS), -18.0, np.float32)
    speech = np.zeros((settings.batch, settings.hops, 50), np.float32)
    for row, index in enumerate(picks):
        heard = views[int(rng.integers(len(views)))]
        part = heard.clip(int(index))
        start = part.start + int(rng.integers(max(1, part.stop - part.start - settings.hops + 1)))
        stop = min(part.stop, start + settings.hops)
        mel[row, :stop - start] = heard.mels[start:stop]
        speech[row, :stop - start] = heard.masks[start:stop]
    mel = _vary(mel, settings, rng)
    classes, arousal = labels.classes[picks], labels.arousal[picks]
    share = np.where(rng.random(settings.batch) < settings.mix, rng.beta(0.5, 0.5, settings.batch), 1.0)
    share = np.maximum(share, 1 - share).astype(np.float32)
    other = rng.permutation(settings.batch)
    level = mel.mean((1, 2, 3), keepdims=True)
    wide = share[:, None, None, None]
    mel = wide * (mel - level) + (1 - wide) * (mel - level)[other]
    speech = np.where((share < 1)[:, None, None], np.maximum(speech, speech[other]), speech)
    classes = share[:, None] * classes + (1 - share[:, None]) * classes[other]
    arousal = share * arousal + (1 - share) * arousal[other]
    return (torch.from_numpy(mel), torch.from_numpy(speech), torch.from_numpy(classes.astype(np.float32)),
            torch.from_numpy(arousal.astype(np.float32)))


def _vary(mel: Floats, settings: Fit, rng: np.random.Generator) -> Floats:
    """Another vocal tract, another line and holes in time and frequency, a draw a clip, (batch, hops, 50, bands)."""
    count = len(mel)
    factor = 1 + rng.uniform(-settings.warp, settings.warp, count)
    curve = np.arange(BANDS)
    place = np.clip(curve[None] * factor[:, None], 0, BANDS - 1.001)
    below = place.astype(np.int64)
    part = (place - below).astype(np.float32)[:, None, None]
    rows = np.arange(count)[:, None]
    flat = mel.transpose(0, 3, 1, 2)
    warped = (flat[rows, below].transpose(0, 2, 3, 1) * (1 - part) + flat[rows, below + 1].transpose(0, 2, 3, 1) * part)
    waves = np.cos(np.pi * np.outer(np.arange(1, 5), (curve + 0.5) / BANDS))
    line = rng.standard_normal((count, 4)) * settings.tilt @ waves
    varied = (warped + line[:, None, None]).astype(np.float32)
    for row in varied:
        if rng.random() < 0.5:
            width = int(rng.integers(2, 10))
            at = int(rng.integers(BANDS - width))
            row[..., at:at + width] = row[..., at:at + width].mean()
    return varied


def _loss(logits: Tensor, speech: Tensor, classes: Tensor, arousal: Tensor, settings: Fit) -> Tensor:
    """Cross entropy after each hop, weighted by the speech heard so far (nothing under 0.3 s)."""
    heard = speech.mean(2).cumsum(1) * 0.5
    weight = (heard - 0.3).clamp(0, 1.2) * (speech.mean(2) > 0.1)
    target = classes * (1 - settings.smooth) + settings.smooth / CLASSES
    entropy = -(target[:, None] * functional.log_softmax(logits[..., :CLASSES], 2)).sum(2)
    drive = functional.binary_cross_entropy_with_logits(
        logits[..., CLASSES], arousal[:, None].expand_as(logits[..., CLASSES]), reduction="none")
    return ((entropy + drive) * weight).sum() / weight.sum().clamp_min(1e-6)


@torch.no_grad()
def _blend(average: MoodNet, net: MoodNet, keep: float) -> None:
    for old, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - keep)
        else:
            old.copy_(new)
