"""The spotter: the ear that is there, its phrases, and the laws of every stage."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import words
from benchmarks.simulate import degrade
from emotion.config import WordsConfig
from emotion.types import FRAMES, HOP, RATE, Activity, Audio, Heard, Language, Phrase
from emotion.voice.logmel import LogMel
from emotion.words.lexicon import Lexicon, Term
from emotion.words.spotter import Spotter, SpotterState

ACTIVE = Activity(np.ones(FRAMES, bool), np.ones(FRAMES, np.float32))


@pytest.fixture(scope="module")
def spotter() -> Spotter:
    return Spotter(WordsConfig(ears=("bundled",)))


def hear(spotter: Spotter, waves: list[Audio], language: Language, states: list[SpotterState] | None = None,
         pickled: bool = False) -> list[list[Heard]]:
    """Whole recordings, hop by hop, in one batch."""
    logmel = LogMel()
    states = states or [spotter.start(language) for _ in waves]
    lines = [logmel.start() for _ in waves]
    size = max(map(len, waves)) // HOP * HOP + 3 * HOP
    hops = np.stack([np.pad(wave, (0, size - len(wave))) for wave in waves]).astype(np.float32)
    heard: list[list[Heard]] = [[] for _ in waves]
    for at in range(0, size, HOP):
        if pickled:
            states = pickle.loads(pickle.dumps(states))
        now = hops[:, at: at + HOP]
        new = spotter.step(states, now, logmel.step(lines, now), [ACTIVE] * len(waves))
        for mine, one in zip(heard, new, strict=True):
            mine.append(one)
    return heard


def phrases(heard: list[Heard]) -> list[Phrase]:
    return [phrase for one in heard for phrase in one.phrases]


@pytest.fixture(scope="module")
def complaint(data: Path) -> tuple[Audio, str]:
    """A synthetic voice that no training has heard says a phrase of the lexicon."""
    said = next(item for item in words.synthetic(data) if item.held_out and item.text == "我不管我要投诉你们")
    return degrade(words.read(said, RATE), RATE, "telephone"), "我要投诉你们"


def test_nothing_said_is_not_words_unavailable(spotter: Spotter, rng: np.random.Generator) -> None:
    hiss = (1e-3 * rng.standard_normal(6 * RATE)).astype(np.float32)
    for language in ("zh", "en"):
        heard = hear(spotter, [hiss, np.zeros(6 * RATE, np.float32)], language)
        assert {one.by for mine in heard for one in mine} == {"bundled"}
        assert [phrases(mine) for mine in heard] == [[], []]


def test_no_ear_says_so() -> None:
    deaf = Spotter(WordsConfig(ears=("fsmn",)))
    assert [one.by for one in hear(deaf, [np.zeros(RATE, np.float32)], "en")[0]] == [None] * 5


def test_an_ear_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="no ear is called 'nose'"):
        Spotter(WordsConfig(ears=("nose",))).start("zh")


def test_pickled_and_batched_calls_hear_the_same(spotter: Spotter, complaint: tuple[Audio, str]) -> None:
    wave, _ = complaint
    late = np.concatenate([np.zeros(3000, np.float32), wave])
    alone = [hear(spotter, [one], "zh")[0] for one in (wave, late)]
    both = hear(spotter, [wave, late], "zh", pickled=True)
    for one, other in zip(alone, both, strict=True):
        mine, theirs = phrases(one), phrases(other)
        assert [(a.key, a.span) for a in mine] == [(b.key, b.span) for b in theirs]
        assert np.allclose([a.score for a in mine], [b.score for b in theirs], atol=1e-3)


def test_a_complaint_is_heard_and_heard_again(spotter: Spotter, complaint: tuple[Audio, str]) -> None:
    wave, _ = complaint
    found = phrases(hear(spotter, [np.concatenate([wave, np.zeros(RATE, np.float32), wave])], "zh")[0])
    complaints = [phrase for phrase in found if phrase.rung >= 4]
    assert len(complaints) == 2
    assert complaints[0].span.end < complaints[1].span.start
    assert all(0.3 < phrase.score <= 1 for phrase in complaints)


def test_a_phrase_cut_by_loss_is_no_other_phrase(spotter: Spotter, complaint: tuple[Audio, str]) -> None:
    wave = complaint[0].copy()
    wave[len(wave) // 3: 2 * len(wave) // 3] = 0
    assert len(phrases(hear(spotter, [wave], "zh")[0])) <= 1


def test_a_tenants_phrase_is_heard_without_a_restart(complaint: tuple[Audio, str]) -> None:
    spotter, (wave, text) = Spotter(WordsConfig(ears=("bundled",))), complaint
    states = [spotter.start("zh")]
    hear(spotter, [wave[:HOP]], "zh", states)
    spotter.listen_for(Lexicon("zh", (Term("ours", 5, "complaint", (text,)),)))
    assert {phrase.key for phrase in phrases(hear(spotter, [wave], "zh", states)[0])} == {"ours"}


def test_fetched_ear_comes_first(data: Path, tmp_path: Path, complaint: tuple[Audio, str]) -> None:
    from emotion.words.pull import pull

    source = data.parent / "models" / "fsmn_ctc_zh"
    if not source.is_dir():
        pytest.skip("no FSMN weights beside the data")
    pull("fsmn-zh", tmp_path, source)
    spotter = Spotter(WordsConfig(fetched=str(tmp_path)))
    heard = hear(spotter, [complaint[0]], "zh")[0]
    assert {one.by for one in heard} == {"fsmn"}
    assert any(phrase.rung >= 4 for phrase in phrases(heard))
    english = spotter.recognizer("en")
    assert english is not None and english.name == "bundled"
