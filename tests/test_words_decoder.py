"""The decoder: phrases in posteriors that are made by hand."""

import pickle

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.types import Audio
from emotion.words.decoder import Decoder, Hit, Pattern

UNITS = 8


def posteriors(spoken: dict[int, int], frames: int, sure: float = 0.9) -> Audio:
    """Blank everywhere but at `frame: unit`."""
    odds = np.full((frames, UNITS), 0.002, np.float32)
    odds[:, 0] = 1
    for frame, unit in spoken.items():
        odds[frame] = (1 - sure) / UNITS
        odds[frame, unit] = sure
    return np.asarray(np.log(odds / odds.sum(axis=1, keepdims=True)), np.float32)


def hear(decoder: Decoder, scores: Audio, block: int = 17) -> list[Hit]:
    state, found = decoder.start(), list[Hit]()
    for at in range(0, len(scores), block):
        found += decoder.step([state], [scores[at: at + block]])[0]
    return found


def test_phrase_is_heard_with_its_time() -> None:
    hits = hear(Decoder([Pattern((1, 2, 3), -1.0)], 0.03), posteriors({10: 1, 15: 2, 21: 3}, 51))
    assert [(hit.index, hit.begin, hit.end) for hit in hits] == [(0, 10, 22)]
    assert -0.5 < hits[0].ratio <= 0


def test_phrase_across_hops_is_the_same() -> None:
    scores = posteriors({14: 1, 18: 2, 33: 3}, 68)
    decoder = Decoder([Pattern((1, 2, 3), -1.5)], 0.03)
    whole = hear(decoder, scores, block=68)
    for block in (17, 5):
        (hit,) = hear(decoder, scores, block)
        assert (hit.begin, hit.end) == (whole[0].begin, whole[0].end) == (14, 34)
        assert abs(hit.ratio - whole[0].ratio) < 1e-4


def test_a_repeated_phrase_is_heard_twice() -> None:
    hits = hear(Decoder([Pattern((1, 2), -1.0)], 0.03), posteriors({5: 1, 9: 2, 25: 1, 29: 2}, 51))
    assert [(hit.begin, hit.end) for hit in hits] == [(5, 10), (25, 30)]


def test_longest_match_wins() -> None:
    decoder = Decoder([Pattern((1, 2), -1.0), Pattern((1, 2, 3), -1.0), Pattern((2, 3), -1.0)], 0.03)
    assert [hit.index for hit in hear(decoder, posteriors({3: 1, 6: 2, 9: 3}, 17))] == [1]


def test_without_competition_each_is_heard() -> None:
    decoder = Decoder([Pattern((1, 2), -1.0), Pattern((1, 2, 3), -1.0)], 0.03, compete=False)
    assert sorted(hit.index for hit in hear(decoder, posteriors({3: 1, 6: 2, 9: 3}, 17))) == [0, 1]


def test_doubled_unit_needs_a_blank_between() -> None:
    decoder = Decoder([Pattern((1, 1), -1.0)], 0.03)
    assert hear(decoder, posteriors({5: 1, 6: 1}, 17)) == []
    assert len(hear(decoder, posteriors({5: 1, 8: 1}, 17))) == 1


def test_other_speech_and_silence_are_not_it() -> None:
    decoder = Decoder([Pattern((1, 2, 3), -1.0)], 0.03)
    assert hear(decoder, posteriors({}, 170)) == []
    assert hear(decoder, posteriors({5: 1, 9: 4, 14: 5, 20: 1, 25: 6}, 51)) == []


def test_a_phrase_cut_in_the_middle_is_no_phantom() -> None:
    decoder = Decoder([Pattern((1, 2, 3), -1.0)], 0.03)
    assert hear(decoder, posteriors({5: 1, 9: 2}, 170)) == []


def test_no_phrases_and_no_frames_are_fine() -> None:
    assert hear(Decoder([], 0.03), posteriors({3: 1}, 17)) == []
    decoder = Decoder([Pattern((1,), -1.0)], 0.03)
    assert decoder.step([decoder.start()], [np.zeros((0, UNITS), np.float32)]) == [[]]
    assert decoder.step([], []) == []


calls = st.lists(st.dictionaries(st.integers(0, 60), st.integers(1, UNITS - 1), max_size=14), min_size=2, max_size=5)


@settings(max_examples=30, deadline=None)
@given(calls)
def test_a_call_hears_the_same_alone_and_in_a_batch(spoken: list[dict[int, int]]) -> None:
    patterns = [Pattern((1, 2), -1.5), Pattern((2, 3, 1), -1.5), Pattern((4,), -0.5), Pattern((1, 1), -1.0)]
    decoder = Decoder(patterns, 0.03)
    scores = [posteriors(one, 68, sure=0.6) for one in spoken]
    together: list[list[Hit]] = [[] for _ in scores]
    states = [decoder.start() for _ in scores]
    for at in range(0, 68, 17):
        # calls out of step: every second one has a frame less, as 50 frames of 10 ms do not make whole threes
        parts = [score[at: at + 17 - (n % 2)] for n, score in enumerate(scores)]
        for mine, new in zip(together, decoder.step(states, parts), strict=True):
            mine.extend(new)
        states = pickle.loads(pickle.dumps(states))
    for n, score in enumerate(scores):
        alone, state = list[Hit](), decoder.start()
        for at in range(0, 68, 17):
            alone += decoder.step([state], [score[at: at + 17 - (n % 2)]])[0]
        assert alone == together[n]
