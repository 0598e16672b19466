"""What the text model is trained on: turns with evidence and calming, tweets with complaint and severity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets import texts
from emotion.types import Language
from emotion.words.lexicon import Lexicon
from emotion.words.text import Before, Features, extract

MORE_LABELS = Path(__file__).with_name("labels_zh.csv")


@dataclass(frozen=True, slots=True)
class Example:
    """One turn as the network sees it, with what is known of it; None where nothing is."""

    features: Features
    group: str
    """Dialogue or tweet, so that folds never split one."""
    evidence: int | None = None
    calming: float | None = None
    complaint: bool | None = None
    severity: int | None = None
    satisfaction: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    turns: tuple[Example, ...]
    complaints: tuple[Example, ...]
    dialogues: tuple[Example, ...]


def gather(data: Path, language: Language) -> Examples:
    """All training examples of a language; nothing of a dev file is opened."""
    lexicon = Lexicon.load(language)
    return Examples(tuple(_turns(data, language, lexicon)),
                    tuple(_tweets(data, lexicon)) if language == "en" else (),
                    tuple(_dialogues(data, language, lexicon)))


def labels(data: Path) -> tuple[texts.Label, ...]:
    """The given labels and those made for this model; the given ones count where both have a turn."""
    given = texts.ladder_labels(data / "text" / "ladder_zh_train.csv")
    taken = {(label.id, label.turn) for label in given}
    more = texts.ladder_labels(MORE_LABELS) if MORE_LABELS.is_file() else ()
    return given + tuple(label for label in more if (label.id, label.turn) not in taken)


def make(text: str, before: Before, lexicon: Lexicon) -> Features:
    return extract(text, before, lexicon, lexicon.find(text))


def _turns(data: Path, language: Language, lexicon: Lexicon) -> list[Example]:
    chosen = labels(data)
    stood = {(label.id, label.turn): label.position for label in chosen}
    examples = []
    for one in texts.join(chosen, texts.stc3(data, language, "train")):
        label = one.label
        earlier = stood.get((label.id, label.turn - 1), label.position if label.turn > 1 else 0)
        calming = float(label.position < earlier) if earlier else None
        examples.append(Example(make(one.text, one.before, lexicon), label.id, label.evidence, calming, text=one.text))
    return examples


def _tweets(data: Path, lexicon: Lexicon) -> list[Example]:
    return [Example(make(tweet.text, (), lexicon), f"xci{tweet.id}", complaint=tweet.complaint,
                    severity=tweet.severity, text=tweet.text) for tweet in texts.xci(data, "train")]


def _dialogues(data: Path, language: Language, lexicon: Lexicon) -> list[Example]:
    examples = []
    for dialogue in texts.stc3(data, language, "train"):
        told = "\n".join(dialogue.caller)
        examples.append(Example(make(told, (), lexicon), dialogue.id, satisfaction=dialogue.satisfaction, text=told))
    return examples


def stack(examples: tuple[Example, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Buckets and weights, flat, with the row of each; dense features (n, DENSE)."""
    rows = np.repeat(np.arange(len(examples)), [len(e.features.buckets) for e in examples])
    return (np.concatenate([e.features.buckets for e in examples]),
            np.concatenate([e.features.weights for e in examples]), rows,
            np.stack([e.features.dense for e in examples]))
