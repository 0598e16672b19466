"""python -m models.train WHAT --data DIR: train one of the shipped models, verify its ONNX and write its card."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path

RECIPES = {
    "mood": "acoustic emotion model (mood-open, mood-research)",
    "vad": "Silero's voice activity as one graph",
    "pitch": "pitch and voicing network",
    "baseline": "what calm speech is like, by language",
    "words": "phonetic spotter for Mandarin and English",
    "text": "a caller's turn to evidence for a rung",
    "ladder": "transitions and reliabilities of the ladder",
}
"""Each is a module of this folder with `add_arguments(parser)` and `run(arguments) -> int`."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    recipes = parser.add_subparsers(dest="recipe", required=True, metavar="WHAT")
    present = {name: text for name, text in RECIPES.items() if Path(__file__).with_name(f"{name}.py").is_file()}
    for name, text in present.items():
        recipe = recipes.add_parser(name, help=text, description=text)
        recipe.add_argument("--data", type=Path, default=Path(os.environ.get("EMOTION_DATA", "../shared/data")),
                            help="folder of the training data (default: $EMOTION_DATA or ../shared/data)")
        recipe.add_argument("--out", type=Path, default=Path("models"), help="where weights and card go")
        importlib.import_module(f"models.train.{name}").add_arguments(recipe)
    arguments = parser.parse_args(argv)
    if not arguments.data.is_dir() and not getattr(arguments, "feedback", None):
        parser.error(f"{arguments.data} is not a folder; give the data's folder with --data or EMOTION_DATA")
    run = importlib.import_module(f"models.train.{arguments.recipe}").run
    return int(run(arguments))


if __name__ == "__main__":
    sys.exit(main())
