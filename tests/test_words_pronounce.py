"""How phrases sound: pinyin syllables and ARPAbet phonemes."""

from __future__ import annotations

import pytest

from emotion.types import Language
from emotion.words.lexicon import Lexicon, Term
from emotion.words.pronounce import letters_to_sounds, numerals, syllables, to_phonemes

PHONEMES = frozenset(("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH",
                      "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW",
                      "V", "W", "Y", "Z", "ZH"))


@pytest.mark.parametrize(("text", "units"), [
    ("投诉", "tou su"), ("12315", "yao er san yao wu"), ("重复", "chong fu"), ("找你们经理", "zhao ni men jing li"),
    ("315", "san yao wu"), ("打了3次", "da le san ci"),
])
def test_mandarin_phrases_are_spelled_in_syllables(text: str, units: str) -> None:
    assert " ".join(syllables(text, Lexicon.load("zh").pronounced)) == units


def test_what_cannot_be_said_has_no_units() -> None:
    assert syllables("sb客服", {}) == ()


def test_english_words_come_from_the_table_and_else_from_rules() -> None:
    table = Lexicon.load("en").pronounced
    assert " ".join(to_phonemes("complaint", table)) == "K AH M P L EY N T"
    assert to_phonemes("brightline", table) == ("B", "R", "AY", "T", "L", "AY", "N")


@pytest.mark.parametrize("word", ["rhythm", "x", "phone", "queue", "o'clock", "knight", "station"])
def test_the_rules_spell_any_word(word: str) -> None:
    assert set(letters_to_sounds(word)) <= PHONEMES


def test_numbers_are_written_out() -> None:
    assert "等了三天" in list(numerals("等了{n}天", "zh"))
    assert list(numerals("no number", "en")) == ["no number"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_units_are_of_the_alphabet_and_never_double(language: Language) -> None:
    spoken = Lexicon.load(language).units()
    assert len({one.units for one in spoken}) == len(spoken)
    for one in spoken:
        assert one.units and "…" not in one.text and "{n}" not in one.text
        if language == "en":
            assert set(one.units) <= PHONEMES, one
        else:
            assert all(unit.isascii() and unit.islower() for unit in one.units), one


def test_most_phrases_can_be_heard() -> None:
    for language in ("zh", "en"):
        lexicon = Lexicon.load(language)
        heard = {one.term.key for one in lexicon.units()}
        assert len(heard) >= 0.95 * len(lexicon.terms)


def test_a_tenant_overrides_a_pronunciation() -> None:
    lexicon = Lexicon.load("en", [Term("acme", 3, "judgement", ("acme again",))])
    assert next(one for one in lexicon.units() if one.term.key == "acme").units[-1] == "N"
