"""Repeats: what is said again is noticed with the earlier time, and small talk is not."""

from __future__ import annotations

import pytest

from emotion.types import RATE, Language, Repeat, Span
from emotion.words.repeats import KEPT, Memory, recall


def talk(language: Language, *turns: str) -> list[Repeat | None]:
    memory = Memory()
    return [recall(memory, language, text, Span(n * RATE, (n + 1) * RATE)) for n, text in enumerate(turns)]


@pytest.mark.parametrize(("language", "first", "other", "again"), [
    ("zh", "我的宽带从昨天晚上开始就上不了网", "我的电话是一三八", "我说了我的宽带从昨天晚上就上不了网"),
    ("zh", "订单一直没有发货", "好的", "我的订单到现在一直没有发货啊"),
    ("en", "My broadband has been down since last night", "It is the blue box",
     "I told you my broadband has been down since last night"),
    ("en", "the parcel never arrived at my address", "yes", "the parcel never arrived, it is not at my address"),
])
def test_a_repeat_is_noticed_with_its_earlier_time(language: Language, first: str, other: str, again: str) -> None:
    found = talk(language, first, other, again)
    assert found[:2] == [None, None]
    assert found[2] is not None
    assert found[2].earlier == Span(0, RATE)
    assert found[2].text == first
    assert 0.45 <= found[2].similarity <= 1


@pytest.mark.parametrize(("language", "turns"), [
    ("zh", ("好的", "好的", "谢谢", "谢谢")), ("en", ("okay", "okay", "thank you", "thank you")),
    ("zh", ("我想查一下话费", "我想办一个流量包", "请问营业厅在哪里")),
    ("en", ("I want to check my bill", "I want to change my plan", "where is your shop")),
    ("zh", ("", "", "。。。")),
])
def test_small_talk_and_new_matters_are_no_repeats(language: Language, turns: tuple[str, ...]) -> None:
    assert talk(language, *turns) == [None] * len(turns)


def test_the_memory_is_bounded() -> None:
    memory = Memory()
    for n in range(3 * KEPT):
        recall(memory, "zh", f"第{n}件事情说的是{chr(0x4E00 + 7 * n)}{chr(0x5000 + 11 * n)}", Span(n, n + 1))
    assert len(memory.said) == KEPT
