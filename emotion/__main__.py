"""python -m emotion analyze CALL: one recording, from audio to alerts in words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from emotion.audio.files import LONGEST_H
from emotion.audio.pcm import AudioError
from emotion.config import Config, MoodConfig, WordsConfig
from emotion.transcripts import TranscriptError, read_transcript
from emotion.types import Utterance
from emotion.weights import WeightsError
from emotion.words import pull


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (AudioError, TranscriptError, WeightsError, OSError) as fault:
        print(f"emotion: {fault}", file=sys.stderr)
        return 2


def _analyze(arguments: argparse.Namespace) -> int:
    from emotion.report import analyze

    script: Sequence[Utterance] = read_transcript(arguments.transcript) if arguments.transcript else ()
    config = Config(mood=MoodConfig(weights=arguments.mood), words=WordsConfig(fetched=str(pull.CACHE)),
                    mono=arguments.mono)
    report = analyze(arguments.call, language=arguments.language, transcript=script, caller=arguments.caller,
                     config=config, progress=_bar() if sys.stderr.isatty() else None, longest_h=arguments.longest)
    if script:
        print("(words come from the transcript that was given, not from the audio)")
    print(report.describe(arguments.words or arguments.language or "en"))
    if arguments.json:
        report.to_json(arguments.json)
        print(f"JSON: {arguments.json}")
    if arguments.table:
        report.to_table(arguments.table)
        print(f"table: {arguments.table}")
    if arguments.plot:
        report.plot(arguments.plot)
        print(f"picture: {arguments.plot}")
    return 0


def _bar() -> Callable[[float, float], None]:
    """Progress on one line of the terminal."""
    def show(done: float, total: float) -> None:
        share = min(1.0, done / total) if total else 1.0
        print(f"\r{'█' * round(30 * share):30} {done:6.1f} / {total:.1f} s", end="\n" if share == 1 else "",
              file=sys.stderr, flush=True)
    return show


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emotion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("analyze", help="one recording: where the caller stands, why, and what to say")
    one.add_argument("call", type=Path, help="wav, flac, ogg, mp3, or raw G.711 (.ulaw, .alaw); one channel or two")
    one.add_argument("--language", choices=["zh", "en"], help="of the caller (default: the transcript's, else zh)")
    one.add_argument("--words", choices=["zh", "en"], help="language of this output (default: the caller's, else en)")
    one.add_argument("--transcript", type=Path, help="what a recogniser heard: JSON, JSON lines, or a sample's TOML")
    one.add_argument("--caller", type=int, choices=[0, 1], default=0, help="the caller's channel of two (default 0)")
    one.add_argument("--mono", choices=["caller", "agent"], default="caller", help="whose voice one channel holds")
    one.add_argument("--mood", default=MoodConfig().weights, help="mood weights by name (models/manifest.toml)")
    one.add_argument("--longest", type=float, default=LONGEST_H, metavar="HOURS", help="longest recording taken")
    one.add_argument("--json", type=Path, metavar="OUT", help="write the whole report here")
    one.add_argument("--table", type=Path, metavar="OUT.csv", help="write one row each 0.5 s (csv or parquet)")
    one.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the timeline (png, svg or pdf)")
    one.set_defaults(run=_analyze)
    models = commands.add_parser("models", help="weights: what is there, and fetching stronger ones")
    pull.add_arguments(models)
    models.set_defaults(run=pull.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
