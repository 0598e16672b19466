"""Fitting the head of the mood network: mixed, noisy measures, soft targets, and the average of several heads.

A judge of everything that hears everything leans on what only its own corpora have in common. So anger is heard twice:
by judges of all classes over the timbre, and by witnesses over the few measures of motion, fitted apart (late fusion).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor, nn
from torch.nn import functional

from models.train.data import Heard
from models.train.mood_measures import Measures
from models.train.mood_net import CLASSES, OUTPUTS, MoodNet

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fit:
    """Settings of a run; each was chosen on speakers and corpora that were left out."""

    heads: int = 3
    """Judges, and as many witnesses."""
    hidden: int = 256
    steps: int = 1200
    dropout: float = 0.45
    witness_hidden: int = 32
    witness_steps: int = 400
    witness_dropout: float = 0.3
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    noise: float = 0.3
    """Standard deviation of the noise on every measure, in its own deviations."""
    mix: float = 0.3
    """Share of examples that are mixed with another (Zhang et al. 2018)."""
    smooth: float = 0.1


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


def fit(examples: Examples, measures: Measures, settings: Fit, boost: float = 0.5, seed: int = 0) -> MoodNet:
    """A network whose head is the average of several judges, and `boost` times that of several witnesses for anger."""
    weight = examples.draw[:, None] / examples.draw.sum()
    centre = (examples.measures * weight).sum(0)
    spread = np.sqrt((weight * (examples.measures - centre) ** 2).sum(0)) + 1e-3
    normal = ((examples.measures - centre) / spread).clip(-4, 4).astype(np.float32)
    seeds = [seed * 100 + n for n in range(settings.heads)]
    judges = [_judge(normal[:, measures.timbre], examples, settings, one) for one in seeds]
    witnesses = [_witness(normal[:, measures.motion], examples, settings, one) for one in seeds]
    return MoodNet(measures, torch.from_numpy(centre.astype(np.float32)), torch.from_numpy(spread.astype(np.float32)),
                   *_joined(measures, judges, witnesses, boost)).eval()


Head = tuple[nn.Linear, nn.Linear]


@torch.no_grad()
def _joined(measures: Measures, judges: Sequence[Head], witnesses: Sequence[Head], boost: float) -> Head:
    """All heads as two layers: each hidden unit hears its own measures, a witness's speaks for anger alone."""
    hidden = sum(first.out_features for first, _ in (*judges, *witnesses))
    first, second = nn.Linear(measures.size, hidden), nn.Linear(hidden, OUTPUTS)
    for layer in (first, second):
        layer.weight.zero_()
        layer.bias.zero_()
    at = 0
    for heads, heard, spoken, share in ((judges, measures.timbre, slice(0, OUTPUTS), 1.0 / len(judges)),
                                        (witnesses, measures.motion, slice(0, 1), boost / len(witnesses))):
        for one, two in heads:
            units = slice(at, at + one.out_features)
            first.weight[units, heard] = one.weight
            first.bias[units] = one.bias
            second.weight[spoken, units] = share * two.weight
            second.bias[spoken] += share * two.bias
            at = units.stop
    return first, second


def _judge(normal: Floats, examples: Examples, settings: Fit, seed: int) -> Head:
    targets = np.concatenate([examples.classes * (1 - settings.smooth) + settings.smooth / CLASSES,
                              examples.arousal[:, None]], 1).astype(np.float32)
    return _train(normal, targets, examples.draw, settings, seed, _all_classes)


def _witness(normal: Floats, examples: Examples, settings: Fit, seed: int) -> Head:
    """Anger against all else, both drawn equally often."""
    angry = examples.classes[:, :1]
    share = (examples.draw[:, None] * angry).sum() / examples.draw.sum()
    draw = examples.draw * np.where(angry[:, 0] > 0, 1 / share, 1 / (1 - share)).astype(np.float32)
    settings = replace(settings, hidden=settings.witness_hidden, steps=settings.witness_steps,
                       dropout=settings.witness_dropout)
    return _train(normal, (angry * (1 - settings.smooth) + settings.smooth / 2).astype(np.float32), draw, settings,
                  seed, functional.binary_cross_entropy_with_logits)


def _train(normal: Floats, targets: Floats, draw: Floats, settings: Fit, seed: int,
           loss: Callable[[Tensor, Tensor], Tensor]) -> Head:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    first, second = nn.Linear(normal.shape[1], settings.hidden), nn.Linear(settings.hidden, targets.shape[1])
    optimiser = torch.optim.AdamW([*first.parameters(), *second.parameters()], lr=settings.rate,
                                  weight_decay=settings.decay)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps)
    ladder = np.cumsum(draw / draw.sum())
    for _ in range(settings.steps):
        picks = np.minimum(np.searchsorted(ladder, rng.random(settings.batch)), len(ladder) - 1)
        inputs, wanted = _vary(normal[picks], targets[picks], settings, rng)
        hidden = functional.dropout(torch.relu(first(functional.dropout(inputs, 0.1))), settings.dropout)
        optimiser.zero_grad()
        loss(second(hidden), wanted).backward()  # type: ignore[no-untyped-call]
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


def _all_classes(logits: Tensor, targets: Tensor) -> Tensor:
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


def calibrate(raw: Floats, truth: NDArray[np.integer], weight: Floats) -> Correction:
    """One temperature and a shift for each class, for the least cross entropy on clips that were not learnt from.

    Vector scaling after Guo et al. (2017), the shifts held near 0 and the scale at most 1: the speakers left out act in
    corpora that were learnt, so that being surer because of them would be wrong elsewhere.
    """
    onehot = np.eye(CLASSES)[truth]
    share = weight / weight.sum()

    def cost(parameters: NDArray[np.float64]) -> float:
        scaled = raw[:, :CLASSES] * np.exp(parameters[0]) + parameters[1:]
        top = scaled.max(1, keepdims=True)
        log = scaled - top - np.log(np.exp(scaled - top).sum(1, keepdims=True))
        return float(-(share * (onehot * log).sum(1)).sum() + 0.02 * (parameters[1:] ** 2).sum())

    found = minimize(cost, np.zeros(1 + CLASSES), method="L-BFGS-B",
                     bounds=[(-2, 0)] + [(-1, 1)] * CLASSES).x
    return Correction(float(np.exp(found[0])), found[1:].astype(np.float32))
