"""Sensitive words in audio: recall at a false-alarm budget, delay and cost, for each ear.

Real speech (`telephone/zh`): all utterances of words/aishell, one speaker that no training has seen; keywords are all
words of two or more syllables (jieba) in at least six of them; one threshold for all; a hit in an utterance that does
not say the word, or beyond as often as it says it, is a false alarm. `telephone/zh-strings` takes neighbouring words
of four to eight syllables together. Synthetic speech (`telephone/zh-synthetic`, `telephone/en-synthetic`): lexicon
phrases said by the held-out voices; false alarms on those recordings that do not say them and on real speech
(words/aishell, words/calls_en); a third part of the condition is one voice at the common threshold. Delay is from the
end of the phrase to the end of the hop that reports it. PocketSphinx is a peer for English.
"""

from __future__ import annotations

import itertools
import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import numpy as np

from benchmarks import simulate
from benchmarks.datasets import words
from benchmarks.metrics.words import Candidate, at_budget, candidates
from benchmarks.peers import words as sphinx
from benchmarks.task import SYSTEM, Options, Row, cpu_ms
from emotion.types import FRAMES, HOP, RATE, Activity, Audio, Language, Mask
from emotion.voice.logmel import LogMel
from emotion.words import pull
from emotion.words.ears import BundledEar, Ear
from emotion.words.fsmn import FILES, FsmnEar
from emotion.words.hama import HamaEar
from emotion.words.lexicon import Lexicon
from emotion.words.listen import PhraseListener, posteriors
from emotion.words.pronounce import syllables, to_phonemes

SUMMARY = "sensitive words heard in audio: recall at false alarms per hour, delay, cost; real and synthetic apart"
TASK = "words"
BUDGETS = (0.5, 2, 5)
LEAST = 6
"""Utterances that a word must be in to be a keyword."""
validate = words.missing


def evaluate(options: Options) -> Iterator[Row]:
    """Rows of each ear that is there; peers are the ears that are not our own."""
    spoken, made = words.real(options.data), [item for item in words.synthetic(options.data) if item.held_out]
    real = words.part(spoken, "aishell")[:: 10 if options.quick else 1]
    for system, ear in ears(options):
        language: Language = ear.language
        voices = [item for item in made if item.language == language][:: 8 if options.quick else 1]
        calm = real if language == "zh" else words.part(spoken, "calls_en")
        lines = ("telephone",) if options.quick or system != SYSTEM else ("telephone", "clean", "pink10")
        for line in lines:
            heard = listen(ear, calm, line, options)
            if language == "zh":
                common = keywords(real, 2 if options.quick else LEAST)
                yield from _recalls(system, f"{line}/zh", ear, common, real, heard)
                if line == "telephone":
                    yield from _recalls(system, f"{line}/zh-strings", ear, strings(real, options.seed), real, heard)
            options.say(f"{system} {language} {line}: real speech done")
            phrases = said_phrases(Lexicon.load(language), voices, 2 if options.quick else 4)
            both = [*voices, *calm]
            numbers = [_counts(phrases, item) for item in both]
            found = candidates(ear, patterns(ear, phrases), [*listen(ear, voices, line, options), *heard], numbers)
            yield from _points(system, f"{line}/{language}-synthetic", found, both, numbers)
            if line == "telephone":
                yield from _by_voice(system, f"{line}/{language}-synthetic", found, both, numbers)
        yield from _delays(system, ear, voices, options)
        yield from _costs(system, ear, voices, options)
    if options.peers and find_spec("pocketsphinx") is not None:
        english = [item for item in made if item.language == "en"][:: 8 if options.quick else 1]
        yield from _sphinx([*english, *words.part(spoken, "calls_en")], 2 if options.quick else 4, options)


def ears(options: Options) -> Iterator[tuple[str, Ear]]:
    """Our own, then the fetched FSMN and hama where they are there."""
    for language in ("zh", "en"):
        yield SYSTEM, BundledEar(language)
    places = [pull.CACHE / "fsmn-zh", options.data.parent / "models" / "fsmn_ctc_zh"]
    folder = next((place for place in places if all((place / name).is_file() for name in FILES)), None)
    if options.peers and folder is not None:
        yield "fsmn", FsmnEar(folder)
    if options.peers and find_spec("hama") is not None:
        yield "hama", HamaEar()


def listen(ear: Ear, items: Sequence[words.Spoken], line: str, options: Options) -> list[Audio]:
    """Posteriors of whole recordings through a line."""
    return posteriors(ear, LogMel(), [simulate.degrade(words.read(item, RATE), RATE, line, options.seed, options.data)
                                      for item in items])


def keywords(items: Sequence[words.Spoken], least: int = LEAST) -> list[str]:
    """Words of two or more characters that jieba finds in at least `least` utterances."""
    seen = Counter(word for item in items for word in set(_cut(item.text)) if re.fullmatch("[一-鿿]{2,}", word))
    return sorted(word for word, count in seen.items() if count >= least)


def strings(items: Sequence[words.Spoken], seed: int, number: int = 100) -> list[str]:
    """A sample of neighbouring words of four to eight characters together."""
    pairs = {first + second for item in items for first, second in itertools.pairwise(_cut(item.text))
             if re.fullmatch("[一-鿿]{4,8}", first + second)}
    return sorted(random.Random(seed).sample(sorted(pairs), min(number, len(pairs))))


def said_phrases(lexicon: Lexicon, items: Sequence[words.Spoken], least: int) -> list[str]:
    """Phrases of the lexicon that enough of the recordings say, long enough to be listened for."""
    shortest = 2 if lexicon.language == "zh" else 5
    texts = [_folded(item.text, lexicon.language) for item in items]
    phrases = {one.text for one in lexicon.units() if len(one.units) >= shortest}
    return sorted(phrase for phrase in phrases
                  if sum(_count(phrase, text, lexicon.language) > 0 for text in texts) >= least)


def patterns(ear: Ear, phrases: Sequence[str]) -> list[tuple[int, ...]]:
    """The phrases in the ear's units."""
    number = {unit: n for n, unit in enumerate(ear.units)}
    return [tuple(number[unit] for unit in _units(phrase, ear.language)) for phrase in phrases]


def _recalls(system: str, condition: str, ear: Ear, phrases: Sequence[str], items: Sequence[words.Spoken],
             heard: Sequence[Audio]) -> Iterator[Row]:
    numbers = [_counts(phrases, item) for item in items]
    yield from _points(system, condition, candidates(ear, patterns(ear, phrases), heard, numbers), items, numbers)


def _points(system: str, condition: str, found: Sequence[Candidate], items: Sequence[words.Spoken],
            numbers: Sequence[Sequence[int]]) -> Iterator[Row]:
    """Recall and threshold at each budget, over all recordings."""
    hours, said, phrases = sum(item.seconds for item in items) / 3600, sum(map(sum, numbers)), len(numbers[0])
    for budget in BUDGETS:
        point = at_budget(found, said, hours, phrases, budget)
        yield Row(TASK, system, condition, f"recall_at_{budget:g}_per_hour", point.recall, point.low, point.high, said)
        yield Row(TASK, system, condition, f"threshold_at_{budget:g}_per_hour", point.threshold, n=phrases)


def _by_voice(system: str, condition: str, found: Sequence[Candidate], items: Sequence[words.Spoken],
              numbers: Sequence[Sequence[int]], budget: float = 2) -> Iterator[Row]:
    """Recall of each held-out voice, alone or in a mixture, at the threshold of all of them."""
    hours = sum(item.seconds for item in items) / 3600
    least = at_budget(found, 1, hours, len(numbers[0]), budget).threshold
    for voice in words.HELD_OUT:
        mine = {n for n, item in enumerate(items) if item.synthetic and voice in item.voices}
        if said := sum(sum(numbers[n]) for n in mine):
            hits = sum(one.true and one.ratio >= least and one.recording in mine for one in found)
            yield Row(TASK, system, f"{condition}/{voice}", f"recall_at_{budget:g}_per_hour", hits / said, n=said)


def _sphinx(items: Sequence[words.Spoken], least: int, options: Options) -> Iterator[Row]:
    """PocketSphinx on the same English recordings through the telephone."""
    import soxr

    phrases = said_phrases(Lexicon.load("en"), [item for item in items if item.synthetic], least)
    numbers = [_counts(phrases, item) for item in items]
    waves = [np.asarray(soxr.resample(simulate.degrade(words.read(item, RATE), RATE, "telephone", options.seed), RATE,
                                      sphinx.RATE), np.float32) for item in items]
    yield from _points("pocketsphinx", "telephone/en-synthetic", sphinx.spot(phrases, waves, numbers), items, numbers)
    some = range(0, len(items), 16)
    seconds = sum(len(waves[n]) for n in some) / sphinx.RATE
    cost = cpu_ms(lambda: sphinx.spot(phrases, [waves[n] for n in some], [numbers[n] for n in some]), seconds)
    yield Row(TASK, "pocketsphinx", "telephone/en", "cpu_ms_per_s_b1", cost, n=len(phrases))


def _counts(phrases: Sequence[str], item: words.Spoken) -> list[int]:
    text = _folded(item.text, item.language)
    return [_count(phrase, text, item.language) for phrase in phrases]


def _delays(system: str, ear: Ear, items: Sequence[words.Spoken], options: Options) -> Iterator[Row]:
    """Phrases that end their recording, at any place of a hop: milliseconds to the report."""
    listener, logmel = PhraseListener(ear, Lexicon.load(ear.language)), LogMel()
    rng = np.random.default_rng(options.seed)
    phrases = said_phrases(Lexicon.load(ear.language), items, 1)
    last = [item for item in items
            if any(_folded(item.text, ear.language).endswith(phrase) for phrase in phrases)][:120]
    delays = []
    for item in last:
        wave = simulate.degrade(words.read(item, RATE), RATE, "telephone", options.seed)
        before = int(rng.integers(0, HOP))
        padded = np.concatenate([np.zeros(before, np.float32), wave, np.zeros(3 * HOP, np.float32)])
        end = before + _end(wave)
        state, line = listener.start(), logmel.start()
        for at in range(0, len(padded) - HOP + 1, HOP):
            hop = padded[None, at: at + HOP]
            phrases_now = listener.step([state], hop, logmel.step([line], hop), [_speech()])[0]
            if any(abs(phrase.span.end - end) < RATE * 0.4 for phrase in phrases_now):
                delays.append(1000 * (at + HOP - end) / RATE)
                break
    if delays:
        for share in (50, 95):
            yield Row(TASK, system, f"telephone/{ear.language}-synthetic", f"latency_p{share}_ms",
                      float(np.percentile(delays, share)), n=len(delays))


def _costs(system: str, ear: Ear, items: Sequence[words.Spoken], options: Options) -> Iterator[Row]:
    """CPU of ear and decoder with the whole lexicon on running speech, alone and in a batch."""
    listener, logmel = PhraseListener(ear, Lexicon.load(ear.language)), LogMel()
    waves = [simulate.degrade(words.read(item, RATE), RATE, "telephone", options.seed) for item in items[:96]]
    speech = np.concatenate(waves)
    for batch in (1, 32):
        hops = np.resize(speech, (batch, 16 * HOP)).astype(np.float32)
        lines = [logmel.start() for _ in range(batch)]
        mels = [logmel.step(lines, hops[:, at: at + HOP]) for at in range(0, hops.shape[1], HOP)]

        def work(batch: int = batch, hops: Audio = hops, mels: Sequence[Audio] = mels) -> None:
            states = [listener.start() for _ in range(batch)]
            for n, mel in enumerate(mels):
                listener.step(states, hops[:, n * HOP: (n + 1) * HOP], mel, [_speech()] * batch)

        yield Row(TASK, system, f"telephone/{ear.language}", f"cpu_ms_per_s_b{batch}",
                  cpu_ms(work, batch * hops.shape[1] / RATE), n=len(listener.spoken))


def _speech() -> Activity:
    mask: Mask = np.ones(FRAMES, bool)
    return Activity(mask, mask.astype(np.float32))


def _end(wave: Audio) -> int:
    """Sample after which the recording is 30 dB under its loud parts."""
    levels = np.sqrt(np.mean(wave[: len(wave) // 80 * 80].reshape(-1, 80) ** 2, axis=1) + 1e-12)
    return int(80 * (np.flatnonzero(levels > np.quantile(levels, 0.95) * 10**-1.5)[-1] + 1))


def _cut(text: str) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba asks for a module that is on its way out
        import jieba

    jieba.setLogLevel(60)
    return list(jieba.lcut(text))


def _units(phrase: str, language: Language) -> tuple[str, ...]:
    overrides = Lexicon.load(language).pronounced
    return syllables(phrase, overrides) if language == "zh" else to_phonemes(phrase, overrides)


def _folded(text: str, language: Language) -> str:
    return text if language == "zh" else " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def _count(phrase: str, text: str, language: Language) -> int:
    return text.count(phrase) if language == "zh" else len(re.findall(rf"\b{re.escape(phrase)}\b", text))
