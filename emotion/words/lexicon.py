"""The lexicon: sensitive phrases with the rung that they speak for, found in text with character offsets.

A file (zh.toml, en.toml, or a tenant's own) has one table per motive and rung, `[waiting.2]`, and in it one line per
phrase: `key = [variants]`, or `key = { say = [variants], weight = 0.7, not_before = [...], not_after = [...] }`.
In a variant `{n}` stands for a number and `…` for up to eight characters or words of the same sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self, get_args

from emotion.types import Language, Motive
from emotion.words.characters import simplify
from emotion.words.pronounce import numerals, syllables, to_phonemes

FOLDER = Path(__file__).parent
MOTIVES: tuple[str, ...] = get_args(Motive)
NUMBER, GAP = "{n}", "…"
GAP_LENGTH = 8
NUMERAL = {"zh": re.compile(r"[0-9０-９一二两三四五六七八九十百千几半多好数无]+|\[num\]"),
           "en": re.compile(r"\d+|one|two|three|four|five|six|seven|eight|nine|ten|a|an|several|many|few|couple|"
                            r"dozens?|hundreds?|second|third|fourth|fifth|sixth|\d+(?:st|nd|rd|th)")}
TOKENS = {"zh": re.compile(r"\[NUM\]|[a-z0-9]+|[^\s]", re.I), "en": re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")}
STOP = frozenset(".!?;。！？；…\n")
QUOTES = re.compile(r"“[^”]*”|「[^」]*」|『[^』]*』|\"[^\"]*\"")
CONTEXT = 24
"""Characters before and after a match that negation and exceptions look at."""


class LexiconError(ValueError):
    """A lexicon file cannot be used; the message says which entry and why."""


@dataclass(frozen=True, slots=True)
class Term:
    """One phrase with all its spoken and written forms."""

    key: str
    rung: int
    motive: Motive
    say: tuple[str, ...]
    weight: float = 1.0
    """How surely the phrase, once said, speaks for its rung, 0-1; ears multiply it into the score."""
    negatable: bool = True
    not_before: tuple[str, ...] = ()
    """Patterns right before a match that make it mean something else."""
    not_after: tuple[str, ...] = ()
    """Patterns right after it that do."""


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase found in a text, `text[start:end]`."""

    term: Term
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """A variant as it sounds: toneless pinyin syllables (zh) or ARPAbet phonemes without stress (en)."""

    term: Term
    text: str
    units: tuple[str, ...]


class Token(NamedTuple):
    """A character (zh) or word (en) of a text, folded, and where it stands."""

    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    term: Term | None = None


@dataclass(frozen=True)
class Lexicon:
    """All phrases of one language, a value: adding phrases makes a new one and leaves calls under way undisturbed."""

    language: Language
    terms: tuple[Term, ...]
    negators: tuple[str, ...] = ()
    acknowledgements: tuple[str, ...] = ()
    pronounced: Mapping[str, str] = field(default_factory=dict)
    """Pronunciations that override the derived ones: a variant or a word to its units, separated by spaces."""

    @classmethod
    def load(cls, language: Language, extra: Iterable[Path | str | Term] = ()) -> Self:
        """The shipped phrases of a language, then the tenant's: files of the same form, or terms made by the caller.

        A later phrase replaces an earlier one of the same key; `key = false` in a file takes one out.
        """
        lexicon = cls(language, ()).adding(FOLDER / f"{language}.toml")
        for item in extra:
            lexicon = lexicon.adding(item)
        return lexicon

    def adding(self, item: Path | str | Term) -> Self:
        """This lexicon with one more file or phrase."""
        if isinstance(item, Term):
            _check(item, item.key)
            return replace(self, terms=(*(term for term in self.terms if term.key != item.key), item))
        content = _read(Path(item))
        terms, dropped = _terms(content, str(item))
        gone = dropped | {term.key for term in terms}
        return replace(self, terms=(*(term for term in self.terms if term.key not in gone), *terms),
                       negators=(*self.negators, *content.get("negation", ())),
                       acknowledgements=(*self.acknowledgements, *content.get("acknowledgements", ())),
                       pronounced={**self.pronounced, **content.get("pronounce", {})})

    def __getitem__(self, key: str) -> Term:
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def find(self, text: str) -> tuple[Match, ...]:
        """Phrases in a text in order; longest match wins; negated, quoted and excepted ones are left out."""
        tokens = tokenise(text, self.language)
        found = [(spots, term) for begin in range(len(tokens)) for spots, term in self._longest(tokens, begin)]
        found.sort(key=lambda one: (-len(one[0]), one[0][0]))
        taken: set[int] = set()
        matches = []
        quoted = [quote.span() for quote in QUOTES.finditer(text)]
        for spots, term in found:
            if taken.isdisjoint(spots):
                taken.update(spots)
                start, end = tokens[spots[0]].start, tokens[spots[-1]].end
                if self._means_it(term, text, start, end, quoted):
                    matches.append(Match(term, start, end, text[start:end]))
        return tuple(sorted(matches, key=lambda match: (match.start, match.end)))

    def acknowledges(self, text: str) -> bool:
        """Whether an agent's words acknowledge the caller's problem (apology, empathy, taking it on)."""
        return self._acknowledging.search(text) is not None

    def units(self) -> tuple[Spoken, ...]:
        """Every variant that can be heard, with its units; `{n}` as the usual numbers, variants with a gap left out.

        Homophones of one phrase come once; a homophone of two phrases belongs to the first.
        """
        spoken: dict[tuple[str, ...], Spoken] = {}
        for term in self.terms:
            for say in term.say:
                for variant in numerals(say, self.language) if GAP not in say else ():
                    units = self._pronounce(variant)
                    if units:
                        spoken.setdefault(units, Spoken(term, variant, units))
        return tuple(spoken.values())

    def _pronounce(self, variant: str) -> tuple[str, ...]:
        if self.language == "zh":
            return syllables(variant, self.pronounced)
        return to_phonemes(variant, self.pronounced)

    def _longest(self, tokens: Sequence[Token], begin: int) -> Iterator[tuple[tuple[int, ...], Term]]:
        best: dict[bool, tuple[tuple[int, ...], Term]] = {}
        for spots, term in self._walk(self._trie, tokens, begin, ()):
            gapped = spots[-1] - spots[0] >= len(spots)
            if gapped not in best or len(spots) > len(best[gapped][0]):
                best[gapped] = (spots, term)
        yield from best.values()

    def _walk(self, node: _Node, tokens: Sequence[Token], at: int,
              spots: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Term]]:
        if node.term is not None:
            yield spots, node.term
        if at < len(tokens) and (following := node.next.get(tokens[at].text)):
            yield from self._walk(following, tokens, at + 1, (*spots, at))
        if number := node.next.get(NUMBER):
            end = at
            while end < min(at + 4, len(tokens)) and NUMERAL[self.language].fullmatch(tokens[end].text):
                end += 1
                yield from self._walk(number, tokens, end, (*spots, *range(at, end)))
        if gap := node.next.get(GAP):
            for end in range(at, min(at + GAP_LENGTH + 1, len(tokens))):
                yield from self._walk(gap, tokens, end, spots)
                if tokens[end].text in STOP:
                    break

    def _means_it(self, term: Term, text: str, start: int, end: int, quoted: Sequence[tuple[int, int]]) -> bool:
        if any(left < start and end < right for left, right in quoted):
            return False
        before, after = text[max(0, start - CONTEXT):start].lower(), text[end:end + CONTEXT].lower()
        if term.negatable and self._negating is not None and self._negating.search(before):
            return False
        if any(re.search(f"(?:{pattern})$", before) for pattern in term.not_before):
            return False
        return not any(re.match(pattern, after) for pattern in term.not_after)

    @cached_property
    def _by_key(self) -> Mapping[str, Term]:
        return {term.key: term for term in self.terms}

    @cached_property
    def _negating(self) -> re.Pattern[str] | None:
        return re.compile(f"(?:{'|'.join(self.negators)})$") if self.negators else None

    @cached_property
    def _acknowledging(self) -> re.Pattern[str]:
        return re.compile("|".join(self.acknowledgements) or r"(?!)", re.IGNORECASE)

    @cached_property
    def _trie(self) -> _Node:
        root = _Node()
        for term in self.terms:
            for say in term.say:
                node = root
                for part in _parts(say, self.language):
                    node = node.next.setdefault(part, _Node())
                node.term = node.term or term
        return root

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def tokenise(text: str, language: Language) -> tuple[Token, ...]:
    """Characters (zh; Latin words and digits whole) or words (en) with their offsets, in lower case."""
    return tuple(Token(_fold(found.group()), *found.span()) for found in TOKENS[language].finditer(text))


def _fold(token: str) -> str:
    if len(token) == 1:
        return simplify(token).lower()
    return token.lower().replace("’", "").replace("'", "") or token


def _parts(say: str, language: Language) -> Iterator[str]:
    for piece in re.split(r"(\{n\}|…)", say):
        if piece in (NUMBER, GAP):
            yield piece
        else:
            yield from (token.text for token in tokenise(piece, language))


@lru_cache(maxsize=64)
def _parse(content: str) -> dict[str, Any]:
    return tomllib.loads(content)


def _read(path: Path) -> dict[str, Any]:
    try:
        return _parse(path.read_text("utf-8"))
    except OSError as error:
        raise LexiconError(f"{path}: {error.strerror or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise LexiconError(f"{path}: {error}") from error


def _terms(content: Mapping[str, Any], where: str) -> tuple[list[Term], set[str]]:
    terms, dropped = [], set()
    for motive in (name for name in content if name in MOTIVES):
        for rung, entries in content[motive].items():
            for key, entry in entries.items():
                if entry is False:
                    dropped.add(key)
                    continue
                facts = {"say": entry} if isinstance(entry, list) else dict(entry)
                terms.append(_term(key, rung, motive, facts, where))
    unknown = set(content) - set(MOTIVES) - {"negation", "acknowledgements", "pronounce"}
    if unknown:
        raise LexiconError(f"{where}: no motive is called {', '.join(sorted(unknown))}; there are {', '.join(MOTIVES)}")
    keys = [term.key for term in terms]
    if len(keys) != len(set(keys)):
        raise LexiconError(f"{where}: twice there: {', '.join(sorted({key for key in keys if keys.count(key) > 1}))}")
    return terms, dropped


def _term(key: str, rung: str, motive: str, facts: dict[str, Any], where: str) -> Term:
    try:
        lists = {name: tuple(facts.pop(name)) for name in ("say", "not_before", "not_after") if name in facts}
        term = Term(key=key, rung=int(rung), motive=motive, **lists, **facts)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise LexiconError(f"{where}: [{motive}.{rung}] {key}: {error}") from error
    _check(term, f"{where}: {key}")
    return term


def _check(term: Term, where: str) -> None:
    if not 0 <= term.rung <= 6 or not 0 < term.weight <= 1 or term.motive not in MOTIVES:
        raise LexiconError(f"{where}: rung must be 0-6, weight above 0 and at most 1, motive one of the known")
    if not term.say or not all(isinstance(say, str) and say.strip(" …") for say in term.say):
        raise LexiconError(f"{where}: needs at least one variant that is not empty")
    for pattern in (*term.not_before, *term.not_after):
        try:
            re.compile(pattern)
        except re.error as error:
            raise LexiconError(f"{where}: {pattern!r} is no pattern: {error}") from error
