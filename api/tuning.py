"""What a tenant may set: thresholds, phrases of its own, cards of its own; checked here, and made into an engine.

A tenant without settings shares the one engine; another gets a copy of it that shares every model and differs only
in the stages that its settings touch. Calls under way keep the engine that they began with.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast, get_args

import numpy as np

from emotion import __version__
from emotion.alerts import Alerter
from emotion.engine import Engine
from emotion.guidance import GuidanceError
from emotion.talk import TalkMeter
from emotion.types import LANGUAGES, RATE, Card, Language, Motive
from emotion.weights import manifest
from emotion.words.lexicon import Lexicon, LexiconError, Term
from emotion.words.spotter import Spotter
from emotion.words.transcript import TranscriptReader

Name = Literal["thresholds", "lexicon", "guidance"]
NAMES: tuple[Name, ...] = get_args(Name)
MOST_PHRASES = 2000
MOST_CARDS = 500
RANGES = {"dead_air_s": (0.5, 120.0), "interruption_s": (0.1, 30.0), "false_alerts_per_hour": (0.01, 60.0)}
EMPTY: Mapping[str, Mapping[str, Any]] = {"thresholds": {}, "lexicon": {"zh": [], "en": []},
                                          "guidance": {"zh": {}, "en": {}}}


class TuningError(ValueError):
    """A setting that cannot be; the message says which part and why."""


@dataclass(slots=True)
class Tuned:
    """One tenant's settings and the engine that they make."""

    documents: dict[str, Mapping[str, Any]]
    engine: Engine


class Tuning:
    """All tenants' settings in memory."""

    def __init__(self, engine: Engine) -> None:
        self._base = engine
        self._tenants: dict[str, Tuned] = {}

    def load(self, documents: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Take over what the store has; only tenants whose settings changed get a new engine."""
        tenants: dict[str, dict[str, Mapping[str, Any]]] = {}
        for (tenant, name), body in documents.items():
            if name in NAMES:
                tenants.setdefault(tenant, {})[name] = body
        for tenant, bodies in tenants.items():
            if tenant not in self._tenants or self._tenants[tenant].documents != bodies:
                self._tenants[tenant] = Tuned(bodies, self._made(bodies))
        for tenant in set(self._tenants) - set(tenants):
            del self._tenants[tenant]

    def document(self, tenant: str, name: Name) -> dict[str, Any]:
        """A setting as it counts now, defaults filled in."""
        own = self._tenants[tenant].documents.get(name, {}) if tenant in self._tenants else {}
        return {**(self._defaults() if name == "thresholds" else EMPTY[name]), **own}

    def changed(self, tenant: str, name: Name, body: Mapping[str, Any]) -> dict[str, Any]:
        """The setting with `body` put over it, checked: TuningError for what cannot be."""
        document = {**self.document(tenant, name), **body}
        check = {"thresholds": _check_thresholds, "lexicon": _check_lexicon, "guidance": _check_guidance}[name]
        check(document)
        others = dict(self._tenants[tenant].documents) if tenant in self._tenants else {}
        self._made({**others, name: document})
        return document

    def engine(self, tenant: str) -> Engine:
        """The engine for new calls of a tenant."""
        return self._tenants[tenant].engine if tenant in self._tenants else self._base

    def language(self, tenant: str) -> str:
        """The language of calls that did not say theirs."""
        return str(self.document(tenant, "thresholds")["language"])

    def quiet(self, tenant: str) -> frozenset[int]:
        """Rungs at which nobody is told."""
        return frozenset(self.document(tenant, "thresholds")["quiet_rungs"])

    def _defaults(self) -> dict[str, Any]:
        config = self._base.config
        return {"language": "auto", "dead_air_s": config.talk.dead_air_s,
                "interruption_s": config.talk.interruption_s,
                "false_alerts_per_hour": config.alerts.false_alerts_per_hour, "quiet_rungs": []}

    def _made(self, documents: Mapping[str, Mapping[str, Any]]) -> Engine:
        base, engine = self._base, copy.copy(self._base)
        if numbers := documents.get("thresholds"):
            talk = replace(base.config.talk, dead_air_s=numbers["dead_air_s"], interruption_s=numbers["interruption_s"])
            alerts = replace(base.config.alerts, false_alerts_per_hour=numbers["false_alerts_per_hour"])
            engine.config = replace(base.config, talk=talk, alerts=alerts)
            engine.talk = TalkMeter(talk)
        if any((cards := documents.get("guidance", EMPTY["guidance"])).values()) or numbers:
            try:
                guidance = base.alerter.guidance.overridden({one: {"card": _cards(cards[one])} for one in LANGUAGES})
            except GuidanceError as fault:
                raise TuningError(str(fault)) from fault
            engine.alerter = Alerter(engine.config.alerts, guidance)
        if any((phrases := documents.get("lexicon", EMPTY["lexicon"])).values()):
            lexicons = {one: _lexicon(one, phrases[one]) for one in LANGUAGES}
            engine.transcript = TranscriptReader(engine.config.words, lexicons)
            engine.spotter = Spotter(engine.config.words, engine.config.threads)
            for lexicon in lexicons.values():
                engine.spotter.listen_for(lexicon)
            warmed(engine)
        return engine


def warmed(engine: Engine) -> Engine:
    """The engine after a made-up second in each language: what is opened at first use is open before a call comes."""
    for language in LANGUAGES:
        call = engine.open("warm", language=language, sides=("caller", "agent"))
        call.push({side: np.zeros(RATE, np.float32) for side in call.sides})
        while call.ready:
            engine.step([call])
    return engine


def _lexicon(language: Language, phrases: list[Mapping[str, Any]]) -> Lexicon:
    try:
        return Lexicon.load(language, [_term(row) for row in phrases])
    except LexiconError as fault:
        raise TuningError(str(fault)) from fault


def _term(row: Mapping[str, Any]) -> Term:
    key = "own-" + hashlib.sha256(row["text"].encode()).hexdigest()[:12]
    return Term(key, row["rung"], cast(Motive, row["motive"]), (row["text"],))


def _cards(cards: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    made = []
    for place, card in sorted(cards.items()):
        motive, _, rung = place.partition("/")
        made.append({**card, "motives": [motive], "rungs": [int(rung), int(rung)]})
    return made


def _check_thresholds(document: Mapping[str, Any]) -> None:
    unknown = set(document) - {"language", "quiet_rungs", *RANGES}
    if unknown:
        raise TuningError(f"unknown: {', '.join(sorted(unknown))[:200]}")
    if document["language"] not in ("zh", "en", "auto"):
        raise TuningError("language must be zh, en or auto")
    for name, (low, high) in RANGES.items():
        value = document[name]
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise TuningError(f"{name} must be a number from {low:g} to {high:g}")
    quiet = document["quiet_rungs"]
    if not isinstance(quiet, list) or any(type(rung) is not int or not 1 <= rung <= 6 for rung in quiet):
        raise TuningError("quiet_rungs must be a list of rungs from 1 to 6")


def _check_lexicon(document: Mapping[str, Any]) -> None:
    for rows in _by_language(document, list, MOST_PHRASES):
        for row in rows:
            if not isinstance(row, dict) or set(row) != {"text", "rung", "motive"}:
                raise TuningError("a phrase has text, rung and motive, and nothing else")
            if not isinstance(row["text"], str) or not 1 <= len(row["text"].strip()) <= 80:
                raise TuningError("the text of a phrase has 1 to 80 characters")
            if type(row["rung"]) is not int or not 0 <= row["rung"] <= 6 or row["motive"] not in get_args(Motive):
                raise TuningError(f"{row['text'][:80]!r}: rung must be 0-6 and motive one of "
                                  f"{', '.join(get_args(Motive))}")


def _check_guidance(document: Mapping[str, Any]) -> None:
    names = {one.name for one in fields(Card)}
    for cards in _by_language(document, dict, MOST_CARDS):
        for place, card in cards.items():
            motive, _, rung = place.partition("/")
            if motive not in get_args(Motive) or rung not in set("123456"):
                raise TuningError(f"{place[:80]!r} must be MOTIVE/RUNG, such as waiting/3")
            if not isinstance(card, dict) or set(card) != names:
                raise TuningError(f"{place}: a card has {', '.join(sorted(names))}")
            lines = card["mood"] if isinstance(card["mood"], list) else [None]
            if not all(isinstance(text, str) for text in (*lines, *(card[name] for name in names - {"mood"}))):
                raise TuningError(f"{place}: texts are strings; mood is a list of one to three of them")


def _by_language(document: Mapping[str, Any], kind: type[list[Any]] | type[dict[str, Any]], most: int) -> list[Any]:
    if set(document) != set(LANGUAGES):
        raise TuningError(f"the languages are {' and '.join(LANGUAGES)}")
    for value in document.values():
        if not isinstance(value, kind) or len(list(value)) > most:
            raise TuningError(f"each language holds at most {most} entries")
    return list(document.values())


def facts(engine: Engine) -> dict[str, Any]:
    """What clients are told about the engine: version and the weights in use."""
    others = {name for name in manifest() if name.startswith("mood-")} - {engine.config.mood.weights}
    used = sorted(set(manifest()) - others)
    return {"version": __version__,
            "models": {name: {"sha256": manifest()[name]["sha256"][:12], "licence": manifest()[name]["licence"],
                              "commercial_use": manifest()[name]["commercial_use"]} for name in used}}
