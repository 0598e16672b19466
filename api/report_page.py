"""A recording's result as a page: plain HTML without scripts, the ladder as a picture, changes and alerts in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from emotion.report import NOTE
from emotion.types import RUNGS, Language

WORDS: Mapping[str, Mapping[Language, str]] = {
    "title": {"zh": "录音分析", "en": "Recording"}, "peak": {"zh": "最高", "en": "Peak"},
    "length": {"zh": "时长", "en": "Length"}, "changes": {"zh": "变化与依据", "en": "Changes and their reasons"},
    "alerts": {"zh": "提示与话术", "en": "Alerts and what to say"}, "none": {"zh": "没有。", "en": "None."},
    "unknown": {"zh": "没有可以判断的来电人语音", "en": "no speech of the caller that could be judged"},
    "ladder": {"zh": "情绪温度随时间的变化", "en": "The ladder over time"},
}
WIDTH, HEIGHT, LEFT, TOP = 900, 230, 40, 10


def page_of(name: str, summary: Mapping[str, Any], found: Mapping[str, Any], language: Language) -> str:
    """The whole page."""
    peak = summary["peak"]
    stood = WORDS["unknown"][language] if peak is None else f"{peak} {RUNGS[peak][language]}"
    title = escape(f"{WORDS['title'][language]}: {name}")
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/console/tokens.css"><link rel="stylesheet" href="/console/styles.css"></head>
<body class="report"><main><h1>{title}</h1>
<p>{WORDS['length'][language]}: {summary['seconds']:.1f} s · {WORDS['peak'][language]}: {escape(stood)}</p>
<p><small>{escape(NOTE[language])}</small></p>
{picture(found['readings'], summary['seconds'], language)}
<h2>{WORDS['changes'][language]}</h2>{_list(_changes(found['changes'], language), language)}
<h2>{WORDS['alerts'][language]}</h2>{_list(_alerts(found['alerts'], language), language)}
</main></body></html>
"""


def picture(readings: list[Mapping[str, Any]], seconds: float, language: Language) -> str:
    """The rung over time as a step line (SVG without styles, as the content security policy wants it)."""
    known = [(row["at"], row["rung"]) for row in readings if row["rung"] is not None]
    if not known:
        return ""
    across = (WIDTH - LEFT - 10) / max(seconds, 1.0)
    down = (HEIGHT - TOP - 30) / 6
    lines = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{TOP + (6 - rung) * down:.1f}" y2="{TOP + (6 - rung) * down:.1f}" '
        f'stroke="currentColor" stroke-opacity="0.2"/><text x="{LEFT - 20}" y="{TOP + (6 - rung) * down + 5:.1f}" '
        f'fill="currentColor" font-size="13">{rung}</text>' for rung in range(7))
    path = f"M{LEFT + known[0][0] * across:.1f} {TOP + (6 - known[0][1]) * down:.1f}"
    path += "".join(f"H{LEFT + at * across:.1f}V{TOP + (6 - rung) * down:.1f}" for at, rung in known[1:])
    step = next(size for size in (5, 10, 30, 60, 300, 600, 1800, 3600) if seconds / size <= 15 or size == 3600)
    marks = "".join(
        f'<text x="{LEFT + at * across:.1f}" y="{HEIGHT - 8}" fill="currentColor" font-size="12">{at}</text>'
        for at in range(0, int(seconds) + 1, step))
    return (f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{WORDS["ladder"][language]}" width="100%">'
            f'{lines}{marks}<path d="{path}" fill="none" stroke="currentColor" stroke-width="2.5"/></svg>')


def _changes(changes: list[Mapping[str, Any]], language: Language) -> Iterator[str]:
    for change in changes:
        arrow = "↑" if change["after"] > change["before"] else "↓"
        why = "; ".join(escape(reason["text"][language]) for reason in change["reasons"])
        yield f"{change['at']:.1f} s {arrow} {change['after']} {escape(RUNGS[change['after']][language])}: {why}"


def _alerts(alerts: list[Mapping[str, Any]], language: Language) -> Iterator[str]:
    for alert in reversed(alerts):
        card = alert["guidance"][language]
        yield (f"{alert['at']:.1f} s <strong>{escape(card['title'])}</strong> ({alert['audience']})<br>"
               f"{escape(card['mood'][0])}<br>{escape(card['matter'])}")


def _list(lines: Iterator[str], language: Language) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else f"<p>{WORDS['none'][language]}</p>"
