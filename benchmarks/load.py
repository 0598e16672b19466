"""Many calls in real time through the engine: packets come every 20 ms, the engine steps on a tick, as when live.

What it costs is CPU time per second of a call; how late results are is the time from a hop's last packet to its
result. The waiting is real, so a run lasts as long as its calls.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion.audio import g711
from emotion.call import Call
from emotion.engine import Engine
from emotion.types import HOP, RATE, Side

PACKET = RATE // 50
TICK_S = 0.04


@dataclass(frozen=True, slots=True)
class Load:
    """What a run measured."""

    cpu_ms_per_call_s: float
    hop_to_result_ms: Sequence[float]
    behind_s: float
    """Audio that still waited at the end: growth means that the machine is too slow."""
    dropped_s: float
    rss_mb_per_call: float


def run(engine: Engine, audio: Sequence[dict[Side, bytes]], seconds: float) -> Load:
    """Stream mu-law `audio` (one dict of whole-second bytes a call, looped) for some seconds of real time."""
    before = _resident_mb()
    calls = [engine.open(f"load-{n}", sides=tuple(sides)) for n, sides in enumerate(audio)]
    phases = np.random.default_rng(0).uniform(0, 0.5, len(calls))
    sent = [0] * len(calls)
    due: dict[str, float] = {}
    waits: list[float] = []
    start, cpu = time.perf_counter(), time.process_time()
    while (now := time.perf_counter() - start) < seconds:
        for n, call in enumerate(calls):
            sent[n] = _deliver(call, audio[n], sent[n], now - phases[n], start + phases[n], due)
        for call, moment in engine.step(calls):
            waits.append(1000 * (time.perf_counter() - due.pop(f"{call.id}:{moment.reading.at}")))
        time.sleep(max(0.0, TICK_S - (time.perf_counter() - start - now)))
    spent = time.process_time() - cpu
    return Load(1000 * spent / (seconds * len(calls)), waits, max(call.lag for call in calls),
                max(call.dropped for call in calls) / RATE, (_resident_mb() - before) / len(calls))


def _deliver(call: Call, audio: dict[Side, bytes], sent: int, elapsed: float, origin: float,
             due: dict[str, float]) -> int:
    """Push every packet that is due by now; note when each hop was complete."""
    while (sent + 1) * PACKET <= elapsed * RATE:
        packet = {side: _packet(data, sent) for side, data in audio.items()}
        call.push({side: g711.decode_ulaw(data) for side, data in packet.items()})
        sent += 1
        if sent * PACKET % HOP == 0:
            due[f"{call.id}:{sent * PACKET}"] = origin + sent * PACKET / RATE
    return sent


def _packet(data: bytes, number: int) -> bytes:
    begin = number * PACKET % (len(data) - len(data) % PACKET)
    return data[begin : begin + PACKET]


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20
