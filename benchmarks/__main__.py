"""python -m benchmarks list | run TASK... --data DIR [--json FILE] [--quick] | annotate WHAT: the offline suite."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks import tasks
from benchmarks.task import Options, Row, Task, markdown

NAMES = sorted(module.name for module in pkgutil.iter_modules(tasks.__path__))


def load(name: str) -> Task:
    return importlib.import_module(f"benchmarks.tasks.{name}")


def main(argv: list[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in NAMES:  # `python -m benchmarks capacity` means `run capacity`
        words.insert(0, "run")
    arguments = _parser().parse_args(words)
    if arguments.command == "list":
        for name in NAMES:
            print(f"{name:10} {load(name).SUMMARY}")
        return 0
    if arguments.command == "annotate":
        from benchmarks import annotate

        return annotate.run(arguments)
    return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    names = NAMES if arguments.task == ["all"] else arguments.task
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no task called {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    options = Options(arguments.data, arguments.quick, not arguments.no_peers, arguments.calls, arguments.seed,
                      say=lambda text: print(text, file=sys.stderr, flush=True))
    rows: list[Row] = []
    for name in names:
        task = load(name)
        missing = task.validate(options.data)
        if missing:
            print(f"{name}: not run, {'; '.join(missing)}", file=sys.stderr)
            if len(names) == 1:
                return 2
            continue
        for row in task.evaluate(options):
            rows.append(row)
            options.say(f"{row.task} {row.system} {row.condition} {row.metric} {row.value:.4g}")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1) + "\n",
                                  "utf-8")
    print(markdown(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the tasks, a line each")
    run = commands.add_parser("run", help="run tasks and print their tables")
    run.add_argument("task", nargs="+", help=f"all, or some of: {', '.join(NAMES)}")
    run.add_argument("--data", type=Path, default=Path(os.environ.get("EMOTION_DATA", "../shared/data")))
    run.add_argument("--json", type=Path, help="write the rows to this file")
    run.add_argument("--quick", action="store_true", help="a small sample of everything")
    run.add_argument("--no-peers", action="store_true", help="our own system only")
    run.add_argument("--calls", type=int, default=50, help="concurrent calls (capacity)")
    run.add_argument("--seed", type=int, default=0)
    if (Path(__file__).parent / "annotate.py").is_file():
        from benchmarks import annotate

        annotate.add_arguments(commands.add_parser("annotate", help="label calls or dialogues by the codebook"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
