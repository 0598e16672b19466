"""Fetching weights: verified, resumed, from a folder, and clear where there is no network."""

import argparse
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from emotion.weights import WeightsError
from emotion.words import pull

CONTENT = bytes(range(256)) * 600


class Handler(BaseHTTPRequestHandler):
    asked: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        Handler.asked.append(wanted)
        first = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - first))
        self.end_headers()
        self.wfile.write(CONTENT[first:])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[pull.Source]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    one = pull.Source("a test", "none", f"http://127.0.0.1:{server.server_port}/",
                      {"model.bin": hashlib.sha256(CONTENT).hexdigest()})
    monkeypatch.setattr(pull, "SOURCES", {"one": one})
    Handler.asked.clear()
    yield one
    server.shutdown()
    server.server_close()


def test_pull_fetches_and_does_not_fetch_twice(source: pull.Source, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = pull.pull("one", tmp_path, show=lambda *progress: seen.append(progress))
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert seen[-1] == ("model.bin", len(CONTENT), len(CONTENT))
    assert pull.present("one", tmp_path)
    pull.pull("one", tmp_path)
    assert Handler.asked == [None]


def test_pull_goes_on_where_it_stopped(source: pull.Source, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.bin.part").write_bytes(CONTENT[:1000])
    folder = pull.pull("one", tmp_path)
    assert (folder / "model.bin").read_bytes() == CONTENT
    assert Handler.asked == ["bytes=1000-"]


def test_an_altered_file_is_thrown_away(source: pull.Source, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "model.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(WeightsError, match="SHA-256 differs"):
        pull.pull("one", tmp_path)
    assert not list((tmp_path / "one").iterdir())


def test_from_a_folder(source: pull.Source, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="--from names the folder"):
        pull.pull("one", tmp_path / "cache", tmp_path)
    (tmp_path / "model.bin").write_bytes(CONTENT)
    assert pull.pull("one", tmp_path / "cache", tmp_path) == tmp_path / "cache" / "one"
    assert Handler.asked == []


def test_without_a_network_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = pull.Source("a test", "none", "http://127.0.0.1:9/", {"model.bin": "0"})
    monkeypatch.setattr(pull, "SOURCES", {"one": nowhere})
    with pytest.raises(WeightsError, match=r"cannot be reached.*--from"):
        pull.pull("one", tmp_path)


def test_command_line_lists_and_pulls(source: pull.Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    pull.add_arguments(parser)
    assert pull.run(parser.parse_args(["list", "--cache", str(tmp_path)])) == 0
    assert "not fetched" in capsys.readouterr().out
    assert pull.run(parser.parse_args(["pull", "one", "--cache", str(tmp_path)])) == 0
    assert str(tmp_path / "one") in capsys.readouterr().out
