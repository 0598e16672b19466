"""Why the caller moved, in words of both languages: '等了半天 (12.3 s)', '语速比平时快 28 % (10-14 s)'.

A change's reasons have weights that add up to what moved: the change of the log odds of the higher of both rungs.
Word events know their share exactly; the rest is dealt to the sources of heat as they pulled, and what nobody pulled
is time's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol

from emotion.types import RATE, Language, Motive, Phrase, Reason, Shift, Span, Turn

MOST = 5
"""Reasons shown at most; lesser ones are folded into the last."""
QUOTE = {"zh": 16, "en": 48}
"""Longest quotation on a card, characters."""

Ear = Literal["words", "voice", "mood", "talk", "time"]
Text = Mapping[Language, str]

FEATURES: Mapping[str, tuple[str, str, str, str, str]] = {
    "rate": ("语速比平时快", "语速比平时慢", "speaks faster than usual by", "speaks slower than usual by", "%"),
    "pitch": ("音调比平时高", "音调比平时低", "pitch above usual by", "pitch below usual by", "st"),
    "pitch_range": ("语调起伏比平时大", "语调起伏比平时小",
                    "livelier pitch than usual by", "flatter pitch than usual by", "st"),
    "loudness": ("声音比平时大", "声音比平时小", "louder than usual by", "quieter than usual by", "dB"),
    "effort": ("用力比平时大", "用力比平时小",
               "more vocal effort than usual by", "less vocal effort than usual by", "dB"),
    "quality": ("声音比平时紧", "声音比平时松", "tenser voice than usual by", "softer voice than usual by", "SD"),
    "arousal": ("情绪激动程度比平时高", "情绪激动程度比平时低",
                "more aroused than usual by", "less aroused than usual by", "SD"),
}
"""Feature of Shift -> more and less than usual, in Chinese and English, and the unit."""

HEAT: Mapping[str, tuple[Ear, Motive, str, str]] = {
    "voice": ("voice", "displeasure", "声音比平时激动", "voice more excited than usual"),
    "mood": ("mood", "displeasure", "语气里听得出生气", "anger is heard in the voice"),
    "waiting": ("talk", "waiting", "一直在等", "kept waiting"),
    "interruption": ("talk", "urging", "抢着说话", "interrupts"),
    "repetition": ("words", "repetition", "又说了一遍已经说过的话", "says again what was already said"),
    "transfer": ("talk", "waiting", "被转接", "was transferred"),
}
CALMER: Mapping[str, tuple[str, str]] = {
    "voice": ("声音回到平时", "voice back to usual"),
    "mood": ("语气平和下来", "calmer tone"),
}


class Pull(Protocol):
    """What one source of heat did lately: faded log likelihood and when."""

    total: float
    since: int
    until: int


def of_phrase(phrase: Phrase) -> Reason:
    """A phrase that was heard, quoted; its weight is still open."""
    return Reason("words", phrase.key, phrase.motive, phrase.span, 0.0, _quoted(phrase.text, phrase.span))


def of_turn(turn: Turn, phrases: Sequence[Phrase]) -> Reason:
    """A whole sentence, named by its strongest phrase or by the words that carried the estimate."""
    if phrases:
        strongest = max(phrases, key=lambda phrase: phrase.rung * phrase.score)
        return of_phrase(strongest)
    words = " … ".join(turn.carried_by[:2]) or turn.text
    calming = turn.calming > 0.5
    likely = max(range(7), key=lambda rung: turn.evidence[rung])
    motive: Motive = "calming" if calming else ("displeasure", "displeasure", "urging", "judgement", "accusation",
                                               "complaint", "threat")[likely]
    return Reason("words", "turn", motive, turn.span, 0.0, _quoted(words, turn.span))


def of_heat(pulls: Mapping[str, Pull], peak: Shift | None, rest: float) -> list[Reason]:
    """Deal what the words did not explain to the sources that pulled the same way, at most what each pulled."""
    way = 1.0 if rest > 0 else -1.0
    pulling = {name: pull for name, pull in pulls.items() if pull.total * way > 0.05}
    strength = sum(abs(pull.total) for pull in pulling.values())
    if not pulling or abs(rest) < 0.01:
        return []
    share = way * min(1.0, abs(rest) / strength)
    found = []
    for name, pull in pulling.items():
        span = Span(pull.since, max(pull.until, pull.since))
        weight = share * abs(pull.total)
        if way < 0:
            if name in CALMER:
                found.append(_heat(name, span, weight, CALMER[name], "calming"))
        elif name == "voice" and peak is not None:
            found += _voice(peak, span, weight)
        else:
            found.append(_heat(name, span, weight, HEAT[name][2:], HEAT[name][1]))
    return found


def weighted(reason: Reason, weight: float) -> Reason:
    return replace(reason, weight=weight)


def settle(found: Sequence[Reason], moved: float, at: int) -> list[Reason]:
    """The strongest first, equal ones merged, the rest given to time, so that the weights add up to `moved`."""
    merged: dict[tuple[str, Span], Reason] = {}
    for reason in found:
        key = reason.key, reason.span
        merged[key] = weighted(reason, reason.weight + merged[key].weight) if key in merged else reason
    way = 1.0 if moved >= 0 else -1.0
    ranked = sorted(merged.values(), key=lambda reason: -way * reason.weight)
    shown = [reason for reason in ranked[:MOST] if reason.weight * way > 0.05] or ranked[:1]
    rest = moved - sum(reason.weight for reason in shown)
    if abs(rest) > 1e-9:
        text: Text = {"zh": "随时间变化及其他", "en": "time and other signs"}
        shown.append(Reason("time", "time", "displeasure" if moved > 0 else "calming", Span(at, at), rest, text))
    return shown


def _voice(peak: Shift, span: Span, weight: float) -> list[Reason]:
    """Split the voice's pull over the features that stood out, by how far."""
    known = {name: deviation for name in FEATURES if (deviation := getattr(peak, name)) is not None}
    out = {name: deviation for name, deviation in known.items() if abs(deviation.z) >= 0.7
           and _matters(name, deviation.z)}
    if not out:
        return [_heat("voice", span, weight, HEAT["voice"][2:], "displeasure")]
    top = sorted(out, key=lambda name: -abs(out[name].z))[:3]
    total = sum(abs(out[name].z) for name in top)
    return [Reason("voice", name, "displeasure", span, weight * abs(out[name].z) / total,
                   _deviation(name, out[name].z, out[name].change, span)) for name in top]


def _matters(name: str, z: float) -> bool:
    """Only more than usual speaks for heat, except the rate: cold anger is slow."""
    return z > 0 or name == "rate"


def _deviation(name: str, z: float, change: float, span: Span) -> Text:
    more_zh, less_zh, more_en, less_en, unit = FEATURES[name]
    size = abs(z) if unit == "SD" else abs(change)
    digits = f"{size:.0f}" if unit in ("%", "dB") else f"{size:.1f}"
    units = {"%": (" %", " %"), "st": (" 个半音", " semitones"), "dB": (" dB", " dB"), "SD": (" 个标准差", " SD")}[unit]
    zh, en = (more_zh, more_en) if z > 0 else (less_zh, less_en)
    return {"zh": f"{zh} {digits}{units[0]} ({_when(span)})", "en": f"{en} {digits}{units[1]} ({_when(span)})"}


def _heat(name: str, span: Span, weight: float, texts: tuple[str, ...], motive: Motive) -> Reason:
    ear = HEAT[name][0]
    text: dict[Language, str] = {"zh": f"{texts[0]} ({_when(span)})", "en": f"{texts[1]} ({_when(span)})"}
    return Reason(ear, name, motive, span, weight, text)


def _quoted(text: str, span: Span) -> Text:
    at = f"{span.start / RATE:.1f} s"
    short = {language: text if len(text) <= most else text[: most - 1] + "…" for language, most in QUOTE.items()}
    return {"zh": f"“{short['zh']}” ({at})", "en": f"'{short['en']}' ({at})"}


def _when(span: Span) -> str:
    start, end = span.seconds
    return f"{start:.1f} s" if end - start < 1.5 else f"{start:.0f}-{end:.0f} s"
