"""python -m emotion models: list the weights of ears, and fetch stronger ones once (`models pull NAME`).

Every file is checked against a SHA-256 that stands here; a broken download goes on where it stopped; without a
network the message says what to do, and `--from FOLDER` takes files that were carried in by hand.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emotion.weights import WeightsError, manifest, sha256

CACHE = Path.home() / ".cache" / "emotion"
"""Where `pull` puts weights unless told otherwise; pass it on as `WordsConfig.fetched`."""
CHUNK = 1 << 16
Show = Callable[[str, int, int], None]
"""Told the file, the bytes there and the bytes in all (0: unknown)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Weights that can be fetched: where from, which files, and under which licence."""

    summary: str
    licence: str
    url: str
    files: Mapping[str, str]
    """Name -> SHA-256."""


SOURCES: Mapping[str, Source] = {
    "fsmn-zh": Source(
        "Mandarin CTC keyword model (FSMN, 0.76 M parameters), the `fsmn` ear",
        "Apache-2.0 by the card of its sibling model (ModelScope iic/speech_charctc_kws_phone-xiaoyun)",
        "https://raw.githubusercontent.com/tangjinou/FSMN-VAD/8574fecb4f4aae24d16e4080bd010c260a7c334e/onnx_model/",
        {"fsmn_kws.onnx": "c2bc3efb8b80f207f39b0d1df0a2087569df8f165e8dfd148d7a3f72a597e8d7",
         "am.mvn.dim80_l2r2": "0555549dd2df36a0d36ca1057b54e5f16d355a574903a0151cfdce59b9df0578",
         "tokens_2599.txt": "33db42b824dbef866953e6c123293da316872d1fc06e04bc8fdced47d26d8a08"}),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    listing = actions.add_parser("list", help="bundled and fetched weights")
    one = actions.add_parser("pull", help="fetch weights, verified and resumable")
    one.add_argument("name", choices=sorted(SOURCES), metavar="NAME", help=", ".join(sorted(SOURCES)))
    one.add_argument("--from", dest="source", type=Path, metavar="PATH", help="folder that has the files already")
    for action in (listing, one):
        action.add_argument("--cache", type=Path, default=CACHE, help=f"where fetched weights lie (default {CACHE})")


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        for name, facts in sorted(manifest().items()):
            print(f"{name:14} bundled      {facts['licence']}")
        for name, source in SOURCES.items():
            there = "fetched" if present(name, arguments.cache) else "not fetched"
            print(f"{name:14} {there:12} {source.summary}; {source.licence}")
        return 0
    folder = pull(arguments.name, arguments.cache, arguments.source, _bar)
    print(f"{arguments.name} is in {folder}")
    return 0


def present(name: str, cache: Path) -> bool:
    """Whether every file of it is there and is the right one."""
    return all(_right(cache / name / file, digest) for file, digest in SOURCES[name].files.items())


def pull(name: str, cache: Path, source: Path | None = None, show: Show = lambda file, done, total: None) -> Path:
    """Put verified weights into `cache/name`; WeightsError, with what to do, when a file can't be had or is wrong."""
    folder = cache / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, digest in SOURCES[name].files.items():
        target = folder / file
        if _right(target, digest):
            continue
        part = target.with_name(file + ".part")
        if source is not None:
            _copy(source / file, part)
        else:
            _download(SOURCES[name].url + file, part, show)
        if not _right(part, digest):
            part.unlink()
            raise WeightsError(f"{file} from {source or SOURCES[name].url} is not the file that was asked for "
                               "(SHA-256 differs); it was thrown away. Try again, or use another copy with --from")
        part.replace(target)
    return folder


def _copy(path: Path, part: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"{path} is not there; --from names the folder that holds {path.name}")
    shutil.copyfile(path, part)


def _download(url: str, part: Path, show: Show) -> None:
    """Fetch into `part`, going on behind what is there; a server that ignores the range begins anew."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            have = have if answer.status == 206 else 0
            total = have + int(answer.headers.get("Content-Length") or 0)
            with part.open("ab" if have else "wb") as file:
                while block := answer.read(CHUNK):
                    file.write(block)
                    have += len(block)
                    show(part.stem, have, total)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # the part is whole already
            raise WeightsError(f"{url}: the server answered {error.code} {error.reason}") from error
    except (OSError, urllib.error.URLError) as error:
        raise WeightsError(f"{url} cannot be reached ({getattr(error, 'reason', error)}). Run the same command again "
                           "with a network: it goes on where it stopped. Or fetch the files elsewhere and give their "
                           "folder with --from") from error


def _right(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _bar(file: str, done: int, total: int) -> None:
    share = f"{100 * done // total:3d} %" if total else f"{done // 1024} KiB"
    print(f"\r{file} {share}", end="\n" if done == total else "", file=sys.stderr, flush=True)
