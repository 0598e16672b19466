"""How a phrase sounds: toneless pinyin syllables for Mandarin, ARPAbet phonemes without stress for English.

Mandarin by pypinyin (loaded on first use). English words come from the lexicon's own table, made from CMUdict, and
otherwise from letter-to-sound rules in the manner of Elovitz et al. (1976), so that a tenant's phrase can be heard at
once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from emotion.types import Language

NUMBERS: dict[Language, tuple[str, ...]] = {
    "zh": ("一", "两", "三", "四", "五", "六", "七", "八", "九", "十", "几", "好几", "多少"),
    "en": ("two", "three", "four", "five", "six", "seven", "ten", "several", "many"),
}
DIGITS = {"zh": "零一二三四五六七八九",
          "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]}


def numerals(say: str, language: Language) -> Iterator[str]:
    """The variant with every `{n}` written out as each of the usual numbers."""
    parts = say.split("{n}")
    for numbers in itertools.product(NUMBERS[language], repeat=len(parts) - 1):
        yield "".join(itertools.chain(*itertools.zip_longest(parts, numbers, fillvalue="")))


def syllables(text: str, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """Toneless pinyin (ü as v) of a Mandarin text; empty where something in it can't be said, such as Latin letters."""
    from pypinyin import Style, lazy_pinyin

    spoken = re.sub(r"\d", lambda digit: DIGITS["zh"][int(digit.group())], _overridden(text, overrides))
    units: list[str] = []
    for piece in re.findall(r"[a-z ]+|[^a-z ]+", spoken):
        if re.fullmatch(r"[a-z ]+", piece):
            units += piece.split()
        else:
            units += lazy_pinyin(piece, style=Style.NORMAL, errors="ignore", v_to_u=False)
    readable = re.sub(r"[^\w]", "", text)
    audible = re.search(r"[A-Za-z_]", readable) is None or text in overrides
    return tuple(units) if audible else ()


def to_phonemes(text: str, overrides: Mapping[str, str]) -> tuple[str, ...]:
    """ARPAbet phonemes without stress of an English text."""
    if text in overrides:
        return tuple(overrides[text].split())
    units: list[str] = []
    for word in re.findall(r"[a-z]+(?:'[a-z]+)*|\d", text.lower().replace("’", "'")):
        name = DIGITS["en"][int(word)] if word.isdigit() else word
        units += overrides.get(name, "").split() or letters_to_sounds(name)
    return tuple(units)


def _overridden(text: str, overrides: Mapping[str, str]) -> str:
    for written in sorted((key for key in overrides if key in text), key=len, reverse=True):
        text = text.replace(written, f" {overrides[written]} ")
    return text


RULES = (
    ("tion", "SH AH N"), ("sion", "ZH AH N"), ("ture", "CH ER"), ("ould", "UH D"), ("ought", "AO T"), ("augh", "AO"),
    ("eigh", "EY"), ("ough", "OW"), ("igh", "AY"), ("tch", "CH"), ("dge", "JH"), ("sch", "S K"), ("ck", "K"),
    ("ch", "CH"), ("sh", "SH"), ("th", "TH"), ("ph", "F"), ("wh", "W"), ("qu", "K W"), ("ng$", "NG"), ("nk", "NG K"),
    ("^kn", "N"), ("^wr", "R"), ("mb$", "M"), ("gh", ""), ("ee", "IY"), ("ea", "IY"), ("oo", "UW"), ("ou", "AW"),
    ("ow$", "OW"), ("ow", "AW"), ("oi", "OY"), ("oy", "OY"), ("ai", "EY"), ("ay", "EY"), ("au", "AO"), ("aw", "AO"),
    ("ie$", "AY"), ("ie", "IY"), ("ei", "EY"), ("ey$", "IY"), ("oa", "OW"), ("ue$", "UW"), ("ui", "UW"), ("ew", "UW"),
    ("eer", "IH R"), ("air", "EH R"), ("are$", "EH R"), ("ear", "IH R"), ("ore", "AO R"), ("our", "AO R"),
    ("ire", "AY ER"), ("ure", "Y UH R"), ("ar", "AA R"), ("er", "ER"), ("ir", "ER"), ("or", "AO R"), ("ur", "ER"),
    ("a(?=[^aeiouywx]e)", "EY"), ("e(?=[^aeiouywx]e$)", "IY"), ("i(?=[^aeiouywx]e)", "AY"), ("o(?=[^aeiouywx]e)", "OW"),
    ("u(?=[^aeiouywx]e)", "UW"), ("(?<=[td])ed$", "IH D"), ("(?<=[pkfsxc])ed$", "T"), ("(?<=h)ed$", "T"), ("ed$", "D"),
    ("(?<=[szx])es$", "IH Z"), ("(?<=h)es$", "IH Z"), ("e$", ""), ("(?<=e)s$", "Z"), ("(?<=[bdglmnrvwy])s$", "Z"),
    ("le$", "AH L"), ("y$", "IY"), ("^y", "Y"), ("y", "IH"), ("c(?=[eiy])", "S"), ("g(?=[eiy])", "JH"), ("ss", "S"),
    ("x", "K S"), ("j", "JH"), ("(.)(?=\\1)", ""), ("a", "AE"), ("e", "EH"), ("i", "IH"), ("o", "AA"), ("u", "AH"),
    ("b", "B"), ("c", "K"), ("d", "D"), ("f", "F"), ("g", "G"), ("h", "HH"), ("k", "K"), ("l", "L"), ("m", "M"),
    ("n", "N"), ("p", "P"), ("q", "K"), ("r", "R"), ("s", "S"), ("t", "T"), ("v", "V"), ("w", "W"), ("z", "Z"),
)
"""Letters (a pattern) to sounds; the first that fits at a place is taken."""
COMPILED = tuple((re.compile(pattern), sounds.split()) for pattern, sounds in RULES)


def letters_to_sounds(word: str) -> list[str]:
    """A guess at the phonemes of an English word that no table has."""
    word = word.replace("'", "")
    units: list[str] = []
    at = 0
    while at < len(word):
        fit = next(((found, sounds) for pattern, sounds in COMPILED if (found := pattern.match(word, at))), None)
        if fit is None:
            at += 1
            continue
        found, sounds = fit
        units += sounds
        at = found.end()
    return units
