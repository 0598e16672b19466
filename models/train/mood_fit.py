"""Fitting the head of the mood network: mixed, noisy measures, soft targets, and the average of several heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn import functional

from models.train.data import Heard
from models.train.mood_net import CLASSES, OUTPUTS, Measures, MoodNet

Floats = NDArray[np.float32]


SURER = 1.3
"""By how much calibration may sharpen: what it gains on a corpus that was left out, and no more."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings of a run; each was chosen on speakers and corpora that were left out."""

    heads: int = 6
    hidden: int = 128
    steps: int = 800
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    noise: float = 0.3
    """Standard deviation of the noise on every measure, in its own deviations."""
    mix: float = 0.5
    """Share of examples that are mixed with another (Zhang et al. 2018)."""
    smooth: float = 0.1
    dropout: float = 0.4


@dataclass(frozen=True, slots=True)
class Examples:
    """Measures (n, m), class probabilities (n, 5), arousal (n,), and how often each is drawn (n,), adding to 1."""

    measures: Floats
    classes: Floats
    arousal: Floats
    draw: Floats


@torch.no_grad()
def measure(heard: Heard, measures: Measures, rows: int = 64) -> Floats:
    """Measures after every hop of every clip, (hops, m), by the hop-by-hop network with state carried."""
    starts = np.concatenate([[0], heard.ends[:-1]])
    lengths = heard.ends - starts
    order = np.argsort(lengths, kind="stable")
    found = np.zeros((len(heard.mels), measures.size), np.float32)
    for at in range(0, len(order), rows):
        chosen = order[at:at + rows]
        state = torch.zeros(len(chosen), measures.state_size)
        for hop in range(int(lengths[chosen].max())):
            live = np.flatnonzero(lengths[chosen] > hop)
            place = starts[chosen[live]] + hop
            values, state[live] = measures(torch.from_numpy(heard.mels[place].astype(np.float32)),
                                           torch.from_numpy(heard.masks[place].astype(np.float32)), state[live])
            found[place] = values.numpy()
    return found


def fit(examples: Examples, measures: Measures, settings: Fit, seed: int = 0) -> MoodNet:
    """A network whose head is the average of `settings.heads` heads fitted apart."""
    weight = examples.draw[:, None] / examples.draw.sum()
    centre = (examples.measures * weight).sum(0)
    spread = np.sqrt((weight * (examples.measures - centre) ** 2).sum(0)) + 1e-3
    normal = ((examples.measures - centre) / spread).clip(-4, 4).astype(np.float32)
    heads = [_head(normal, examples, settings, seed * 100 + n) for n in range(settings.heads)]
    first, second = nn.Linear(normal.shape[1], settings.hidden * len(heads)), nn.Linear(
        settings.hidden * len(heads), OUTPUTS)
    with torch.no_grad():
        first.weight.copy_(torch.cat([head[0].weight for head in heads]))
        first.bias.copy_(torch.cat([head[0].bias for head in heads]))
        second.weight.copy_(torch.cat([head[1].weight for head in heads], 1) / len(heads))
        second.bias.copy_(torch.stack([head[1].bias for head in heads]).mean(0))
    return MoodNet(measures, torch.from_numpy(centre.astype(np.float32)), torch.from_numpy(spread.astype(np.float32)),
                   first, second).eval()


def _head(normal: Floats, examples: Examples, settings: Fit, seed: int) -> tuple[nn.Linear, nn.Linear]:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    first, second = nn.Linear(normal.shape[1], settings.hidden), nn.Linear(settings.hidden, OUTPUTS)
    parameters = [*first.parameters(), *second.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=settings.rate, weight_decay=settings.decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps)
    ladder = np.cumsum(examples.draw / examples.draw.sum())
    targets = np.concatenate([examples.classes * (1 - settings.smooth) + settings.smooth / CLASSES,
                              examples.arousal[:, None]], 1).astype(np.float32)
    for _ in range(settings.steps):
        picks = np.minimum(np.searchsorted(ladder, rng.random(settings.batch)), len(ladder) - 1)
        inputs, wanted = _vary(normal[picks], targets[picks], settings, rng)
        hidden = functional.dropout(torch.relu(first(functional.dropout(inputs, 0.1))), settings.dropout)
        loss = _loss(second(hidden), wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        plan.step()
    return first, second


def _vary(inputs: Floats, targets: Floats, settings: Fit, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Noise on each measure, some examples mixed."""
    count = len(inputs)
    inputs = inputs + np.float32(settings.noise) * rng.standard_normal(inputs.shape, np.float32)
    share = rng.beta(0.5, 0.5, count)
    share = np.where(rng.random(count) < settings.mix, np.maximum(share, 1 - share), 1.0)[:, None]
    other = rng.permutation(count)
    mixed, wanted = (share * part + (1 - share) * part[other] for part in (inputs, targets))
    return torch.from_numpy(mixed.astype(np.float32)), torch.from_numpy(wanted.astype(np.float32))


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    entropy = -(targets[:, :CLASSES] * functional.log_softmax(logits[:, :CLASSES], 1)).sum(1).mean()
    return entropy + functional.binary_cross_entropy_with_logits(logits[:, CLASSES], targets[:, CLASSES])


@torch.no_grad()
def logits(net: MoodNet, measures: Floats) -> Floats:
    """(n, m) -> (n, 6), before the softmax."""
    return np.asarray(net.judge(torch.from_numpy(measures)).numpy(), np.float32)


@dataclass(frozen=True, slots=True)
class Correction:
    """What calibration does to the class logits."""

    scale: float
    shifts: Floats

    @torch.no_grad()
    def apply(self, net: MoodNet) -> None:
        net.second.weight[:CLASSES] *= self.scale
        net.second.bias[:CLASSES] = net.second.bias[:CLASSES] * self.scale + torch.from_numpy(self.shifts)


def calibrate(raw: Floats, truth: NDArray[np.integer], weight: Floats, surer: float = SURER) -> Correction:
    """One temperature and a shift for each class, for the least cross entropy on clips that were not learnt from.

    Vector scaling after Guo et al. (2017), the shifts held near 0 and the scale at most `surer`: the speakers left out
    act in corpora that were learnt, so that being surer because of them alone would be wrong elsewhere.
    """
    onehot = np.eye(CLASSES)[truth]
    share = weight / weight.sum()

    def cost(parameters: NDArray[np.float64]) -> float:
        scaled = raw[:, :CLASSES] * np.exp(parameters[0]) + parameters[1:]
        top = scaled.max(1, keepdims=True)
        log = scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True))
        return float(-(share * (onehot * log).sum(1)).sum() + 0.02 * (parameters[1:] ** 2).sum())

    found = minimize(cost, np.zeros(1 + CLASSES), method="L-BFGS-B",
                     bounds=[(-2, np.log(surer))] + [(-1, 1)] * CLASSES).x
    return Correction(float(np.exp(found[0])), found[1:].astype(np.float32))
