"""What the text model is trained on: turns with evidence and calming, dialogues with satisfaction, tweets, offence."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from benchmarks.datasets import texts
from emotion.types import Language
from emotion.words.lexicon import Lexicon
from emotion.words.text import BUCKETS, SLOTS, Before, Features, dialogue_text, extract
from models.train import text_meaning

MORE_LABELS = Path(__file__).with_name("labels_zh.csv")
WRITTEN = Path(__file__).with_name("written_en.csv")
"""English sentences written for this model by the codebook, and tweets to a maker of cars: the English labels are few
and of translations, and no labelled tweet is about cars. Mandarin ones were tried and did not help."""
POSTS, POST_LENGTH = 3, 150
"""Of the posts labelled for offence every third is enough, and their beginnings."""
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Example:
    """One text as the network sees it, the dialogue that it is from, and its labels by name."""

    features: Features
    group: str
    labels: dict[str, float]


@dataclass(frozen=True, slots=True)
class Examples:
    """All training examples of a language; nothing of a dev file is in them."""

    turns: tuple[Example, ...]
    """evidence 0-6, calming 0 or 1 where the caller stood above 0 before"""
    dialogues: tuple[Example, ...]
    """all turns of one caller as one text: satisfaction -2..2"""
    wholes: tuple[Example, ...]
    """the same as `TextModel.satisfaction` reads them, the last turn twice"""
    written: tuple[Example, ...]
    """sentences of ours with evidence; they train, and nothing is measured on them"""
    others: tuple[Example, ...]
    """zh: posts with offence 0 or 1; en: tweets with complaint 0 or 1 and severity 0-4"""
    sentences: text_meaning.Sentences | None
    """en: all that callers say in the training dialogues, labelled or not, the written sentences, and tweets"""


def gather(data: Path, language: Language) -> Examples:
    lexicon = Lexicon.load(language)
    others = _tweets(data, lexicon) if language == "en" else _posts(data, lexicon)
    return Examples(tuple(_turns(data, language, lexicon)), tuple(_dialogues(data, language, lexicon, "\n".join)),
                    tuple(_dialogues(data, language, lexicon, dialogue_text)),
                    tuple(_written(lexicon, "evidence")), (*others, *_written(lexicon, "complaint")),
                    text_meaning.gather(tuple(_said(data)), language) if language == "en" else None)


def labels(data: Path) -> tuple[texts.Label, ...]:
    """The given labels and those made for this model; the given ones count where both have a turn."""
    given = texts.ladder_labels(data / "text" / "ladder_zh_train.csv")
    taken = {(label.id, label.turn) for label in given}
    more = texts.ladder_labels(MORE_LABELS) if MORE_LABELS.is_file() else ()
    return given + tuple(label for label in more if (label.id, label.turn) not in taken)


def make(text: str, before: Before, lexicon: Lexicon) -> Features:
    return extract(text, before, lexicon, lexicon.find(text))


def _turns(data: Path, language: Language, lexicon: Lexicon) -> Iterable[Example]:
    chosen = labels(data)
    stood = {(label.id, label.turn): label.position for label in chosen}
    for one in texts.join(chosen, texts.stc3(data, language, "train")):
        label = one.label
        known = {"evidence": float(label.evidence)}
        earlier = stood.get((label.id, label.turn - 1), 0)
        if earlier:
            known["calming"] = float(label.position < earlier)
        yield Example(make(one.text, one.before, lexicon), label.id, known)


def _dialogues(data: Path, language: Language, lexicon: Lexicon,
               join: Callable[[Sequence[str]], str]) -> Iterable[Example]:
    for dialogue in texts.stc3(data, language, "train"):
        yield Example(make(join(dialogue.caller), (), lexicon), dialogue.id,
                      {"satisfaction": dialogue.satisfaction or 0.0})


def _tweets(data: Path, lexicon: Lexicon) -> Iterable[Example]:
    """Tweets to companies; random ones say little about what a customer calls a complaint."""
    for tweet in texts.xci(data, "train"):
        if tweet.domain.startswith("random"):
            continue
        yield Example(make(tweet.text, (), lexicon), f"xci{tweet.id}",
                      {"complaint": float(tweet.complaint), "severity": float(tweet.severity)})


def _written(lexicon: Lexicon, task: str) -> Iterable[Example]:
    for group, row in _sentences(lexicon.language):
        if row["task"] == task:
            yield Example(make(row["text"], (), lexicon), group, {task: float(row["label"])})


def _sentences(language: Language) -> Iterable[tuple[str, dict[str, str]]]:
    """The written sentences, each a group of its own."""
    if language == "en":
        with WRITTEN.open(encoding="utf-8", newline="") as file:
            yield from ((f"written {row['text']}", row) for row in csv.DictReader(file))


def _said(data: Path) -> Iterable[tuple[str, str]]:
    """Group and text of everything that English n-grams learn the meaning of."""
    for dialogue in texts.stc3(data, "en", "train"):
        yield from ((dialogue.id, text) for text in dialogue.caller)
    yield from ((group, row["text"]) for group, row in _sentences("en"))
    yield from ((f"xci{tweet.id}", tweet.text) for tweet in texts.xci(data, "train"))


def _posts(data: Path, lexicon: Lexicon) -> Iterable[Example]:
    for number, (text, offends) in enumerate(texts.cold(data, "train")[::POSTS]):
        yield Example(make(text[:POST_LENGTH], (), lexicon), f"cold{number}", {"offence": float(offends)})


# ── as matrices ─────────────────────────────────────────────────────────────────────────────────

def gram_matrix(examples: Sequence[Example]) -> csr_matrix:
    """Weights of the n-grams, (n, BUCKETS)."""
    rows = np.repeat(np.arange(len(examples)), [len(e.features.buckets) for e in examples])
    return csr_matrix((np.concatenate([e.features.weights for e in examples]),
                       (rows, np.concatenate([e.features.buckets for e in examples]))), (len(examples), BUCKETS))


def slot_matrix(examples: Sequence[Example]) -> csr_matrix:
    """Which phrases were found, (n, SLOTS); slot 0, no phrase, is left empty."""
    rows = np.repeat(np.arange(len(examples)), [len(e.features.slots) for e in examples])
    found = csr_matrix((np.ones(len(rows), np.float32), (rows, np.concatenate([e.features.slots for e in examples]))),
                       (len(examples), SLOTS)).tolil()
    found[:, 0] = 0
    return found.tocsr()


def dense_matrix(examples: Sequence[Example]) -> Array:
    return np.stack([example.features.dense for example in examples])


def label(examples: Sequence[Example], name: str) -> NDArray[np.float64]:
    return np.array([example.labels[name] for example in examples])


def having(examples: Sequence[Example], name: str) -> tuple[Example, ...]:
    return tuple(example for example in examples if name in example.labels)
