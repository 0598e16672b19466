"""The best ear there is: the client's own transcript. Caller's sentences to phrases, rung and repeats, by text.

Partial results give phrases at once, and never the same phrase twice when they grow or become final; the turn comes
with the final. Of the agent's words one thing is asked: whether they acknowledge the caller's problem.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emotion.config import WordsConfig
from emotion.types import LANGUAGES, Heard, Language, Phrase, Repeat, Side, Span, Turn, Utterance
from emotion.words.lexicon import Lexicon, Match
from emotion.words.repeats import Memory, recall
from emotion.words.text import CONTEXT_TURNS, TextModel

BY = "transcript"


@dataclass(slots=True)
class State:
    """One call: what was said lately, and which phrases of the running partials were told already."""

    language: Language
    heard: bool = False
    """The client has sent a transcript; before that words are unavailable, not absent."""
    before: deque[tuple[Side, str]] = field(default_factory=lambda: deque(maxlen=CONTEXT_TURNS))
    told: Counter[str] = field(default_factory=Counter)
    """Phrases told from partials whose final has not come, by key."""
    partial: Span | None = None
    """Where the last partial was."""
    memory: Memory = field(default_factory=Memory)


class TranscriptReader:
    """Reads the client's transcript; lexicon and weights are shared, the state is per call."""

    def __init__(self, config: WordsConfig, lexicons: Mapping[Language, Lexicon] | None = None) -> None:
        """Open lexicons and weights; WeightsError or LexiconError say what is wrong with them."""
        self.config = config
        self.lexicons = dict(lexicons or {language: Lexicon.load(language) for language in LANGUAGES})
        self.model = TextModel(self.lexicons)

    def listen_for(self, lexicon: Lexicon) -> None:
        """Take another lexicon for its language from the next hop on; calls under way go on."""
        self.lexicons[lexicon.language] = lexicon

    def start(self, language: Language) -> State:
        """A fresh state for one call."""
        return State(language)

    def step(self, states: Sequence[State], utterances: Sequence[Sequence[Utterance]]) -> list[Heard]:
        """What each call's utterances of this hop say; calls without a transcript so far are 'words unavailable'."""
        return [self._read(state, said) for state, said in zip(states, utterances, strict=True)]

    def _read(self, state: State, said: Sequence[Utterance]) -> Heard:
        state.heard |= bool(said)
        if not said:
            return Heard(by=BY if state.heard else None)
        phrases: list[Phrase] = []
        finals: list[Utterance] = []
        acknowledged = None
        for utterance in said:
            if utterance.side == "agent":
                if self.lexicons[state.language].acknowledges(utterance.text):
                    acknowledged = utterance.span
                if utterance.final:
                    state.before.append(("agent", utterance.text))
            elif utterance.text.strip():
                phrases += self._new_phrases(state, utterance)
                if utterance.final:
                    finals.append(utterance)
        turn, repeat = self._turn(state, finals) if finals else (None, None)
        return Heard(BY, tuple(phrases), turn, repeat, acknowledged)

    def _new_phrases(self, state: State, utterance: Utterance) -> list[Phrase]:
        """Phrases of an utterance that its earlier partials have not told yet."""
        if state.partial and utterance.span.start >= state.partial.end:  # its final never came
            state.told = Counter()
        state.partial = None if utterance.final else utterance.span
        matches = self.lexicons[state.language].find(utterance.text)
        fresh, seen = [], Counter[str]()
        for match in matches:
            seen[match.term.key] += 1
            if seen[match.term.key] > state.told[match.term.key]:
                fresh.append(_phrase(match, utterance))
        # A recogniser may take words back: what a partial told stays told until the final settles the sentence.
        state.told = Counter() if utterance.final else state.told | seen
        return fresh

    def _turn(self, state: State, finals: Sequence[Utterance]) -> tuple[Turn, Repeat | None]:
        """Sentences that become final in one hop are one turn."""
        text = " ".join(utterance.text.strip() for utterance in finals)
        span = Span(min(u.span.start for u in finals), max(u.span.end for u in finals))
        estimate = self.model.read(state.language, text, tuple(state.before))
        repeat = recall(state.memory, state.language, text, span)
        state.before.append(("caller", text))
        return Turn(span, text, estimate.evidence, estimate.calming, estimate.carried_by), repeat


def _phrase(match: Match, utterance: Utterance) -> Phrase:
    """A match with its time, interpolated from its place in the sentence."""
    length, span = max(1, len(utterance.text)), utterance.span
    start = span.start + (span.end - span.start) * match.start // length
    end = span.start + (span.end - span.start) * match.end // length
    term = match.term
    return Phrase(term.key, match.text, term.rung, term.motive, Span(start, end), term.weight)
