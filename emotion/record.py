"""The complaint record for the ticket system: kind, what was demanded, and the way up, from a call's moments.

Kinds by the codebook (客诉分类). The proposal is a rule that can be read, not a model: *escalated* when it goes outside
or attacks (rung 6); *hard* when it keeps coming back (complained before, told again three times, or passed on twice);
*major* when rights, money or deception are at issue (accusation, or a demand together with a threat); else *ordinary*.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from emotion.types import RATE, RUNGS, Language, Moment, Phrase, Reason, Span

COMPLAINT = 5
AGAIN = 3
"""Repetitions, and transfers less one, that make a complaint hard."""

Kind = Literal["ordinary", "major", "escalated", "hard"]
Text = Mapping[Language, str]
KINDS: Mapping[Kind, Text] = {
    "ordinary": {"zh": "普通", "en": "ordinary"},
    "major": {"zh": "重大", "en": "major"},
    "escalated": {"zh": "升级", "en": "escalated"},
    "hard": {"zh": "疑难", "en": "hard"},
}
BEFORE = {"complained-before", "past-complaint", "complained"}
"""Words in the key of a phrase that tells of an earlier complaint."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the caller, for the timeline; `seconds` from the start of the call."""

    seconds: float
    before: int
    after: int
    why: Text


@dataclass(frozen=True, slots=True)
class Record:
    """What a ticket needs of one complaint."""

    kind: Kind
    because: tuple[Text, ...]
    peak: int
    reached: float
    """Second at which rung 5 was reached."""
    ended: int
    """Rung at the end of the call."""
    demanded: tuple[str, ...]
    """Demands in the caller's own words; empty where no words were heard."""
    timeline: tuple[Step, ...]
    waited: float
    repeats: int
    transfers: int
    summary: Text

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON and webhooks."""
        return asdict(self)


def complaint(moments: Iterable[Moment]) -> Record | None:
    """The record of a call that stood on rung 5 or 6; None for any other."""
    seen = [moment for moment in moments if moment.standing is not None]
    standings = [moment.standing for moment in seen if moment.standing is not None]
    reached = next((standing.at for standing in standings if standing.rung >= COMPLAINT), None)
    if reached is None:
        return None
    phrases = [phrase for moment in seen for phrase in moment.reading.words.phrases]
    talk = seen[-1].reading.talk
    repeats = sum(moment.reading.words.repeat is not None for moment in seen)
    peak = max(standing.rung for standing in standings)
    kind, because = propose(peak, phrases, repeats, talk.transfers)
    timeline = tuple(Step(change.at / RATE, change.before, change.after, _joined(change.reasons))
                     for moment in seen if (change := moment.change) is not None)
    demanded = tuple(dict.fromkeys(phrase.text for phrase in phrases if phrase.motive == "demand"))
    ended = standings[-1].rung
    return Record(kind, because, peak, reached / RATE, ended, demanded, timeline, talk.waited, repeats, talk.transfers,
                  _summary(kind, reached / RATE, peak, ended, demanded))


def propose(peak: int, phrases: Sequence[Phrase], repeats: int, transfers: int) -> tuple[Kind, tuple[Text, ...]]:
    """The kind, and every reason that speaks for it."""
    motives = {phrase.motive for phrase in phrases}
    if peak > COMPLAINT:
        outside = [phrase for phrase in phrases if phrase.rung > COMPLAINT]
        return "escalated", _because("诉诸外部或言语攻击", "goes outside or attacks", outside)
    earlier = [phrase for phrase in phrases if any(word in phrase.key for word in BEFORE)]
    hard: list[Text] = [*(_because("此前投诉过", "complained before", earlier) if earlier else ())]
    if repeats >= AGAIN:
        hard.append({"zh": f"重复说了 {repeats} 次", "en": f"had to say it again {repeats} times"})
    if transfers >= AGAIN - 1:
        hard.append({"zh": f"被转接 {transfers} 次", "en": f"was passed on {transfers} times"})
    if hard:
        return "hard", tuple(hard)
    if "accusation" in motives or {"demand", "threat"} <= motives:
        weighty = [phrase for phrase in phrases if phrase.motive in ("accusation", "threat", "demand")]
        return "major", _because("涉及权益、钱款或欺骗", "rights, money or deception are at issue", weighty)
    return "ordinary", ({"zh": "正式投诉，无其他加重情形", "en": "a formal complaint without aggravation"},)


def _because(zh: str, en: str, phrases: Sequence[Phrase]) -> tuple[Text, ...]:
    shown = list(dict.fromkeys((phrase.text, _at(phrase.span)) for phrase in phrases))[:3]
    if not shown:
        return ({"zh": zh, "en": en},)
    quotes_zh = "、".join(f"“{text}” ({at})" for text, at in shown)
    quotes_en = ", ".join(f"'{text}' ({at})" for text, at in shown)
    return ({"zh": f"{zh}：{quotes_zh}", "en": f"{en}: {quotes_en}"},)


def _joined(reasons: Sequence[Reason]) -> Text:
    told = [reason for reason in reasons if reason.ear != "time"] or list(reasons)
    return {"zh": "，".join(reason.text["zh"] for reason in told),
            "en": ", ".join(reason.text["en"] for reason in told)}


def _summary(kind: Kind, reached: float, peak: int, ended: int, demanded: Sequence[str]) -> Text:
    zh = (f"{KINDS[kind]['zh']}客诉：{_clock(reached)} 表示投诉，最高到“{RUNGS[peak]['zh']}”，"
          f"结束时为“{RUNGS[ended]['zh']}”。")
    en = (f"{KINDS[kind]['en'].capitalize()} complaint: said at {_clock(reached)}, peak '{RUNGS[peak]['en']}', at the "
          f"end '{RUNGS[ended]['en']}'.")
    if demanded:
        zh += f"要求：{'、'.join(demanded)}。"
        en += f" Demanded: {', '.join(demanded)}."
    return {"zh": zh, "en": en}


def _at(span: Span) -> str:
    return f"{span.start / RATE:.1f} s"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
