"""Material for the spotter: recordings to power spectra and, each 30 ms, what the teacher and the text say was spoken.

Mandarin targets are the teacher's posteriors (FSMN CTC, wide band, clean) summed to toneless syllables and, where the
text is known, its occupancies over the text (the forward-backward of CTC), which takes the teacher's errors out.
Isolated words and syllables are made into running speech: silence cut off, joined at random, tempo and pitch changed
by sox, so that one speaker sounds like several; sentences come as they are and changed so too. German (EmoDB, CC0) has
no text: it shows the network ten throats, and what the teacher makes of them. English has its phonemes in order and is
trained by CTC alone. A shard is one .npz; training takes every shard that is there.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray

from benchmarks.datasets import speech, words
from emotion.types import FRAME, Audio
from emotion.voice.logmel import WINDOW, hann
from emotion.words import fbank
from emotion.words.pronounce import syllables

TOP = 5
"""Units kept per frame of a target; the rest of the probability is blank's."""
WIDE = 16000
BOTTLENECK, MIDDLE = "/encoder/out_linear1/linear/Add_output_0", "/encoder/fsmn/fsmn.1/relu/relu/Relu_output_0"
"""The teacher's last hidden layer and one half way, denser things to imitate than its posteriors (FitNets, Romero et
al. 2015)."""
HIDDEN, HALFWAY = 140, 250
"""Their sizes."""
PHONEMES = ("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
            "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
            "Z", "ZH")


HASTE = {"quick": ((0.82, 1.22), (0.85, 1.35)), "slow": ((0.86, 1.16), (0.62, 0.95))}
"""Ranges of pitch and of tempo: callers speak faster and slower than synthetic voices do."""


@dataclass(frozen=True, slots=True)
class Example:
    """One stretch of speech; `zh` or `en` units when known."""

    samples: Audio
    units: tuple[str, ...]
    language: str


class Teacher:
    """The FSMN CTC model: 16 kHz samples -> posteriors over toneless syllables, both hidden layers side by side."""

    def __init__(self, folder: Path) -> None:
        import onnx
        from pypinyin import lazy_pinyin

        model = onnx.load(folder / "fsmn_kws.onnx")
        model.graph.output.extend(onnx.helper.make_tensor_value_info(name, 1, None) for name in (BOTTLENECK, MIDDLE))
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        lines = (folder / "tokens_2599.txt").read_text("utf-8").splitlines()
        characters = [(n, line.split(" ")[0]) for n, line in enumerate(lines)]
        spoken = {n: lazy_pinyin(sign)[0] for n, sign in characters if re.fullmatch("[一-鿿]", sign)}
        self.units = ("<blank>", *sorted(set(spoken.values())))
        number = {unit: n for n, unit in enumerate(self.units)}
        self.sums = np.zeros((len(lines), len(self.units)), np.float32)
        self.sums[0, 0] = 1
        self.sums[list(spoken), [number[unit] for unit in spoken.values()]] = 1
        tables = re.findall(r"\[([^\]]*)\]", (folder / "am.mvn.dim80_l2r2").read_text("utf-8"))
        self.shift, self.scale = (np.array(t.split(), np.float32) for t in tables if len(t.split()) == 400)

    def __call__(self, wide: Audio) -> tuple[Audio, Audio]:
        frames = fbank.fbank(wide)
        frames = np.concatenate([frames[:1], frames[:1], frames, frames[-1:], frames[-1:]])
        joined = fbank.join(frames, (len(frames) - fbank.JOINED) // fbank.STEP + 1)
        logits, last, middle = self.session.run(None, {"speech": ((joined + self.shift) * self.scale)[None]})
        odds = np.exp(logits[0] - logits[0].max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True) @ self.sums, np.concatenate([last[0], middle[0]], axis=1)


def spectrum(narrow: Audio) -> NDArray[np.float16]:
    """(n,) at 8 kHz -> (n // FRAME, 129) ln power in the windows of emotion.voice.logmel."""
    padded = np.concatenate([np.zeros(WINDOW - FRAME, np.float32), narrow])
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::FRAME][: len(narrow) // FRAME]
    found = np.fft.rfft(windows * hann(), axis=1)
    return np.log(found.real**2 + found.imag**2 + 1e-8).astype(np.float16)


def occupancy(posteriors: Audio, units: Sequence[int]) -> Audio | None:
    """The posteriors given that exactly these units were said; None where the teacher hears something else."""
    if not units or len(posteriors) < 2 * len(units):
        return None
    logs = torch.from_numpy(np.log(0.995 * posteriors + 0.005 / posteriors.shape[1]))[:, None].requires_grad_()
    lengths = torch.tensor([len(posteriors)]), torch.tensor([len(units)])
    loss = torch.nn.functional.ctc_loss(logs, torch.tensor([units]), *lengths, reduction="sum")
    if float(loss.detach()) / len(units) > 4.0:
        return None
    loss.backward()  # type: ignore[no-untyped-call]
    assert logs.grad is not None
    return np.asarray(np.clip((logs.detach().exp() - logs.grad)[:, 0].numpy(), 0, 1), np.float32)


def targets(teacher: Teacher, wide: Audio, text: Sequence[str]) -> tuple[Audio, Audio]:
    """Posteriors to learn, (frames, units), and the hidden layers, (frames, HIDDEN + HALFWAY)."""
    posteriors, hidden = teacher(wide)
    number = {unit: n for n, unit in enumerate(teacher.units)}
    known = occupancy(posteriors, [number[unit] for unit in text]) if all(unit in number for unit in text) else None
    return (posteriors if known is None else 0.25 * posteriors + 0.75 * known), hidden


def shard(path: Path, examples: Iterable[Example], teacher: Teacher) -> float:
    """Write one shard; seconds of speech in it."""
    rows: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ("power", "index", "value", "hidden", "phones")}
    lengths, kinds = [], []
    for example in examples:
        narrow = np.asarray(_resample(example.samples, WIDE, 8000), np.float32)
        power = spectrum(narrow)
        posteriors, hidden = targets(teacher, example.samples, example.units if example.language == "zh" else ())
        frames = min(len(power) // 3, len(posteriors))
        if frames < 10:
            continue
        index = np.argsort(-posteriors[:frames, 1:], axis=1)[:, :TOP] + 1
        rows["power"].append(power[: 3 * frames])
        rows["index"].append(index.astype(np.int16))
        rows["value"].append(np.take_along_axis(posteriors[:frames], index, 1).astype(np.float16))
        rows["hidden"].append(hidden[:frames].astype(np.float16))
        phones = [PHONEMES.index(unit) + 1 for unit in example.units] if example.language == "en" else []
        rows["phones"].append(np.array(phones, np.int8))
        lengths.append(frames)
        kinds.append(["zh", "en"].index(example.language) if example.language in {"zh", "en"} else 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    np.savez(part, **{name: np.concatenate(parts) for name, parts in rows.items()},  # type: ignore[arg-type]
             lengths=np.array(lengths), kinds=np.array(kinds), phone_lengths=np.array([len(p) for p in rows["phones"]]),
             units=np.array(teacher.units))
    part.rename(path)
    return 0.03 * sum(lengths)


def sentences(items: Iterable[words.Spoken], haste: str = "", seed: int = 0) -> Iterator[Example]:
    """Recordings with their text, as they are or each in a pitch and a tempo of its own (see HASTE)."""
    rng = random.Random(seed)
    for item in items:
        units = syllables(item.text, {}) if item.language == "zh" else english_units(item.text)
        wave = words.read(item, WIDE)
        yield Example(perturb(wave, *(rng.uniform(*ends) for ends in HASTE[haste])) if haste else wave, units,
                      item.language)


def throats(clips: Iterable[speech.Clip], seed: int) -> Iterator[Example]:
    """Speech in another language, to no text."""
    rng = random.Random(seed)
    for clip in clips:
        wave = perturb(clip.read(WIDE)[0], *(rng.uniform(*ends) for ends in HASTE["quick"]))
        yield Example(wave, (), clip.lang)


def running(items: Sequence[words.Spoken], rng: random.Random, seconds: float, speed: tuple[float, float],
            tempo: tuple[float, float]) -> Iterator[Example]:
    """Isolated words made into running speech of about `seconds`, in a pitch and a tempo drawn for each stretch."""
    order = list(items)
    rng.shuffle(order)
    hiss = np.random.default_rng(rng.randrange(1 << 30))
    pieces: list[Audio] = []
    units: list[str] = []
    for item in order:
        word = trim(words.read(item, WIDE))
        by_name = item.path.parent.name.startswith("syll")
        said = (re.sub(r"\d", "", item.path.stem),) if by_name else syllables(item.text, {})
        if len(word) < WIDE // 10 or not said:
            continue
        gap = 1e-4 * hiss.standard_normal(int(WIDE * max(0.0, rng.gauss(0.0, 0.12))), np.float32)
        pieces += [word, np.asarray(gap, np.float32)]
        units += said
        if sum(map(len, pieces)) > seconds * WIDE:
            run = perturb(np.concatenate(pieces), rng.uniform(*speed), rng.uniform(*tempo))
            yield Example(run, tuple(units), "zh")
            pieces, units = [], []


def trim(samples: Audio, below_db: float = 32.0) -> Audio:
    """Without the silence at both ends; its level set to a common one."""
    parts = np.array_split(samples, max(1, len(samples) // 160))
    levels = np.array([np.sqrt(np.mean(part**2) + 1e-12) for part in parts])
    loud = np.flatnonzero(levels > levels.max() * 10 ** (-below_db / 20))
    cut = samples[max(0, loud[0] - 2) * 160: (loud[-1] + 3) * 160]
    return np.asarray(cut * (0.1 / np.sqrt(np.mean(cut**2) + 1e-9)), np.float32)


def perturb(samples: Audio, speed: float, tempo: float) -> Audio:
    """Pitch and formants times `speed`, duration divided by `tempo` (sox's resampling and its WSOLA)."""
    command = ["sox", "-t", "f32", "-r", str(WIDE), "-c", "1", "-", "-t", "f32", "-r", str(WIDE), "-",
               "speed", f"{speed:.3f}", "rate", str(WIDE), "tempo", "-s", f"{tempo / speed:.3f}"]
    done = subprocess.run(command, input=samples.astype(np.float32).tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).copy()


IPA = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY", "ɑː": "AA", "ɔː": "AO",
    "iː": "IY", "uː": "UW", "ɜː": "ER", "oː": "AO", "əl": "AH L", "n̩": "AH N", "l̩": "AH L", "æ": "AE",
    "ɐ": "AH", "ʌ": "AH", "ə": "AH", "ɑ": "AA", "ɔ": "AO", "ɒ": "AA", "ɛ": "EH", "e": "EH", "ɚ": "ER",
    "ɝ": "ER", "ɪ": "IH", "ᵻ": "IH", "i": "IY", "ʊ": "UH", "u": "UW", "o": "OW", "a": "AA", "b": "B", "d": "D",
    "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N",
    "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T", "ɾ": "T", "ʔ": "T", "θ": "TH",
    "v": "V", "w": "W", "z": "Z", "ʒ": "ZH", "x": "K",
}
"""espeak-ng's American English to ARPAbet; signs that are not here (stress, spaces) say nothing."""


def english_units(text: str) -> tuple[str, ...]:
    """ARPAbet phonemes of an English text as the synthetic voices say it."""
    from models.train.speak import english_phonemes

    spoken = english_phonemes(text)
    found = re.findall("|".join(sorted(map(re.escape, IPA), key=len, reverse=True)), spoken)
    return tuple(" ".join(IPA[sign] for sign in found).split())


def _resample(samples: Audio, source: int, target: int) -> Audio:
    import soxr

    return np.asarray(soxr.resample(samples, source, target), np.float32)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--teacher", type=Path, default=Path("../shared/models/fsmn_ctc_zh"), help="FSMN CTC model")
    parser.add_argument("--speech", type=Path, nargs="*", default=[Path("runs/speak")],
                        help="folders made by models.train.speak")
    parser.add_argument("--cache", type=Path, default=Path("runs/words"), help="where shards and checkpoints lie")


def prepare(arguments: argparse.Namespace) -> None:
    """Write the shards that are not there yet; synthetic speech in steps of 150 recordings as it comes."""
    teacher = Teacher(arguments.teacher)
    spoken = [item for item in words.real(arguments.data) if not item.held_out]
    made = [item for item in words.synthetic(arguments.data) if not item.held_out]
    free = speech.select(arguments.data, corpora=("EmoDB",))
    jobs: list[tuple[str, Iterable[Example]]] = []
    for n in range(4):
        jobs += [(f"tts-{n:02d}", sentences(made[n::4]))]
        jobs += [(f"tts-{haste}-{n:02d}", sentences(made[n::4], haste, n)) for haste in HASTE]
    jobs += [(f"throats-{n}", throats(free, n)) for n in range(2)]
    passes = ((1.0, 1.0, 1.2, 1.7), (0.8, 0.97, 1.1, 1.6), (1.03, 1.25, 1.2, 1.8))
    for n, (low, high, slow, fast) in enumerate(passes):
        jobs += [(f"{folder}-{n}",
                  running(words.part(spoken, folder), random.Random(n), 8.0, (low, high), (slow, fast)))
                 for folder in ("hsk", "syll_cw", "syll_df")]
    for folder in arguments.speech:
        fresh = words.synthetic(folder.parent, folder.name)
        for language in ("zh", "en"):
            mine = [item for item in fresh if item.language == language]
            for at in range(0, len(mine) - 149, 150):
                part = mine[at: at + 150]
                jobs += [(f"{folder.name}-{language}-{at:05d}", sentences(part))]
                jobs += [(f"{folder.name}-{haste}-{language}-{at:05d}", sentences(part, haste, at)) for haste in HASTE]
    for name, examples in jobs:
        path = arguments.cache / f"{name}.npz"
        if not path.is_file():
            print(f"{name}: {shard(path, examples, teacher):.0f} s", flush=True)
