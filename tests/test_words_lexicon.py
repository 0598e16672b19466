"""The lexicon: what is found where, what is left out, and what a tenant may add."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.types import LANGUAGES, Language
from emotion.words.lexicon import Lexicon, LexiconError, Term

LEXICONS = {language: Lexicon.load(language) for language in LANGUAGES}
ZH, EN = LEXICONS["zh"], LEXICONS["en"]


def keys(language: Language, text: str) -> list[str]:
    return [match.term.key for match in LEXICONS[language].find(text)]


def rungs(language: Language, text: str) -> list[int]:
    return [match.term.rung for match in LEXICONS[language].find(text)]


def test_there_are_as_many_phrases_as_promised() -> None:
    assert len(ZH.terms) >= 150
    assert len(EN.terms) >= 120


@pytest.mark.parametrize(("language", "text", "key"), [
    ("zh", "我要投诉你们", "i-will-complain"), ("zh", "我等了三天", "waited-days"),
    ("zh", "打了五次电话", "called-times"),
    ("zh", "我已经说过了", "already-said"), ("zh", "找你们经理来", "supervisor"), ("zh", "我打12315", "regulator"),
    ("zh", "我要投訴", "i-will-complain"), ("zh", "再不处理我就走", "if-you-dont"),
    ("zh", "打了[NUM]次", "called-times"),
    ("en", "I already told you", "already-said"), ("en", "Give me my money back!", "refund-demanded"),
    ("en", "I’ve been waiting for two hours", "waited-days"), ("en", "I'LL SUE YOU", "sue"),
    ("en", "if you don't help me I will leave", "if-you-dont"), ("en", "called you 3 times", "called-times"),
])
def test_phrases_are_found(language: Language, text: str, key: str) -> None:
    assert key in keys(language, text)


@pytest.mark.parametrize(("language", "text"), [
    ("zh", "不用投诉了"), ("zh", "我不打算投诉"), ("zh", "我没有投诉"), ("zh", "他骂我白痴"),
    ("zh", "客服说“你就是个骗子”"),
    ("zh", "垃圾短信"), ("zh", "草莓"), ("zh", "强迫症"), ("zh", "诈骗电话"), ("en", "I don't want to complain"),
    ("en", "he called me a moron"), ("en", 'the agent said "you are a liar"'), ("en", "I am not going to sue"),
])
def test_negated_quoted_and_excepted_phrases_are_not(language: Language, text: str) -> None:
    assert [rung for rung in rungs(language, text) if rung > 3] == []


def test_still_or_whether_is_no_negation() -> None:
    assert max(rungs("zh", "你有没有投诉电话，我要投诉")) == 5
    assert max(rungs("zh", "特别失望")) == 3


def test_a_withdrawn_complaint_calms() -> None:
    assert [match.term.motive for match in ZH.find("不用投诉了，谢谢")] == ["calming", "calming"]


def test_the_longest_match_wins() -> None:
    assert keys("zh", "投诉电话是多少") == ["complaint-inquiry"]
    assert keys("en", "what is your complaints number") == ["complaint-inquiry"]
    assert keys("en", "I want a refund") == ["refund-demanded"]


def test_a_neutral_inquiry_is_no_complaint() -> None:
    assert rungs("zh", "请问怎么投诉") == [1]


def test_words_inside_words_do_not_count() -> None:
    assert keys("en", "The suede shoes are in the police-free zone of Essue") == []


def test_every_variant_finds_its_own_phrase() -> None:
    for lexicon in LEXICONS.values():
        for term in lexicon.terms:
            if term.not_before or term.not_after:
                continue  # their variants alone may be exceptions
            for say in term.say:
                text = say.replace("{n}", "3").replace("…", " ")
                found = {match.term.key for match in lexicon.find(text)}
                assert found, f"{term.key}: {say!r} finds nothing"


@given(st.text(max_size=200))
def test_matches_are_in_order_and_true_to_the_text(text: str) -> None:
    for lexicon in LEXICONS.values():
        found = lexicon.find(text)
        assert list(found) == sorted(found, key=lambda match: (match.start, match.end))
        for match in found:
            assert text[match.start:match.end] == match.text
            assert 0 <= match.start < match.end <= len(text)


fragments = st.sampled_from(["我要投诉", "等了三天", "谢谢", "不用", "“", "”", "再不", "就", "，", "。", "到底",
                             "12315", " ", "滚"])


@given(st.lists(fragments, max_size=12))
def test_finding_is_a_function_of_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    assert ZH.find(text) == ZH.find(text)
    assert len(ZH.find(text + "。")) == len(ZH.find(text))


def test_lexicons_pickle() -> None:
    ZH.find("投诉")
    assert pickle.loads(pickle.dumps(ZH)) == ZH


def test_acknowledgements_of_agents() -> None:
    assert ZH.acknowledges("非常抱歉给您带来不便")
    assert EN.acknowledges("I understand, let me look into that")
    assert not ZH.acknowledges("请提供您的订单号")
    assert not EN.acknowledges("What is your order number?")


# ── what a tenant adds ──────────────────────────────────────────────────────────────────────────

def test_a_tenant_adds_replaces_and_drops_phrases(tmp_path: Path) -> None:
    mine = tmp_path / "tenant.toml"
    mine.write_text('[accusation.4]\nstar-fraud = ["星卡乱扣"]\n[judgement.3]\ngarbage = false\n'
                    '[complaint.5]\ncomplain = { say = ["申诉"], weight = 0.5 }\n', "utf-8")
    lexicon = Lexicon.load("zh", [mine, Term("moon", 2, "waiting", ("等到月亮都出来",))])
    assert [match.term.key for match in lexicon.find("星卡乱扣，等到月亮都出来")] == ["star-fraud", "moon"]
    assert "garbage" not in lexicon
    assert lexicon["complain"].say == ("申诉",)
    assert "garbage" in ZH, "the shared lexicon is never touched"


@pytest.mark.parametrize(("content", "says"), [
    ("[anger.3]\nx = ['y']", "no motive is called anger"),
    ("[judgement.9]\nx = ['y']", "rung must be 0-6"),
    ("[judgement.3]\nx = []", "at least one variant"),
    ("[judgement.3]\nx = { say = ['y'], colour = 1 }", "colour"),
    ("[judgement.3]\nx = { say = ['y'], not_after = ['('] }", "is no pattern"),
    ("[judgement.3]\nx = ['y']\n[judgement.2]\nx = ['z']", "twice there: x"),
    ("[judgement", "tenant.toml"),
])
def test_a_wrong_file_is_told_in_words(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "tenant.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(LexiconError, match=says.replace("(", r"\(")):
        Lexicon.load("zh", [path])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="No such file"):
        Lexicon.load("en", [tmp_path / "none.toml"])
