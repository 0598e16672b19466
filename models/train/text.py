"""python -m models.train text: a caller's turn to evidence for a rung, Mandarin and English, from labelled dialogues.

Labels: ladder_zh_train and models/train/labels_zh.csv (more turns of stc3_zh_train, labelled by docs/ladder.md), their
English translations by the same ids; as views and further heads stc3 satisfaction, COLD offence, xci complaints. One
network a language, under 2 MB. `--lexicon` writes docs/lexicon.md instead, the evidence for every phrase.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from emotion.types import LANGUAGES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=LANGUAGES, action="append", help="one language only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=0, help="also cross-validate with so many folds by dialogue")
    parser.add_argument("--lexicon", action="store_true", help="write docs/lexicon.md and train nothing")


def run(arguments: argparse.Namespace) -> int:
    if arguments.lexicon:
        from models.train import text_lexicon

        return text_lexicon.write(arguments.data, Path("docs/lexicon.md"))
    from models.train import text_data, text_export, text_fit

    for language in arguments.language or LANGUAGES:
        examples = text_data.gather(arguments.data, language)
        print(f"{language}: {len(examples.turns)} labelled turns, {len(examples.dialogues)} dialogues, "
              f"{len(examples.others)} other texts", flush=True)
        if arguments.folds:
            text_fit.cross_validate(examples, language, arguments.folds, arguments.seed)
        fitted = text_fit.fit(examples, language, arguments.seed)
        path = Path(arguments.out) / f"text-{language}.onnx"
        text_export.save(fitted, path)
        worst = text_export.verify(path, fitted, examples.turns[:200])
        text_export.enter(path, language, Path(arguments.out) / "manifest.toml")
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, within {worst:.3f} of the fit", flush=True)
    return 0
