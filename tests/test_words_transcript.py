"""Transcripts: partial and final, never twice; turns, repeats; the agent only acknowledges."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.config import WordsConfig
from emotion.types import RATE, Heard, Language, Side, Span, Utterance
from emotion.words.lexicon import Lexicon, Term
from emotion.words.transcript import State, TranscriptReader

READER = TranscriptReader(WordsConfig())


def say(text: str, at: float = 0.0, *, side: Side = "caller", final: bool = True, lasts: float = 2.0) -> Utterance:
    return Utterance(side, Span(round(at * RATE), round((at + lasts) * RATE)), text, final)


def hear(*hops: Sequence[Utterance], language: Language = "zh", state: State | None = None) -> list[Heard]:
    state = state or READER.start(language)
    return [READER.step([state], [hop])[0] for hop in hops]


def test_words_are_unavailable_until_the_client_sends_some() -> None:
    before, during, after = hear([], [say("你好", final=False)], [])
    assert before.by is None
    assert during.by == after.by == "transcript"
    assert after.phrases == ()


def test_a_final_sentence_gives_phrases_turn_and_places_in_time() -> None:
    heard, = hear([say("我等了三天，我要投诉", at=10)])
    assert [phrase.key for phrase in heard.phrases] == ["waited-days", "i-will-complain"]
    first, second = heard.phrases
    assert Span(10 * RATE, 12 * RATE).start < first.span.start < first.span.end < second.span.start
    assert second.span.end == 12 * RATE
    assert heard.turn is not None
    assert heard.turn.span == Span(10 * RATE, 12 * RATE)
    assert max(range(7), key=heard.turn.evidence.__getitem__) == 5
    assert "我要投诉" in heard.turn.carried_by


def test_partials_tell_each_phrase_once_and_the_final_brings_the_turn() -> None:
    growing = hear([say("我等了三天", final=False)], [say("我等了三天我要投诉", final=False)],
                   [say("我等了三天我要投诉，垃圾")])
    assert [[phrase.key for phrase in heard.phrases] for heard in growing] == [
        ["waited-days"], ["i-will-complain"], ["garbage"]]
    assert [heard.turn is None for heard in growing] == [True, True, False]


def test_the_same_phrase_in_the_next_sentence_counts_again() -> None:
    hops = hear([say("我要投诉", final=False)], [say("我要投诉")], [say("我要投诉", at=5)])
    assert [len(heard.phrases) for heard in hops] == [1, 0, 1]


def test_a_phrase_twice_in_one_sentence_counts_twice() -> None:
    heard, = hear([say("垃圾，真的垃圾")])
    assert [phrase.key for phrase in heard.phrases] == ["garbage", "garbage"]


def test_a_partial_whose_final_never_came_does_not_hide_the_next_sentence() -> None:
    hops = hear([say("我要投诉", final=False)], [say("我要投诉你们", at=8, final=False)])
    assert [len(heard.phrases) for heard in hops] == [1, 1]


def test_what_a_recogniser_takes_back_is_not_told_twice_when_it_returns() -> None:
    hops = hear([say("我要投诉", final=False)], [say("我要头", final=False)], [say("我要投诉")])
    assert [len(heard.phrases) for heard in hops] == [1, 0, 0]


def test_sentences_that_end_in_one_hop_are_one_turn() -> None:
    heard, = hear([say("太差了", at=0), say("我要投诉", at=2)])
    assert heard.turn is not None
    assert heard.turn.text == "太差了 我要投诉"
    assert heard.turn.span == Span(0, 4 * RATE)


def test_a_repeat_carries_the_earlier_time() -> None:
    hops = hear([say("我的宽带从昨天开始上不了网")], [say("号码是一三八", at=5)],
                [say("都说了我的宽带从昨天开始上不了网", at=9)])
    assert hops[0].repeat is hops[1].repeat is None
    assert hops[2].repeat is not None
    assert hops[2].repeat.earlier == Span(0, 2 * RATE)


def test_the_agent_is_asked_for_acknowledgement_and_nothing_else() -> None:
    heard, = hear([say("非常抱歉，给您添麻烦了，这个垃圾系统", side="agent")])
    assert heard.acknowledged == Span(0, 2 * RATE)
    assert heard.phrases == ()
    assert heard.turn is None
    assert heard.repeat is None
    plain, = hear([say("请报一下订单号", side="agent")])
    assert plain.acknowledged is None


def test_calls_in_one_batch_never_affect_each_other() -> None:
    texts = ["我要投诉", "好的谢谢", "等了三天", "我要投诉"]
    alone = [hear([say(text)], [say(text, at=4)]) for text in texts]
    states = [READER.start("zh") for _ in texts]
    together = [READER.step(states, [[say(text, at=at)] for text in texts]) for at in (0, 4)]
    assert [list(pair) for pair in zip(*together, strict=True)] == alone


def test_blank_and_wordless_text_passes() -> None:
    for text in ("", "   ", "。。。", "@", "🙂"):
        heard, = hear([say(text)])
        assert heard.by == "transcript"
        assert heard.phrases == ()


def test_a_phrase_added_in_mid_call_is_found_from_then_on() -> None:
    reader = TranscriptReader(WordsConfig())
    state = reader.start("zh")
    first = hear_with(reader, state, "星卡又跳闸了")
    reader.listen_for(Lexicon.load("zh", [Term("star-card", 4, "accusation", ("星卡又跳闸",))]))
    assert first.phrases == ()
    assert [phrase.key for phrase in hear_with(reader, state, "星卡又跳闸了").phrases] == ["star-card"]


def hear_with(reader: TranscriptReader, state: State, text: str) -> Heard:
    return reader.step([state], [[say(text)]])[0]


pieces = st.sampled_from(["我要投诉", "等了三天", "谢谢", "好的", "太差了", "hello", "垃圾", "。", "12315"])
spoken = st.lists(st.tuples(pieces, st.booleans(), st.sampled_from(["caller", "agent"])), max_size=8)


@settings(max_examples=40, deadline=None)
@given(spoken, st.integers(0, 7))
def test_a_state_pickles_in_mid_call_and_resumes_equal(turns: list[tuple[str, bool, Side]], cut: int) -> None:
    hops = [[say(text, at=n, side=side, final=final, lasts=1)] for n, (text, final, side) in enumerate(turns)]
    given_hops = copy.deepcopy(hops)
    whole = hear(*hops)
    state = READER.start("zh")
    first = hear(*hops[:cut], state=state)
    second = hear(*hops[cut:], state=pickle.loads(pickle.dumps(state)))
    assert first + second == whole
    assert hops == given_hops


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_state_stays_small(language: Language) -> None:
    state = READER.start(language)
    for n in range(300):
        hear([say(f"sentence number {n} about the broken line and the waiting", at=3 * n)], state=state)
    assert len(pickle.dumps(state)) < 60_000
