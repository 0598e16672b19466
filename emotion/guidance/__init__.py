"""What to say first (the mood), what next (the matter), what never: cards by rung and motive, in both languages.

A card file (zh.toml, en.toml, or a tenant's own) has `[[card]]` entries with `rungs = [low, high]` and `motives`; the
first entry that fits rung and motive is taken, an entry without motives fits all. Texts are checked at load: every
card must stand in both languages and fit the screen. Kinds 'warn', 'ease' and 'care' have entries of their own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from emotion.types import LANGUAGES, Card, Language, Motive

FOLDER = Path(__file__).parent
Kind = Literal["raise", "warn", "ease", "care"]
STEPS: Mapping[Language, tuple[str, ...]] = {
    "zh": ("倾听", "共情", "确认", "解决", "回访", "反馈"),
    "en": ("listen", "empathise", "confirm", "solve", "call back", "report back"),
}
"""Complaint handling in six steps; a card names the one that is due."""
LONGEST: Mapping[Language, Mapping[str, int]] = {
    "zh": {"title": 14, "mood": 46, "matter": 56, "avoid": 44, "technique": 24},
    "en": {"title": 40, "mood": 120, "matter": 150, "avoid": 120, "technique": 60},
}
"""Characters that fit a card on a narrow screen."""
SPIN = ("situation", "problem", "implication", "need_payoff")


class GuidanceError(ValueError):
    """A card file cannot be used; the message says which card and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One card and when it is shown."""

    kind: Kind
    low: int
    high: int
    motives: tuple[str, ...]
    card: Card

    def fits(self, kind: Kind, rung: int, motive: Motive) -> bool:
        return self.kind == kind and self.low <= rung <= self.high and (not self.motives or motive in self.motives)


@dataclass(frozen=True, slots=True)
class Guidance:
    """All cards of both languages, and the SPIN questions for a need that is unclear."""

    entries: Mapping[Language, tuple[Entry, ...]]
    spin: Mapping[Language, Mapping[str, str]]

    def cards(self, kind: Kind, rung: int, motive: Motive) -> Mapping[Language, Card]:
        """The card for this moment in both languages."""
        return {language: next(entry.card for entry in self.entries[language] if entry.fits(kind, rung, motive))
                for language in LANGUAGES}

    def overridden(self, texts: Mapping[str, Mapping[str, Any]]) -> Guidance:
        """This guidance with a tenant's cards before it: language -> parsed file; GuidanceError if they do not fit."""
        unknown = set(texts) - set(LANGUAGES)
        if unknown:
            raise GuidanceError(f"no language {', '.join(sorted(unknown))}; there are: {', '.join(LANGUAGES)}")
        entries = {language: (*_entries(texts.get(language, {}), language), *self.entries[language])
                   for language in LANGUAGES}
        spin = {language: {**self.spin[language], **texts.get(language, {}).get("spin", {})} for language in LANGUAGES}
        if len({len(entries[language]) - len(self.entries[language]) for language in LANGUAGES}) > 1:
            raise GuidanceError("a tenant's cards must be given in both languages, one for one")
        return _checked(Guidance(entries, spin))


def load(folder: Path | str | None = None) -> Guidance:
    """The shipped cards, with those of `folder` (zh.toml and en.toml) before them."""
    raw = {language: _read(FOLDER / f"{language}.toml") for language in LANGUAGES}
    shipped = _checked(Guidance({language: _entries(raw[language], language) for language in LANGUAGES},
                                {language: raw[language].get("spin", {}) for language in LANGUAGES}))
    if folder is None:
        return shipped
    return shipped.overridden({language: _read(Path(folder) / f"{language}.toml") for language in LANGUAGES})


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise GuidanceError(f"{path}: {error}") from error


def _entries(raw: Mapping[str, Any], language: Language) -> tuple[Entry, ...]:
    return tuple(_entry(row, language, number) for number, row in enumerate(raw.get("card", []), 1))


def _entry(row: Mapping[str, Any], language: Language, number: int) -> Entry:
    where = f"{language} card {number} ({row.get('title', 'without title')})"
    missing = {"title", "rungs", "mood", "matter", "avoid", "technique", "step"} - set(row)
    if missing:
        raise GuidanceError(f"{where}: missing {', '.join(sorted(missing))}")
    kind, motives, moods = row.get("kind", "raise"), tuple(row.get("motives", ())), tuple(row["mood"])
    strange = set(motives) - set(get_args(Motive))
    if kind not in get_args(Kind) or strange:
        raise GuidanceError(f"{where}: unknown kind or motive: {kind} {' '.join(sorted(strange))}")
    if not 0 <= row["rungs"][0] <= row["rungs"][1] <= 6:
        raise GuidanceError(f"{where}: rungs must be [low, high] within 0-6")
    if not 1 <= len(moods) <= 3:
        raise GuidanceError(f"{where}: one to three wordings for the mood, not {len(moods)}")
    if row["step"] not in STEPS[language]:
        raise GuidanceError(f"{where}: step must be one of {', '.join(STEPS[language])}")
    texts = {key: [row[key]] for key in ("title", "matter", "avoid", "technique")} | {"mood": list(moods)}
    for key, lines in texts.items():
        for line in lines:
            if not line.strip() or len(line) > LONGEST[language][key]:
                raise GuidanceError(f"{where}: {key} has {len(line)} characters; 1 to {LONGEST[language][key]} fit")
    card = Card(row["title"], moods, row["matter"], row["avoid"], row["technique"], row["step"])
    return Entry(kind, row["rungs"][0], row["rungs"][1], motives, card)


def _checked(guidance: Guidance) -> Guidance:
    """Every kind, rung and motive has a card in both languages, and the languages show them alike."""
    shapes = [[(e.kind, e.low, e.high, e.motives) for e in guidance.entries[language]] for language in LANGUAGES]
    if shapes[0] != shapes[1]:
        raise GuidanceError("zh and en must have the same cards in the same order")
    needed: Sequence[tuple[Kind, range]] = (("raise", range(1, 7)), ("warn", range(5)), ("ease", range(7)),
                                            ("care", range(7)))
    for kind, rungs in needed:
        for rung in rungs:
            for motive in get_args(Motive):
                if not any(entry.fits(kind, rung, motive) for entry in guidance.entries["zh"]):
                    raise GuidanceError(f"no card of kind {kind} for rung {rung} and motive {motive}")
    for language in LANGUAGES:
        if set(guidance.spin[language]) != set(SPIN):
            raise GuidanceError(f"{language}: [spin] must have {', '.join(SPIN)}")
    return guidance
