"""The caller says again what was said before (不要让我重复讲): similarity of turns by character n-grams.

A turn is remembered as the set of its pairs of characters (zh) or its words and pairs of words (en). What is common
in any call (please, 请问, the) counts little: each piece weighs by its length and by how seldom it came in this call.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, deque
from dataclasses import dataclass, field

from emotion.types import Language, Repeat, Span

LEAST = 3
"""Pieces that a turn must have to be a repeat at all: 好的 said twice is none."""
SIMILAR = 0.45
"""One pair in 2,500 of unrelated customers' turns is as similar as this."""
KEPT = 40
EMPTY = {
    "zh": re.compile(r"请问|你好|您好|谢谢|那个|这个|就是|什么|怎么|可以|我们|你们|不是|没有|一下|知道|我的|现在|你的|"
                     r"还是|已经"),
    "en": re.compile(r"\b(?:the|a|an|is|it|to|of|and|i|you|my|me|for|in|on|that|this|be|are|was|please|hello|hi|"
                     r"thank|thanks|have|do|with|so|but|not|your|ok|okay|yes|no|can|could|will|would|there|just)\b"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A caller turn as remembered: its pieces and when it was."""

    span: Span
    text: str
    pieces: frozenset[str]


@dataclass(slots=True)
class Memory:
    """What one caller has said so far."""

    said: deque[Said] = field(default_factory=lambda: deque(maxlen=KEPT))


def recall(memory: Memory, language: Language, text: str, span: Span) -> Repeat | None:
    """The earlier turn that this one repeats, if any; the turn is remembered either way."""
    now = Said(span, text, pieces(text, language))
    best: tuple[float, Said] | None = None
    if len(now.pieces) >= LEAST:
        seen = Counter(piece for said in memory.said for piece in said.pieces)
        for said in memory.said:
            alike = similarity(now, said, seen, len(memory.said))
            if len(said.pieces) >= LEAST and alike >= SIMILAR and (best is None or alike >= best[0]):
                best = alike, said
    memory.said.append(now)
    return Repeat(span, best[1].span, round(best[0], 3), best[1].text) if best else None


def similarity(now: Said, said: Said, seen: Counter[str], turns: int) -> float:
    """Weighted overlap, 0-1: what both have, over what the shorter of them has."""
    def mass(some: frozenset[str]) -> float:
        return sum(math.log(1 + (turns + 1) / (1 + seen[piece])) for piece in some)

    shorter = min(mass(now.pieces), mass(said.pieces))
    longer = max(mass(now.pieces), mass(said.pieces))
    common = mass(now.pieces & said.pieces)
    # A short remark inside a long story is no repeat of the story: the longer one counts for a third.
    return common / (2 / 3 * shorter + 1 / 3 * longer) if shorter else 0.0


def pieces(text: str, language: Language) -> frozenset[str]:
    """Pairs of characters, or words and pairs of words, without the empty ones."""
    bare = re.sub(r"@[\w\-]+", " ", text.lower())
    if language == "zh":
        runs = re.findall(r"\w+", EMPTY["zh"].sub(" ", bare))
        return frozenset(run[at : at + 2] for run in runs for at in range(len(run) - 1))
    words = re.findall(r"[\w']+", EMPTY["en"].sub(" ", bare))
    return frozenset(words) | frozenset(" ".join(pair) for pair in itertools.pairwise(words))
