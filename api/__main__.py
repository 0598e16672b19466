"""The service's command line: serve, stream, settings, keys."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from api.settings import Settings, SettingsError, markdown, read, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all went well, 2 with one line on stderr otherwise."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options, read()))
    except SettingsError as fault:
        return _fail(str(fault))


def _fail(message: str) -> int:
    print(f"emotion: {message}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api", description="Call audio in, alerts out.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serve = commands.add_parser("serve", help="run the service (settings: python -m api settings)")
    serve.add_argument("--host")
    serve.add_argument("--port", type=int)
    serve.add_argument("--demo", action="store_true", help="no keys; loopback only")
    serve.set_defaults(run=_serve)
    stream = commands.add_parser("stream", help="stream a recording as a softphone would")
    stream.add_argument("file", type=Path)
    stream.add_argument("--url", default="ws://127.0.0.1:8000/v1/stream")
    stream.add_argument("--key", help="API key; better in EMOTION_KEY")
    stream.add_argument("--transcript", type=Path, help="the script of the call, sent as transcript messages")
    stream.add_argument("--language", choices=("zh", "en"), default="zh")
    stream.add_argument("--speed", type=float, default=1.0, help="times real time")
    stream.add_argument("--calls", type=int, default=1, help="as many calls at once")
    stream.add_argument("--agent", help="the agent's id")
    stream.add_argument("--call", help="the call's id")
    stream.add_argument("--caller", type=int, choices=(0, 1), default=0, help="which channel is the caller")
    stream.add_argument("--expect-alerts", action="store_true", help="exit with 1 if a call brought none")
    stream.set_defaults(run=_stream)
    demo = commands.add_parser("demo", help="a service, two sample calls, and the console")
    demo.add_argument("--once", action="store_true", help="end after the calls")
    demo.add_argument("--port", type=int, default=8000)
    demo.add_argument("--script", action="store_true", help="send the calls' texts along as transcripts")
    demo.add_argument("--speed", type=float, default=1.0, help="times real time")
    demo.set_defaults(run=_demo)
    settings = commands.add_parser("settings", help="print every setting, its value and its meaning")
    settings.add_argument("--markdown", action="store_true", help="as the table of docs/service.md")
    settings.set_defaults(run=_settings)
    judged = commands.add_parser("feedback", help="write what agents said of alerts, to recalibrate the alert budget: "
                                                  "python -m models.train ladder --feedback FILE --budget N")
    judged.add_argument("--tenant", required=True)
    judged.add_argument("--out", type=Path, required=True, help="JSON lines, one a call")
    judged.set_defaults(run=_feedback)
    keys = commands.add_parser("keys", help="make an API key; it is shown once")
    keys.add_argument("--tenant", required=True)
    keys.add_argument("--role", required=True, choices=("ingest", "agent", "supervisor", "admin"))
    keys.add_argument("--name", required=True)
    keys.add_argument("--agent")
    keys.add_argument("--team")
    keys.set_defaults(run=_keys)
    return parser


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from api.serve import serve

    return serve(settings, options.host, options.port, options.demo)


def _demo(options: argparse.Namespace, _: Settings) -> int:
    from api.demo import run

    return run(once=options.once, port=options.port, script=options.script, speed=options.speed)


def _stream(options: argparse.Namespace, _: Settings) -> int:
    import os

    from api.client import Spec, StreamError, stream_many
    from emotion.audio.pcm import AudioError
    from emotion.transcripts import TranscriptError, read_transcript

    try:
        script = read_transcript(options.transcript) if options.transcript else ()
        spec = Spec(options.file, options.url, options.key or os.environ.get("EMOTION_KEY"), script, options.language,
                    options.speed, options.agent, options.call, options.caller, quiet=options.calls > 4)
        results = asyncio.run(stream_many(spec, options.calls, lambda line: print(line, flush=True)))
    except (StreamError, AudioError, TranscriptError, OSError) as fault:
        return _fail(str(fault))
    alerts = [len(result.of("alert")) for result in results]
    late = sorted(second for result in results for second in result.lateness)
    worst = f", latest {late[-1]:.1f} s after its evidence" if late else ""
    print(f"{len(results)} call(s), {sum(alerts)} alerts{worst}")
    return 1 if options.expect_alerts and not all(alerts) else 0


def _settings(options: argparse.Namespace, settings: Settings) -> int:
    print(markdown() if options.markdown else table(settings))
    return 0


def _keys(options: argparse.Namespace, settings: Settings) -> int:
    from api.security import Role
    from api.serve import add_key
    from api.store import StoreError

    if (options.role == "agent") != (options.agent is not None):
        return _fail("--agent goes with --role agent, and only with it")
    try:
        print(add_key(settings, options.tenant, Role(options.role), options.name, options.agent, options.team))
    except StoreError as fault:
        return _fail(str(fault))
    return 0


def _feedback(options: argparse.Namespace, settings: Settings) -> int:
    from api.serve import export_feedback
    from api.store import StoreError

    try:
        count = export_feedback(settings, options.tenant, options.out)
    except (StoreError, OSError) as fault:
        return _fail(str(fault))
    print(f"{count} calls written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
