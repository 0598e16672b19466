"""The card of a mood file, written from the run that made it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.datasets.speech import Clip
from benchmarks.metrics import mood as metrics
from models.train.data import CLASS_OF
from models.train.mood_export import Fact
from models.train.mood_fit import Floats

ANGER = 0
CALM = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """A clip that was not learnt from, and the six logits that it got."""

    clip: Clip
    logits: Floats


def write(path: Path, name: str, facts: Mapping[str, Fact], judged: Sequence[Judged]) -> None:
    """The card as Markdown."""
    data = facts["training_data"]
    assert not isinstance(data, str | int | float)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_TEXT.format(
        name=name, sha256=facts["sha256"], licence=facts["licence"], speakers=facts["training_speakers"],
        commercial="yes" if facts["commercial_use"] else "no",
        data="\n".join(f"- {item}" for item in data), table=_table(judged), golden="models/manifest.toml, `golden`",
    ), "utf-8")


def _table(judged: Sequence[Judged]) -> str:
    lines = ["| corpus, part | clips | anger against rest, AUC | anger against neutral, AUC | calibration error |",
             "|---|---|---|---|---|"]
    for corpus in dict.fromkeys(one.clip.corpus for one in judged):
        mine = [one for one in judged if one.clip.corpus == corpus]
        lines.append(_row(f"{corpus} ({mine[0].clip.lang})", mine))
        for gender in ("F", "M"):
            part = [one for one in mine if one.clip.gender == gender]
            if part:
                lines.append(_row(f"{corpus}, {'women' if gender == 'F' else 'men'}", part))
    return "\n".join(lines)


def _row(label: str, judged: Sequence[Judged]) -> str:
    raw = np.stack([one.logits[:5] for one in judged]).astype(np.float64)
    probability = np.exp(raw - raw.max(1, keepdims=True))
    anger = (probability / probability.sum(1, keepdims=True))[:, ANGER]
    kinds = np.array([CLASS_OF[one.clip.emotion] for one in judged])
    truth, plain = kinds == ANGER, (kinds == ANGER) | (kinds == CALM)
    low, high = metrics.by_speaker([one.clip.speaker for one in judged],
                                   lambda rows: metrics.auc(truth[rows], anger[rows]))
    interval = "" if np.isnan(low) else f" ({low:.2f}-{high:.2f})"
    return (f"| {label} | {len(judged)} | {metrics.auc(truth, anger):.3f}{interval} | "
            f"{metrics.auc(truth[plain], anger[plain]):.3f} | {metrics.ece(truth, anger):.3f} |")


_TEXT = """# {name}

An estimate of expressed emotion from the sound of a voice on the telephone: probabilities of anger, joy, sadness,
fear or other, and neutral or calm, and arousal. It hears how something is said, not what; it knows nothing of what a
person feels.

| | |
|---|---|
| sha256 | `{sha256}` |
| input | 64 log-mel bands of 10 ms at 8 kHz and the speech mask, 0.5 s at a time; state carried |
| licence | {licence} |
| commercial use | {commercial} |
| trained by | `python -m models.train mood` |
| proof | outputs for a made signal: {golden} |

## For
Hints to an agent or a supervisor about a caller who has been told, as one weak witness beside words and talk.

## Not for
Decisions about people; employees (EU AI Act, Art. 5(1)(f)); health; lie detection; comparison of one person with
another. Single hops are noise; only a lasting change counts.

## Trained on
{data}

Speakers: {speakers}. Augmented to telephone calls: band, mu-law, GSM-like coding, packet loss, gain, noise at
5-30 dB, small rooms, rate, pitch and tempo (models/train/augment.py). Only the head is learnt (about 0.1 M
weights); the measures before it are fixed. No foundation model was distilled.

## Figures
Telephone condition, clips of speakers that were not learnt from, last estimate of each clip; 95 % intervals over
speakers (with fewer than five speakers they are only a hint). Acted speech, all of it. Six numbers of calibration
were fitted on the dev speakers of the corpora learnt from. Where a corpus was learnt
from, its rows are other speakers of the same corpus, which flatters; `python -m benchmarks run mood` has noise, loss,
four classes, arousal, leave-one-corpus-out and the peers.

{table}

## Known failures
- Acted anger is louder in colour than real anger: cold anger and irony are missed.
- Augmentation and the share of synthetic speech were chosen by looking at RAVDESS and CASIA: on speech that nobody
  looked at, expect a little less.
- Joy and surprise are high arousal as well and are taken for anger more often than anything else is.
- Women and men are not served equally in every corpus; see the rows above.
- Below about 0.6 s of speech there is no estimate; the first second is unsure.
- Babble near the phone's level raises arousal.
"""
