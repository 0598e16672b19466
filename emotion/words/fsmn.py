"""The FSMN ear: a Mandarin CTC keyword model of 0.76 M parameters that the user fetches (`models pull fsmn-zh`).

It is iic/speech_charctc_kws_phone-xiaoyun in a public ONNX export. Its weights are read from the file and stepped
here with their memory kept, which a stateless session cannot do: exact streaming for a quarter of the work.
Characters are summed to toneless syllables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emotion import weights
from emotion.types import Audio, Language
from emotion.words import fbank
from emotion.words.onnxfile import initializers

LEFT, RIGHT, LAYERS, MEMORY = 9, 2, 4, 128
FILES = ("fsmn_kws.onnx", "am.mvn.dim80_l2r2", "tokens_2599.txt")


@dataclass(slots=True)
class FsmnState:
    """Samples and frames that the front end keeps of one call, and what the memory blocks still need."""

    narrow: Audio = field(default_factory=lambda: np.zeros(fbank.TAPS - 1, np.float32))
    bank: fbank.FbankState = field(default_factory=fbank.FbankState)
    kept: Audio = field(default_factory=lambda: np.zeros((LAYERS, LEFT + RIGHT, MEMORY), np.float32))
    seen: int = 0
    """Frames that have entered."""


class FsmnEar:
    """80-band filter banks at 16 kHz in, an output each 30 ms, 8 frames late."""

    name = "fsmn"
    language: Language = "zh"
    frame = 240
    delay = LAYERS * RIGHT

    def __init__(self, folder: Path, band: Audio | None = None) -> None:
        """Read the weights that `models pull fsmn-zh` put into `folder`; OSError or ValueError when they are not.

        `band` (401, 400) guesses the frames of a wide band from those of a telephone band, which the model was not
        made for (models/train/words_band.py); it costs nothing, since it melts into the first layer.
        """
        values = initializers(folder / FILES[0])
        matrices = [value for name, value in values.items() if name.startswith("onnx::MatMul")]
        self.enter, self.leave = matrices[:2], matrices[-2:]
        self.into, self.out = matrices[2:-2:2], matrices[3:-2:2]
        self.enter_bias = [values[f"encoder.in_linear{n}.linear.bias"] for n in (1, 2)]
        self.leave_bias = [values[f"encoder.out_linear{n}.linear.bias"] for n in (1, 2)]
        self.out_bias = [values[f"encoder.fsmn.{n}.affine.linear.bias"] for n in range(LAYERS)]
        self.taps = [np.concatenate([values[f"encoder.fsmn.{n}.fsmn_block.conv_{side}.weight"][:, 0, :, 0]
                                     for side in ("left", "right")], axis=1).T for n in range(LAYERS)]
        for taps in self.taps:
            taps[LEFT] += 1  # the block adds its input to what it remembers
        tables = re.findall(r"\[([^\]]*)\]", (folder / FILES[1]).read_text("utf-8"))
        shift, scale = (np.array(t.split(), np.float32) for t in tables if len(t.split()) == len(self.enter[0]))
        if band is None:
            band = np.asarray(np.load(weights.find("words-band").path), np.float32)
        constant = (band[-1] + shift) * scale @ self.enter[0]
        self.enter_bias[0] = np.asarray(self.enter_bias[0] + constant, np.float32)
        self.enter[0] = np.asarray(band[:-1] * scale @ self.enter[0], np.float32)
        self.units, order, self._starts = _syllables((folder / FILES[2]).read_text("utf-8").splitlines())
        self.leave[1], self.leave_bias[1] = self.leave[1][:, order], self.leave_bias[1][order]

    def start(self) -> FsmnState:
        return FsmnState()

    def step(self, states: Sequence[FsmnState], hops: Audio, mels: Audio) -> list[Audio]:
        """(batch, HOP) samples -> log-probabilities (frames, syllables) of each call; the log-mels are not used."""
        narrow = np.concatenate([np.stack([state.narrow for state in states]), hops], axis=1)
        fresh = fbank.step([state.bank for state in states], fbank.double(narrow))
        for state, samples in zip(states, narrow, strict=True):
            state.narrow = samples[-(fbank.TAPS - 1):].copy()
        found: list[Audio] = [np.zeros((0, len(self.units)), np.float32)] * len(states)
        for count in sorted({len(frames) for frames in fresh} - {0}):
            rows = [n for n, frames in enumerate(fresh) if len(frames) == count]
            scores = self._network([states[n] for n in rows], np.stack([fresh[n] for n in rows]))
            for n, score in zip(rows, scores, strict=True):
                # what comes out first lies before the call and is nothing
                found[n] = score[max(0, self.delay - (states[n].seen - count)):]
        return found

    def _network(self, states: Sequence[FsmnState], frames: Audio) -> Audio:
        """(batch, count, 400) -> (batch, count, syllables), `delay` frames late."""
        x = np.maximum((frames @ self.enter[0] + self.enter_bias[0]) @ self.enter[1] + self.enter_bias[1], 0)
        seen = np.array([state.seen for state in states])
        kept = np.stack([state.kept for state in states])
        for layer in range(LAYERS):
            new = x @ self.into[layer]
            early = seen[:, None] - RIGHT * layer + np.arange(new.shape[1]) < 0
            new[early] = 0
            joined = np.concatenate([kept[:, layer], new], axis=1)
            kept[:, layer] = joined[:, -(LEFT + RIGHT):]
            x = sum(joined[:, k: k + new.shape[1]] * tap for k, tap in enumerate(self.taps[layer]))
            x = np.maximum(x @ self.out[layer] + self.out_bias[layer], 0)
        for n, state in enumerate(states):
            state.kept, state.seen = kept[n], state.seen + frames.shape[1]
        x = (x @ self.leave[0] + self.leave_bias[0]) @ self.leave[1] + self.leave_bias[1]
        odds = np.exp(x - x.max(axis=2, keepdims=True))
        sums = np.add.reduceat(odds, self._starts, axis=2)[:, :, : len(self.units)]
        return np.asarray(np.log(sums / odds.sum(axis=2, keepdims=True) + 1e-8), np.float32)


def _syllables(tokens: Sequence[str]) -> tuple[tuple[str, ...], list[int], list[int]]:
    """Names of the units, blank first; the order of tokens that lays each unit's together; where each begins.

    Tokens that are no Chinese character (Latin pieces, unknown) come last and belong to no unit.
    """
    from pypinyin import lazy_pinyin

    signs = [line.split(" ")[0] for line in tokens]
    spoken = {n: lazy_pinyin(sign)[0] for n, sign in enumerate(signs) if re.fullmatch("[一-鿿]", sign)}
    units = sorted(set(spoken.values()))
    order, starts = [0], [0]
    for unit in units:
        starts.append(len(order))
        order += [n for n, name in spoken.items() if name == unit]
    starts.append(len(order))
    order += [n for n in range(1, len(signs)) if n not in spoken]
    return ("<blank>", *units), order, starts
