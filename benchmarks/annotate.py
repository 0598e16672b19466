"""python -m benchmarks annotate CALL_OR_TEXT: label your own calls by the codebook, compare, and measure the engine.

    annotate chats.jsonl --out mine.csv              label, turn by turn; what is labelled already is skipped
    annotate chats.jsonl --agree mine.csv hers.csv   agreement of two people
    annotate chats.jsonl --measure mine.csv          the engine against labels

Text is JSON lines {"id", "turns": [{"sender": "customer" or "helpdesk", "text"}]}, or a plain file with lines
'caller: …' and 'agent: …', a blank line between dialogues. Of a recording (one file a call, the caller's channel
first) the caller's stretches of speech are played, if the machine has ffplay, play, afplay or aplay. Labels are
written as the data has them: id, turn, evidence, position (docs/ladder.md).
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from benchmarks.compose import written
from benchmarks.datasets import speech, texts
from benchmarks.metrics.ladder import mae, qwk
from benchmarks.replay import ENDLESS, standings
from emotion.config import VadConfig, WordsConfig
from emotion.engine import Engine
from emotion.ladder import Ladder
from emotion.types import HOP, LANGUAGES, RATE, RUNGS, Audio, Language, Side, Span
from emotion.voice.vad import Vad
from emotion.words.transcript import TranscriptReader

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3")
PLAYERS = (("ffplay", "-nodisp", "-autoexit", "-loglevel", "quiet"), ("play", "-q"), ("afplay",), ("aplay", "-q"))
PAUSE = 2
"""Hops without speech that end a turn of a recording."""
KEYS = "Evidence and position 0-6, as '3 4' or '34'; Enter: no sign, same position; ?: the rungs; r: again; q: end."
SENDERS: dict[str, Side] = {"customer": "caller", "caller": "caller", "user": "caller", "客户": "caller",
                            "helpdesk": "agent", "agent": "agent", "system": "agent", "客服": "agent"}


@dataclass(frozen=True, slots=True)
class Item:
    """One caller turn to be labelled: its text with what came before, or its stretch of a recording."""

    id: str
    turn: int
    shown: tuple[str, ...]
    audio: Audio | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", type=Path, help="a recording, or dialogues as .jsonl or .txt")
    parser.add_argument("--out", type=Path, default=Path("labels.csv"), help="where labels are written")
    parser.add_argument("--language", choices=LANGUAGES, default="zh")
    parser.add_argument("--agree", type=Path, nargs=2, metavar="LABELS", help="agreement of two files of labels")
    parser.add_argument("--measure", type=Path, metavar="LABELS", help="the engine against these labels")


def run(arguments: argparse.Namespace) -> int:
    if arguments.agree:
        return agree(*arguments.agree)
    if not arguments.what.is_file():
        print(f"{arguments.what} is not a file; give a recording, a .jsonl or a .txt")
        return 2
    if arguments.measure:
        return measure(arguments.what, arguments.measure, arguments.language)
    return label(list(items(arguments.what)), arguments.out)


# ── labelling ───────────────────────────────────────────────────────────────────────────────────

def label(found: Sequence[Item], out: Path, ask: Callable[[str], str] = input) -> int:
    """Ask for every turn that has no label yet; what is answered is written at once."""
    done = {(one.id, one.turn): one for one in texts.ladder_labels(out)} if out.is_file() else {}
    left = [item for item in found if (item.id, item.turn) not in done]
    print(f"{len(left)} of {len(found)} turns to label. {KEYS}")
    for item in left:
        before = done.get((item.id, item.turn - 1))
        answer = _ask(item, before.position if before else 0, ask)
        if answer is None:
            break
        done[item.id, item.turn] = texts.Label(item.id, item.turn, *answer)
        _append(out, done[item.id, item.turn])
    print(f"{sum((item.id, item.turn) in done for item in found)} of {len(found)} turns are labelled in {out}")
    return 0


def _ask(item: Item, position: int, ask: Callable[[str], str]) -> tuple[int, int] | None:
    print(f"\n── {item.id}, turn {item.turn} " + "─" * 40)
    print("\n".join(item.shown))
    _play(item)
    while True:
        try:
            answer = ask(f"evidence position [0 {position}] > ").strip().replace(" ", "")
        except (EOFError, KeyboardInterrupt):
            return None
        if answer == "q":
            return None
        if answer == "?":
            print("\n".join(f"{rung}  {name['zh']}  {name['en']}" for rung, name in enumerate(RUNGS)))
            print("evidence: this turn alone; position: after it, given all before (docs/ladder.md)")
        elif answer == "r":
            _play(item)
        elif not answer:
            return 0, position
        elif len(answer) == 2 and all(digit in "0123456" for digit in answer):
            return int(answer[0]), int(answer[1])
        else:
            print(KEYS)


def _append(out: Path, made: texts.Label) -> None:
    fresh = not out.is_file()
    with out.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(["id", "turn", "evidence", "position"])
        writer.writerow([made.id, made.turn, made.evidence, made.position])


def _play(item: Item) -> None:
    player = next((row for row in PLAYERS if shutil.which(row[0])), None)
    if item.audio is None or player is None:
        return
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        sf.write(file.name, item.audio, RATE)
        subprocess.run([*player, file.name], check=False)


# ── what there is to label ──────────────────────────────────────────────────────────────────────

def items(path: Path) -> Iterator[Item]:
    """Every caller turn of a file, in order."""
    if path.suffix.lower() in AUDIO:
        samples, _ = speech.read(path, RATE)
        for number, span in enumerate(stretches(samples), 1):
            start, end = span.seconds
            yield Item(path.stem, number, (f"{start:.1f}-{end:.1f} s",), samples[span.start:span.end])
        return
    for dialogue in dialogues(path):
        turn, shown = 0, list[str]()
        for side, text in dialogue.turns:
            shown.append(f"{side:>6}: {text}")
            if side == "caller":
                turn += 1
                yield Item(dialogue.id, turn, tuple(shown[-6:]))


def dialogues(path: Path) -> list[texts.Dialogue]:
    """Dialogues of a .jsonl, or of a plain file with 'caller: …' and 'agent: …'; ValueError for other lines."""
    if path.suffix == ".jsonl":
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
        return [texts.Dialogue(str(row["id"]), tuple((_side(turn["sender"]), turn["text"]) for turn in row["turns"]),
                               None) for row in rows]
    blocks = [block.splitlines() for block in path.read_text("utf-8").split("\n\n") if block.strip()]
    return [texts.Dialogue(f"{path.stem}-{number}", tuple(_line(line) for line in block if line.strip()), None)
            for number, block in enumerate(blocks, 1)]


def _line(line: str) -> tuple[Side, str]:
    sender, colon, text = line.replace("：", ":", 1).partition(":")
    if not colon:
        raise ValueError(f"a line must begin with 'caller:' or 'agent:', not {line[:40]!r}")
    return _side(sender.strip()), text.strip()


def _side(sender: str) -> Side:
    side = SENDERS.get(sender.lower())
    if side is None:
        raise ValueError(f"no sender called {sender!r}; there are: {', '.join(SENDERS)}")
    return side


def stretches(samples: Audio) -> list[Span]:
    """Where the caller speaks: hops with speech, joined over pauses shorter than a second."""
    vad = Vad(VadConfig())
    state, spans, quiet = vad.start(), list[Span](), PAUSE
    for number in range(-(-len(samples) // HOP)):
        hop = np.zeros(HOP, np.float32)
        part = samples[number * HOP:(number + 1) * HOP]
        hop[:len(part)] = part
        speaks = vad.step([state], hop[None])[0].fraction > 0.2
        quiet = 0 if speaks else quiet + 1
        if speaks and spans and quiet == 0 and number * HOP - spans[-1].end < PAUSE * HOP:
            spans[-1] = Span(spans[-1].start, (number + 1) * HOP)
        elif speaks:
            spans.append(Span(number * HOP, (number + 1) * HOP))
    return spans


# ── agreement ───────────────────────────────────────────────────────────────────────────────────

def agree(first: Path, second: Path) -> int:
    """Exact agreement, weighted kappa and mean distance of two people on the turns that both labelled."""
    one, two = ({(row.id, row.turn): row for row in texts.ladder_labels(path)} for path in (first, second))
    both = sorted(set(one) & set(two))
    if not both:
        print("no turn was labelled in both files")
        return 1
    print(f"{len(both)} turns labelled in both")
    for name in ("evidence", "position"):
        report(name, [getattr(one[key], name) for key in both], [getattr(two[key], name) for key in both])
    return 0


def measure(what: Path, labels: Path, language: Language) -> int:
    """The engine's position against labels, on text turn by turn, on a recording at the end of each stretch."""
    wanted = {(row.id, row.turn): row.position for row in texts.ladder_labels(labels)}
    found = dict(_recording(what, language) if what.suffix.lower() in AUDIO else _text(what, language))
    both = sorted(set(wanted) & set(found))
    if not both:
        print(f"no turn of {what} is labelled in {labels}")
        return 1
    report("position, engine against labels", [wanted[key] for key in both], [found[key] for key in both])
    return 0


def report(name: str, one: Sequence[int], two: Sequence[int]) -> None:
    exact = float(np.mean(np.equal(one, two)))
    print(f"{name}: exact {exact:.2f}, QWK {qwk(one, two):.3f}, mean distance {mae(one, two):.2f} rungs, n {len(one)}")


def _text(what: Path, language: Language) -> Iterator[tuple[tuple[str, int], int]]:
    reader, ladder = TranscriptReader(WordsConfig()), Ladder()
    for dialogue in dialogues(what):
        stood = standings(ladder, ((reading, None) for reading in written(dialogue, language, reader)))
        for turn, standing in enumerate(stood, 1):
            yield (dialogue.id, turn), standing.rung


def _recording(what: Path, language: Language) -> Iterator[tuple[tuple[str, int], int]]:
    samples, _ = speech.read(what, RATE)
    engine = Engine()
    call = engine.open(what.stem, language=language, buffer=ENDLESS)
    call.push({"caller": samples})
    call.finish()
    rungs: list[int] = []
    while stepped := engine.step([call]):
        rungs += [moment.standing.rung if moment.standing else 0 for _, moment in stepped]
    for turn, span in enumerate(stretches(samples), 1):
        yield (what.stem, turn), rungs[min(len(rungs), span.end // HOP) - 1]
