"""Recordings from disk in blocks: wav, flac, ogg, mp3 and raw G.711; one channel or two.

Two channels: the first is the caller unless said otherwise (the order that most recorders use: remote party
first). Raw G.711 (.ulaw, .ul, .mulaw, .alaw, .al) is 8 kHz, one channel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from emotion.audio import g711
from emotion.audio.pcm import AudioError
from emotion.audio.resample import check_rate
from emotion.types import RATE, Audio, Side

RAW = {".ulaw": g711.decode_ulaw, ".ul": g711.decode_ulaw, ".mulaw": g711.decode_ulaw,
       ".alaw": g711.decode_alaw, ".al": g711.decode_alaw}
KNOWN = "wav, flac, ogg, mp3, or raw G.711 with the ending .ulaw or .alaw"
LONGEST_H = 4.0
"""Hours of a recording that are taken unless the caller of `open_recording` allows more."""
_BLOCK_S = 0.25


@dataclass(frozen=True, slots=True)
class Recording:
    """A file that was found good: what is in it, before any audio is read."""

    path: Path
    rate: int
    sides: tuple[Side, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    """What the reader should know: which channel is whom, a file that ends early."""

    def blocks(self) -> Iterator[dict[Side, Audio]]:
        """The audio in pieces of 0.25 s; memory does not grow with the length of the file."""
        if self.path.suffix.lower() in RAW:
            yield from self._raw()
            return
        with soundfile.SoundFile(self.path) as file:
            for block in file.blocks(int(self.rate * _BLOCK_S), dtype="float32", always_2d=True):
                yield {side: np.ascontiguousarray(block[:, n]) for n, side in enumerate(self.sides)}

    def _raw(self) -> Iterator[dict[Side, Audio]]:
        decode = RAW[self.path.suffix.lower()]
        with self.path.open("rb") as file:
            while data := file.read(int(RATE * _BLOCK_S)):
                yield {self.sides[0]: decode(data)}


def open_recording(path: str | Path, *, caller: int = 0, mono: Side = "caller",
                   longest_h: float = LONGEST_H) -> Recording:
    """Look at a file and say what it holds.

    caller: which channel of two is the caller's (0 or 1). Raises AudioError when the file is missing, empty, not
    audio, has more than two channels, or is longer than `longest_h` hours.
    """
    path = Path(path)
    if caller not in {0, 1}:
        raise AudioError(f"channel {caller} cannot be the caller's; say 0 (first) or 1 (second)")
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file")
    if path.stat().st_size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes); give a recording as {KNOWN}")
    rate, channels, frames, notes = _raw_facts(path) if path.suffix.lower() in RAW else _facts(path)
    seconds = frames / rate
    if frames == 0:
        raise AudioError(f"{path}: the header is there but no audio follows; the file may be cut off")
    if seconds > longest_h * 3600:
        raise AudioError(f"{path}: {seconds / 3600:.1f} hours of audio, over the limit of {longest_h:g}; "
                         "split it or raise the limit (--longest HOURS)")
    if channels > 2:
        raise AudioError(f"{path}: {channels} channels; give one (mono) or two (caller and agent)")
    check_rate(rate)
    sides, told = _sides(channels, caller, mono)
    return Recording(path, rate, sides, seconds, (*notes, told))


def _sides(channels: int, caller: int, mono: Side) -> tuple[tuple[Side, ...], str]:
    if channels == 1:
        return (mono,), f"one channel, taken as the {mono}"
    order: tuple[Side, ...] = ("caller", "agent") if caller == 0 else ("agent", "caller")
    return order, f"two channels: {'first' if caller == 0 else 'second'} is the caller, the other the agent"


def _raw_facts(path: Path) -> tuple[int, int, int, tuple[str, ...]]:
    return RATE, 1, path.stat().st_size, ()


def _facts(path: Path) -> tuple[int, int, int, tuple[str, ...]]:
    try:
        with soundfile.SoundFile(path) as file:
            return file.samplerate, file.channels, file.frames, _cut_off(file)
    except soundfile.LibsndfileError as fault:
        raise AudioError(f"{path}: not audio that can be read ({fault.error_string}); give {KNOWN}") from fault


def _cut_off(file: soundfile.SoundFile) -> tuple[str, ...]:
    """A note when the header of a WAV file announces more audio than the file holds."""
    with suppress(soundfile.LibsndfileError):
        found = re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info)
        if found and int(found[1]) > int(found[2]):
            share = int(found[2]) / int(found[1])
            return (f"the file ends early: {share:.0%} of the audio that its header announces is there, "
                    "and that part is analysed",)
    return ()
