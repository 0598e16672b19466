"""The main job on one machine: a service, two sample calls, the ladder and the alerts, the console left open.

The engine hears the words itself; with `script` the calls' texts go along as transcript messages.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from api.client import Result, Spec, StreamError, stream
from emotion.transcripts import read_transcript
from emotion.types import RATE, Language

SAMPLES = Path(__file__).with_name("samples")
AGENTS: Mapping[Language, str] = {"zh": "lin", "en": "anna"}
PATIENCE_S = 60.0
"""How long the service may take to be ready; a first start compiles and migrates."""


def run(*, once: bool = False, port: int = 8000, script: bool = False, speed: float = 1.0) -> int:
    """Serve, stream both samples at once, tell what came; 1 when a call brought no alert, 2 when it cannot run."""
    if not _free(port):
        print(f"port {port} is taken; trying a free one", file=sys.stderr)
        port = _any_port()
    with tempfile.TemporaryDirectory(prefix="emotion-demo-") as folder, _service(port, Path(folder)) as service:
        home = f"http://127.0.0.1:{port}/"
        try:
            _await_ready(home, service)
            print(f"console: {home}\n")
            results = asyncio.run(_calls(port, script, speed))
        except (StreamError, TimeoutError) as fault:
            print(f"emotion: {fault}", file=sys.stderr)
            return 2
        silent = [language for language, result in results.items() if not result.of("alert")]
        for language, result in results.items():
            print(_verdict(language, result, script))
        if silent:
            print(f"no alert came for: {', '.join(silent)}", file=sys.stderr)
        if not once and not silent:
            _stay(home, service)
        return 1 if silent else 0


async def _calls(port: int, script: bool, speed: float) -> dict[Language, Result]:
    url = f"ws://127.0.0.1:{port}/v1/stream"
    languages: tuple[Language, ...] = ("zh", "en")
    specs = [Spec(SAMPLES / f"{language}.ogg", url, language=language, agent=AGENTS[language], speed=speed,
                  call=f"sample-{language}", transcript=read_transcript(SAMPLES / f"{language}.toml") if script else ())
             for language in languages]
    results = await asyncio.gather(*(stream(spec, _say(spec.language)) for spec in specs))
    return dict(zip(languages, results, strict=True))


def _say(language: Language) -> Callable[[str], None]:
    return lambda line: print(f"[{language}] {line}", flush=True)


def _verdict(language: Language, result: Result, script: bool) -> str:
    """One line a call: the rungs in order of their alerts, and how long after its evidence each alert came."""
    told = [(message["alert"], late) for message, late in zip(result.of("alert"), result.lateness, strict=True)
            if message["alert"]["kind"] == "raise"]
    said = [u.span.end / RATE for u in read_transcript(SAMPLES / f"{language}.toml") if u.side == "caller"]
    ends = [(alert["at"], late, said if script else _heard(alert)) for alert, late in told]
    waits = [wait for at, late, before in ends if (wait := after_evidence(at, late, before)) is not None]
    rungs = list(dict.fromkeys(alert["rung"] for alert, _ in told))
    what = "sentence" if script else "phrase"
    late = f", each at most {max(waits):.1f} s after the end of the {what} that it follows" if waits else ""
    return f"[{language}] alerts for rungs {' → '.join(map(str, rungs)) or 'none'}{late}"


def _heard(alert: Mapping[str, Any]) -> list[float]:
    """When the phrases that an alert rests on ended, in seconds."""
    return sorted(reason["span"][1] for reason in alert["reasons"] if reason["ear"] == "words")


def after_evidence(at: float, late: float, ends: Sequence[float]) -> float | None:
    """Seconds from the last of these ends before it to the alert's arrival; None where there is none."""
    before = [end for end in ends if end <= at]
    return at + max(0.0, late) - before[-1] if before else None


@contextmanager
def _service(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m api serve` in demo mode with a database of its own, ended with this process."""
    environment = os.environ | {"EMOTION_DATABASE": f"sqlite:///{folder / 'demo.db'}", "EMOTION_DEMO": "1",
                                "EMOTION_FILES": str(folder / "files"), "EMOTION_LOG_LEVEL": "warning"}
    command = [sys.executable, "-m", "api", "serve", "--port", str(port)]
    service = subprocess.Popen(command, env=environment)
    try:
        yield service
    finally:
        service.terminate()
        try:
            service.wait(30)
        except subprocess.TimeoutExpired:
            service.kill()


def _await_ready(home: str, service: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if service.poll() is not None:
            raise StreamError(f"the service ended at once with status {service.returncode}; its reason stands above")
        with suppress(httpx.TransportError):
            if httpx.get(f"{home}readyz", timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise TimeoutError(f"the service was not ready within {PATIENCE_S:.0f} s")


def _stay(home: str, service: subprocess.Popen[bytes]) -> None:
    print(f"\nThe console stays open at {home} - stop with Ctrl+C.")
    try:
        service.wait()
    except KeyboardInterrupt:
        print()


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

