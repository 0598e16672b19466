"""The command line and the settings: one line that says what is wrong, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
import soundfile

from api.__main__ import main
from api.settings import Settings, SettingsError, markdown, read, table, variable
from tests.service import SAMPLES, serving


def test_the_table_names_every_setting() -> None:
    text = table(Settings(database="postgresql+psycopg://me:secret@db/x"))
    for item in fields(Settings):
        assert variable(item.name) in text
        assert item.metadata["about"] in text
    assert "secret@" not in text


def test_the_page_has_the_table() -> None:
    """docs/service.md shows the settings as they are: `python -m api settings --markdown`."""
    assert markdown() in (SAMPLES.parent.parent / "docs" / "service.md").read_text("utf-8")


@pytest.mark.parametrize(("name", "value"), [
    ("EMOTION_PORT", "http"), ("EMOTION_PORT", "70000"), ("EMOTION_LAG_S", "-1"), ("EMOTION_DEMO", "maybe"),
    ("EMOTION_GRACE_S", "nan"), ("EMOTION_CALLS", "0")])
def test_wrong_settings_are_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({name: value})


def test_settings_are_read() -> None:
    settings = read({"EMOTION_PORT": " 81 ", "EMOTION_DEMO": "yes", "EMOTION_LAG_S": "3.5", "OTHER": "x"})
    assert (settings.port, settings.demo, settings.lag_s) == (81, True, 3.5)
    assert read({}) == Settings()


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str,
            **environment: str) -> str:
    """The one line on stderr of a command that ends with 2."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("emotion: ")
    assert "\n" not in said
    return said


def test_serve_refuses_to_be_open(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                  tmp_path: Path) -> None:
    """No key, no entry: not on a public address, not in demo mode beside keys."""
    database = f"sqlite:///{tmp_path / 'x.db'}"
    said = refused(capsys, monkeypatch, "serve", "--host", "0.0.0.0", EMOTION_DATABASE=database)
    assert "no API key" in said
    assert "loopback only" in refused(capsys, monkeypatch, "serve", "--host", "0.0.0.0", "--demo")
    assert main(["keys", "--tenant", "t", "--role", "admin", "--name", "me"]) == 0
    assert capsys.readouterr().out.startswith("em_")
    assert "there are API keys" in refused(capsys, monkeypatch, "serve", "--demo")


def test_serve_names_what_is_wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                   tmp_path: Path) -> None:
    said = refused(capsys, monkeypatch, "serve", EMOTION_DATABASE="postgresql+psycopg://me:secret@127.0.0.1:1/x")
    assert "secret" not in said
    assert "EMOTION_DATABASE" in said
    database = f"sqlite:///{tmp_path / 'x.db'}"
    assert "EMOTION_PORT" in refused(capsys, monkeypatch, "serve", EMOTION_PORT="x", EMOTION_DATABASE=database)
    assert "LOG_LEVEL" in refused(capsys, monkeypatch, "serve", EMOTION_PORT="1", EMOTION_LOG_LEVEL="loud")


@pytest.mark.parametrize("arguments", [
    ["stream", "nothing.wav"], ["stream", str(SAMPLES / "zh.toml")],
    ["stream", str(SAMPLES / "zh.ogg"), "--transcript", "nothing.json"],
    ["stream", str(SAMPLES / "zh.ogg"), "--url", "ws://127.0.0.1:1/v1/stream"]])
def test_stream_names_what_is_wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
                                    arguments: list[str]) -> None:
    refused(capsys, monkeypatch, *arguments)


def test_stream_shows_the_ladder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A recording and its script: the text is said to be sent, the ladder and the alerts are printed."""
    samples, rate = soundfile.read(SAMPLES / "zh.ogg", frames=40_000)
    soundfile.write(tmp_path / "call.wav", samples, rate)
    script = [{"channel": "caller", "start": second, "end": second + 1, "text": "我要投诉你们"} for second in (0, 2)]
    (tmp_path / "call.json").write_text(json.dumps(script), "utf-8")
    with serving(tmp_path) as service:
        arguments = ["stream", str(tmp_path / "call.wav"), "--transcript", str(tmp_path / "call.json"), "--speed",
                     "1000", "--url", service.ws + "/v1/stream", "--agent", "lin", "--expect-alerts"]
        assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "script's text is sent" in said
    for shown in ("█", "↑ 5 投诉", "[supervisor]", "call ended (stop)", "after its evidence"):
        assert shown in said


@pytest.mark.slow
def test_sigterm_drains(tmp_path: Path) -> None:
    """A real process: it serves, is told to stop, and goes in order with status 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "EMOTION_DATABASE": f"sqlite:///{tmp_path / 'x.db'}", "EMOTION_DRAIN_S": "1",
                   "EMOTION_FILES": str(tmp_path / "files"), "EMOTION_LOG_JSON": "1"}
    process = subprocess.Popen([sys.executable, "-m", "api", "serve", "--port", str(port)], env=environment,
                               stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            break
        except httpx.ConnectError:
            assert process.poll() is None
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
