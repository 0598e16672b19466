"""python -m models.train baseline: the population that a caller is held against, into emotion/baseline.toml.

It is measured by benchmarks/datasets/normals.py; this writes it down.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.datasets.normals import fit, gather
from emotion import baseline

HEAD = """
Calm speech on a telephone and what anger does to it; features in the order of emotion/baseline.py.
Written by `python -m models.train baseline` from neutral, calm and angry clips: means zh CASIA (2 actors) and synthetic
voices, en RAVDESS (18 actors) and synthetic voices; covariances and anger from the actors, EmoDB's 10 among them except
for arousal, which the mood model learnt from them. The spreads of arousal and of level between lines are set by hand.
Rate has no part in heat. Acted and synthetic speech, not calls.
"""


def write(path: Path, table: baseline.Population) -> None:
    """The file that emotion/baseline.py reads."""
    lines = [f"# {line}" for line in HEAD.strip().splitlines()]
    vectors = {f"mean.{language}": row for language, row in table.mean.items()}
    for section, row in {**vectors, "smooth": table.smooth, "anger": table.anger}.items():
        lines += ["", f"[{section}]"]
        lines += [f"{name} = {value:.3f}" for name, value in zip(baseline.FEATURES, row, strict=True)]
    for section, rows in {"within": table.within, "between": table.between}.items():
        lines += ["", f"[{section}]"]
        lines += [f"{name} = [{', '.join(f'{value:.4f}' for value in row)}]"
                  for name, row in zip(baseline.FEATURES, rows, strict=True)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    table = fit(gather(arguments.data, np.random.default_rng(arguments.seed)))
    path = Path(baseline.__file__).with_suffix(".toml")
    write(path, table)
    baseline.shipped.cache_clear()
    print(path.read_text("utf-8"))
    return 0
