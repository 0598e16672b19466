"""python -m models.train text: a caller's turn to evidence for a rung, Mandarin and English, from labelled dialogues.

Labels: ladder_zh_train and models/train/labels_zh.csv (more turns of stc3_zh_train, labelled by docs/ladder.md), their
English translations by the same ids, stc3 satisfaction, xci complaints. One network a language, under 2 MB.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from models.train import text_data, text_fit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=("zh", "en"), action="append", help="one language only")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    for language in arguments.language or ("zh", "en"):
        examples = text_data.gather(arguments.data, language)
        print(f"{language}: {len(examples.turns)} turns, {len(examples.complaints)} tweets")
        path = Path(arguments.out) / f"text-{language}.onnx"
        text_fit.fit(examples, language, arguments.seed).save(path)
        text_fit.enter(path, language, Path(arguments.out) / "manifest.toml")
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    return 0
