"""Audio of calls on disk, only where EMOTION_STORE_AUDIO says so; nothing of a pause is ever written."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from api.protocols.events import Audio
from emotion.audio.files import Recording
from emotion.audio.pcm import decode

if TYPE_CHECKING:
    from api.session import Session

SUFFIX = ".wav"
MEMORY_S = 5.0
"""Audio of a call is written in pieces of so many seconds."""


class Recorder:
    """One WAV file a call (mu-law, as the line has it), or nothing at all when switched off."""

    def __init__(self, folder: Path, on: bool) -> None:
        self.on = on
        self._folder = folder / "audio"
        self._files: dict[tuple[str, str], soundfile.SoundFile] = {}
        self._waiting: dict[tuple[str, str], bytearray] = {}
        if on:
            self._folder.mkdir(parents=True, exist_ok=True)

    def path(self, tenant: str, call: str) -> Path:
        """Where the audio of a call lies, if it was kept."""
        name = hashlib.sha256(f"{tenant}\0{call}".encode()).hexdigest()[:32]
        return self._folder / f"{name}{SUFFIX}"

    def keep(self, session: Session, audio: Audio) -> None:
        """Take one packet; tracks that come apart (Twilio) are not kept."""
        if not self.on or audio.side is not None or not session.started.consent:
            return
        waiting = self._waiting.setdefault((session.who.tenant, session.id), bytearray())
        waiting += audio.data
        if len(waiting) >= session.rate * MEMORY_S:
            self._write(session)

    def close(self, session: Session) -> None:
        """The call is over."""
        key = (session.who.tenant, session.id)
        if key in self._waiting:
            self._write(session)
            del self._waiting[key]
            self._files.pop(key).close()

    def copy(self, tenant: str, call: str, recording: Recording) -> None:
        """Keep the audio of an uploaded recording, as that of a call is kept (runs in the thread of the analysis)."""
        sides = recording.sides
        with soundfile.SoundFile(str(self.path(tenant, call)), "w", recording.rate, len(sides), "ULAW") as out:
            for block in recording.blocks():
                out.write(np.stack([block[side] for side in sides], axis=1))

    def forget(self, tenant: str, call: str) -> None:
        """Delete the audio of a call."""
        self.path(tenant, call).unlink(missing_ok=True)

    def _write(self, session: Session) -> None:
        key, facts = (session.who.tenant, session.id), session.started
        if key not in self._files:
            self._files[key] = soundfile.SoundFile(str(self.path(*key)), "w", facts.rate, len(facts.channels), "ULAW")
        waiting = self._waiting[key]
        sides = decode(bytes(waiting), facts.encoding, facts.channels)
        self._files[key].write(np.stack([sides[side] for side in facts.channels], axis=1))
        waiting.clear()
