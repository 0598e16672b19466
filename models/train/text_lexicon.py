"""docs/lexicon.md: how often each phrase of the lexicons was found in labelled turns, and what those were labelled.

A turn's evidence is its highest, so a phrase is held against it only when the mean label lies well below its rung:
by more than CONTRADICTS with at least ENOUGH turns. Such phrases may not be in the lexicon; the command then fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.datasets import texts
from emotion.types import LANGUAGES, RUNGS, Language
from emotion.words.lexicon import Lexicon, Term
from models.train.text_data import labels

ENOUGH, CONTRADICTS = 5, 1.5
CALM_AT_MOST = 2.5
"""Highest mean evidence of turns with a calming phrase; people thank in anger too."""
HEAD = """# The lexicon and its evidence

Made by `python -m models.train text --lexicon`; do not edit. Phrases stand in `emotion/words/zh.toml` and `en.toml`,
under the rung that they speak for (docs/ladder.md). *Turns* is how many labelled customer turns contain the phrase in
any of its variants, *label* their mean evidence (a turn's evidence is its highest, so it may lie above the rung),
*dialogues* in how many helpdesk dialogues it stands and *satisfaction* what 19 readers gave those on average (all
dialogues: {all}). Chinese: {zh_turns} labelled turns and {zh_dialogues} dialogues; English: translations of
{en_turns} and {en_dialogues} of them, and in *tweets* the share that readers called a complaint.
A phrase that the data contradict is out: more than {below} below its rung with {enough} turns or more. A dash is no
evidence in written service talk: such a phrase stands by the codebook alone.
"""


@dataclass(slots=True)
class Evidence:
    """What was seen of one phrase."""

    turns: list[int] = field(default_factory=list)
    dialogues: list[float] = field(default_factory=list)
    tweets: list[bool] = field(default_factory=list)


def collect(data: Path, lexicon: Lexicon) -> Mapping[str, Evidence]:
    """Where each phrase stands, by key; no dev file is opened."""
    seen: dict[str, Evidence] = defaultdict(Evidence)
    dialogues = texts.stc3(data, lexicon.language, "train")
    for turn in texts.join(labels(data), dialogues):
        for key in _keys(lexicon, turn.text):
            seen[key].turns.append(turn.label.evidence)
    for dialogue in dialogues:
        for key in _keys(lexicon, "\n".join(dialogue.caller)):
            seen[key].dialogues.append(dialogue.satisfaction or 0.0)
    for tweet in texts.xci(data, "train") if lexicon.language == "en" else ():
        for key in _keys(lexicon, tweet.text):
            seen[key].tweets.append(tweet.complaint)
    return seen


def _keys(lexicon: Lexicon, text: str) -> set[str]:
    return {match.term.key for match in lexicon.find(text)}


def contradicted(term: Term, evidence: Evidence) -> bool:
    """Whether the labels speak against the phrase's rung."""
    if len(evidence.turns) < ENOUGH:
        return False
    mean = float(np.mean(evidence.turns))
    return mean > CALM_AT_MOST if term.motive == "calming" else mean < term.rung - CONTRADICTS


def write(data: Path, path: Path) -> int:
    """Write the table; 1 where a phrase is contradicted, which is then named."""
    lexicons = {language: Lexicon.load(language) for language in LANGUAGES}
    found = {language: collect(data, lexicon) for language, lexicon in lexicons.items()}
    wrong = [f"{language}: {term.key} ({term.rung}): mean {np.mean(found[language][term.key].turns):.1f} in "
             f"{len(found[language][term.key].turns)} turns"
             for language, lexicon in lexicons.items() for term in lexicon.terms
             if contradicted(term, found[language][term.key])]
    parts = [_head(data), *(_table(lexicons[language], found[language]) for language in LANGUAGES)]
    path.write_text("\n".join(parts), "utf-8")
    print(f"{path}: " + ", ".join(f"{len(lexicon.terms)} {language}" for language, lexicon in lexicons.items()))
    for line in wrong:
        print(f"contradicted: {line}")
    return int(bool(wrong))


def _head(data: Path) -> str:
    count: dict[str, object] = {"below": CONTRADICTS, "enough": ENOUGH}
    for language in LANGUAGES:
        dialogues = texts.stc3(data, language, "train")
        count[f"{language}_turns"] = len(texts.join(labels(data), dialogues))
        count[f"{language}_dialogues"] = len(dialogues)
        if language == "zh":
            count["all"] = f"{np.mean([dialogue.satisfaction or 0.0 for dialogue in dialogues]):.2f}"
    return HEAD.format(**count)


def _table(lexicon: Lexicon, found: Mapping[str, Evidence]) -> str:
    language = lexicon.language
    title = {"zh": "Mandarin", "en": "English"}[language]
    tweets = " tweets |" if language == "en" else ""
    lines = [f"## {title}: {len(lexicon.terms)} phrases, {sum(len(term.say) for term in lexicon.terms)} variants"]
    for rung, name in enumerate(RUNGS):
        lines += [f"\n### {rung} {name[language]}\n",
                  f"| phrase | motive | variants | turns | label | dialogues | satisfaction |{tweets}",
                  "|---|---|---|---|---|---|---|" + ("---|" if tweets else "")]
        lines += [_row(term, found[term.key] if term.key in found else Evidence(), language)
                  for term in lexicon.terms if term.rung == rung]
    return "\n".join(lines) + "\n"


def _row(term: Term, evidence: Evidence, language: Language) -> str:
    most = 5 if language == "zh" else 4
    shown = ("、" if language == "zh" else ", ").join(term.say[:most])
    more = f" +{len(term.say) - most}" if len(term.say) > most else ""
    cells = [f"`{term.key}`", term.motive, shown.replace("|", "\\|") + more, str(len(evidence.turns) or "—"),
             _mean(evidence.turns, 1), str(len(evidence.dialogues) or "—"), _mean(evidence.dialogues, 2)]
    if language == "en":
        cells.append(f"{len(evidence.tweets)}, {100 * np.mean(evidence.tweets):.0f} %" if evidence.tweets else "—")
    return "| " + " | ".join(cells) + " |"


def _mean(values: Sequence[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f}" if values else "—"
