"""The text model: probabilities that are some, words that carried it, and a climb through the rungs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.types import LANGUAGES, Language
from emotion.words.lexicon import Lexicon
from emotion.words.text import DENSE, TextModel, evidence, extract, fold, grams

MODEL = TextModel({language: Lexicon.load(language) for language in LANGUAGES})


def expected(language: Language, text: str) -> float:
    return float(np.dot(MODEL.read(language, text).evidence, np.arange(7)))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120), st.sampled_from(LANGUAGES))
def test_any_text_has_an_estimate_that_is_a_distribution(text: str, language: Language) -> None:
    found = MODEL.read(language, text)
    assert len(found.evidence) == 7
    assert all(p >= 0 for p in found.evidence)
    assert sum(found.evidence) == pytest.approx(1)
    assert 0 <= found.calming <= 1
    assert len(found.carried_by) <= 4


@given(st.text(max_size=80))
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)
    for language in LANGUAGES:
        for gram in grams(fold(text), language):
            assert 0 <= gram.start < gram.end <= len(text)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_evidence_adds_to_one_whatever_the_thresholds_say(at_least: list[float]) -> None:
    found = evidence(np.array(at_least))
    assert sum(found) == pytest.approx(1)
    assert min(found) >= 0


@pytest.mark.parametrize(("language", "calmer", "hotter"), [
    ("zh", "请问怎么查话费", "等了三天了还没人来，到底什么时候能修好"),
    ("zh", "好的，谢谢你", "你们这是什么态度，太差了"),
    ("zh", "你们服务太差了，失望", "凭什么乱扣费，必须赔偿我的损失"),
    ("zh", "能给个解释吗", "我要投诉你们，马上给我登记投诉"),
    ("zh", "我要投诉", "我已经向工信部举报了，还要找媒体曝光你们，法院见"),
    ("en", "How do I check my bill?", "I have called three times and nobody has fixed it"),
    ("en", "okay, thank you very much", "This is ridiculous, the worst service ever"),
    ("en", "the line is slow today", "I want to make a formal complaint about you"),
    ("en", "I am a bit disappointed", "I will report you to the ombudsman and see you in court"),
])
def test_the_estimate_climbs_with_what_is_said(language: Language, calmer: str, hotter: str) -> None:
    assert expected(language, hotter) > expected(language, calmer) + 0.5


@pytest.mark.parametrize(("language", "text"), [
    ("zh", "好的，谢谢，问题解决了"), ("zh", "谢谢你们，已经恢复了"), ("en", "okay great, it works now, thank you"),
])
def test_thanks_calm_more_than_anger(language: Language, text: str) -> None:
    anger = {"zh": "你们就是骗子，我要投诉", "en": "You are liars and I will complain"}[language]
    assert MODEL.read(language, text).calming > MODEL.read(language, anger).calming + 0.3


def test_the_words_that_carried_it_are_words_of_the_turn() -> None:
    found = MODEL.read("zh", "等了三天都没人来，我要投诉").carried_by
    assert found[0] == "我要投诉"
    found = MODEL.read("en", "I want to speak to your manager, this is a scam").carried_by
    assert {"scam", "speak to your manager"} & set(found)


def test_features_have_one_shape() -> None:
    for language, lexicon in MODEL.lexicons.items():
        for text in ("", "@", "投诉 complain!!!", "[NUM] http://t.cn/abc"):
            features = extract(text, (("agent", "抱歉"), ("caller", "垃圾")), lexicon, lexicon.find(text))
            assert features.dense.shape == (DENSE,), language
            assert len(features.buckets) == len(features.weights) == len(features.spans) > 0


def test_english_tells_complaint_and_severity() -> None:
    angry = MODEL.read("en", "@shop your parcel never arrived, third time, awful service, fix this")
    kind = MODEL.read("en", "@shop do you have this jumper in blue please?")
    assert angry.complaint is not None and kind.complaint is not None
    assert angry.complaint > 0.5 > kind.complaint
    assert MODEL.read("zh", "投诉").complaint is None


@pytest.mark.parametrize(("language", "begins", "badly", "well"), [
    ("zh", "我的宽带坏了三天", "太差了，我要投诉", "修好了，谢谢你们，很满意"),
    ("en", "my line is broken for three days", "this is awful, I will complain", "it works now, thanks, great service"),
])
def test_a_dialogue_that_ends_well_satisfies_more(language: Language, begins: str, badly: str, well: str) -> None:
    assert MODEL.satisfaction(language, (begins, well)) > MODEL.satisfaction(language, (begins, badly)) + 0.2
    assert MODEL.satisfaction(language, ()) == 0
