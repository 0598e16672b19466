"""A report as one picture: rung, pitch, rate, loudness, speech of both sides and phrases on one time axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager

from emotion.types import RATE, RUNGS, Language, Moment, Phrase

if TYPE_CHECKING:
    from emotion.report import Report

COLOURS = ("#2a9d8f", "#74b49b", "#c9b458", "#e9a23b", "#e07a3a", "#cf4a35", "#8f1d2c")
"""Calm blue-green over amber to deep red, a colour a rung; number and name stand beside it."""
_HAN = ("PingFang SC", "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "Source Han Sans SC",
        "WenQuanYi Micro Hei", "SimHei")
LANES = 4
"""Lines of phrases above the speech of both sides."""
LETTERS = 100.0
"""Chinese characters at the phrases' size that the width of the picture holds."""
_INK, _QUIET = "#22303a", "#8a98a3"


def draw(report: Report, path: str | Path) -> None:
    """Write the picture; the ending of `path` chooses PNG, SVG or PDF."""
    language: Language = "zh" if report.language != "en" and _han_font() else "en"
    with mpl.rc_context({"font.family": [*([_han_font() or []] if _han_font() else []), "DejaVu Sans"],
                         "axes.edgecolor": _QUIET, "text.color": _INK, "axes.labelcolor": _INK,
                         "xtick.color": _QUIET, "ytick.color": _QUIET, "axes.unicode_minus": False}):
        figure = Figure(figsize=(13, 9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(5, 1, sharex=True, height_ratios=(3.2, 1.3, 1.3, 1.3, 1.8))
        _rungs(axes[0], report, language)
        _trace(axes[1], report.moments, _label("pitch", language), _pitch)
        _trace(axes[2], report.moments, _label("rate", language), _rate)
        _trace(axes[3], report.moments, _label("loudness", language), _loudness)
        _speech(axes[4], report.moments, language)
        axes[4].set_xlim(0, max(report.seconds, 1))
        axes[4].set_xlabel("s")
        figure.savefig(Path(path), dpi=110)


_LABELS = {
    "pitch": {"zh": "音高（半音）", "en": "pitch (semitones)"},
    "rate": {"zh": "语速（音节/秒）", "en": "rate (syllables/s)"},
    "loudness": {"zh": "响度（dB）", "en": "loudness (dB)"},
    "caller": {"zh": "来电人", "en": "caller"},
    "agent": {"zh": "座席", "en": "agent"},
    "title": {"zh": "来电人的位置：对所表达情绪的估计",
              "en": "where the caller stands: an estimate of expressed emotion"},
}


def _label(key: str, language: Language) -> str:
    return _LABELS[key][language]


def _pitch(moment: Moment) -> tuple[float | None, float | None]:
    pitch = moment.reading.voice and moment.reading.voice.pitch
    shift = moment.shift and moment.shift.pitch
    return (pitch.median if pitch else None, shift.normal if shift else None)


def _rate(moment: Moment) -> tuple[float | None, float | None]:
    rate = moment.reading.voice and moment.reading.voice.rate
    shift = moment.shift and moment.shift.rate
    return (rate.syllables if rate else None, shift.normal if shift else None)


def _loudness(moment: Moment) -> tuple[float | None, float | None]:
    loudness = moment.reading.voice and moment.reading.voice.loudness
    shift = moment.shift and moment.shift.loudness
    return (loudness.level if loudness else None, shift.normal if shift else None)


def _rungs(axes: Axes, report: Report, language: Language) -> None:
    axes.set_title(_label("title", language), loc="left", fontsize=13)
    for rung, colour in enumerate(COLOURS):
        axes.axhspan(rung - 0.5, rung + 0.5, color=colour, alpha=0.10, lw=0)
    axes.set_yticks(range(7), [f"{rung}  {RUNGS[rung][language]}" for rung in range(7)])
    axes.set_ylim(-0.6, 6.9)
    known = [(m.reading.at / RATE, m.standing.rung) for m in report.moments if m.standing]
    if known:
        times, rungs = zip(*known, strict=True)
        axes.step(times, rungs, where="post", color=_INK, lw=2)
        axes.scatter(times, rungs, c=[COLOURS[rung] for rung in rungs], s=14, zorder=3)
    for change in report.changes:
        if change.reasons:
            axes.annotate(change.reasons[0].text[language], (change.at / RATE, change.after), fontsize=8,
                          xytext=(3, 7), textcoords="offset points", color=_INK)
    for alert in report.alerts:
        axes.axvline(alert.at / RATE, color=COLOURS[alert.rung], lw=0.8, ls=":")


def _trace(axes: Axes, moments: Sequence[Moment], label: str,
           read: Callable[[Moment], tuple[float | None, float | None]]) -> None:
    """A quiet line, and beneath it the caller's own normal where it is known."""
    times = np.array([moment.reading.at / RATE for moment in moments])
    pairs = [read(moment) for moment in moments]
    values = np.array([np.nan if value is None else value for value, _ in pairs])
    normal = np.array([np.nan if usual is None else usual for _, usual in pairs])
    axes.plot(times, normal, color="#74b49b", lw=5, alpha=0.35, solid_capstyle="round")
    axes.plot(times, values, color=_INK, lw=1.4, marker=".", ms=3)
    axes.set_ylabel(label, fontsize=9)
    axes.grid(axis="x", color="#e4e9ec")


def _speech(axes: Axes, moments: Sequence[Moment], language: Language) -> None:
    times = [moment.reading.span.start / RATE for moment in moments]
    for height, side, colour in ((1.0, "caller", "#cf4a35"), (0.0, "agent", "#3b6ea5")):
        share = [getattr(moment.reading.talk, side) or 0.0 for moment in moments]
        axes.bar(times, [0.8 * min(1.0, value / 0.5) for value in share], width=0.5, bottom=height, align="edge",
                 color=colour, alpha=0.75)
    axes.set_yticks([0.4, 1.4], [_label("agent", language), _label("caller", language)])
    axes.set_ylim(0, 2 + 0.75 * LANES)
    _phrases(axes, [phrase for moment in moments for phrase in moment.reading.words.phrases], len(moments) / 2)


def _phrases(axes: Axes, phrases: Sequence[Phrase], seconds: float) -> None:
    """Every phrase at its moment, in the first lane that is free there; one that fits in none is left to the JSON."""
    free = [0.0] * LANES
    for phrase in sorted(phrases, key=lambda phrase: phrase.span.start):
        begin = phrase.span.start / RATE
        lane = next((n for n, until in enumerate(free) if until <= begin), None)
        if lane is not None:
            width = sum(1.0 if letter > "\u2e80" else 0.6 for letter in phrase.text) + 1
            free[lane] = begin + width * seconds / LETTERS
            axes.text(begin, 2.0 + 0.75 * lane, phrase.text, fontsize=8, color=COLOURS[phrase.rung], va="bottom")


def _han_font() -> str | None:
    """A font of this machine that has Chinese characters; without one the picture's labels are English."""
    names = {font.name for font in fontManager.ttflist}
    if not names & set(_HAN):
        for file in findSystemFonts():
            if "CJK" in file or "Han" in file:
                fontManager.addfont(file)
        names = {font.name for font in fontManager.ttflist}
    return next((name for name in _HAN if name in names), None)
