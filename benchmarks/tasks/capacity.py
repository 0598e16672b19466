"""How many live calls one core carries: CPU per call-second, and how late results are under real-time load.

The audio is synthetic two-sided talk (turns of tts/ with pauses, both sides mu-law); `--calls N` sets the load.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from benchmarks import load
from benchmarks.datasets import words
from benchmarks.task import SYSTEM, Options, Row
from emotion.audio import g711
from emotion.engine import Engine
from emotion.types import RATE, Audio, Side

SUMMARY = "concurrent real-time calls on one core: CPU ms per call-second, hop-to-result p50/p95/p99"
_LENGTH_S = 40
ORDER: tuple[Side, ...] = ("caller", "agent")


def validate(data: Path) -> list[str]:
    return [] if (data / "tts").is_dir() else [f"{data}/tts is missing: it is the talk that the calls are made of"]


def evaluate(options: Options) -> Iterator[Row]:
    seconds = 10.0 if options.quick else 40.0
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    options.say(f"{options.calls} calls for {seconds:.0f} s on one core")
    engine = Engine()
    audio = talks(options.data, options.calls, options.seed)
    load.run(engine, audio[:2], 2.0)
    found = load.run(engine, audio, seconds)
    condition = f"calls{options.calls}"
    waits = np.array(found.hop_to_result_ms)
    for metric, value in (
        ("cpu_ms_per_call_s", found.cpu_ms_per_call_s), ("calls_per_core", 1000 / found.cpu_ms_per_call_s),
        ("latency_p50_ms", float(np.percentile(waits, 50))), ("latency_p95_ms", float(np.percentile(waits, 95))),
        ("latency_p99_ms", float(np.percentile(waits, 99))), ("behind_s", found.behind_s),
        ("dropped_s", found.dropped_s), ("rss_mb_per_call", found.rss_mb_per_call),
    ):
        yield Row("capacity", SYSTEM, condition, metric, value, n=len(waits))


def talks(data: Path, count: int, seed: int) -> list[dict[Side, bytes]]:
    """Two-sided calls: the sides speak in turn with short pauses; the caller holds about half of the time."""
    rng = np.random.default_rng(seed)
    items = [item for item in words.synthetic(data) if item.language == "zh"]
    made: list[dict[Side, bytes]] = []
    for _ in range(min(count, 16)):
        both: dict[Side, Audio] = {side: np.zeros(_LENGTH_S * RATE, np.float32) for side in ORDER}
        cursor, turn = 0.2, 0
        while cursor < _LENGTH_S:
            samples, rate = soundfile.read(items[int(rng.integers(len(items)))].path, dtype="float32")
            spoken = soxr.resample(samples, rate, RATE)
            begin = round(cursor * RATE)
            side = both[ORDER[turn % 2]]
            side[begin : begin + len(spoken)] = spoken[: len(side) - begin]
            cursor += len(spoken) / RATE + rng.uniform(0.2, 1.0)
            turn += 1
        noise = {side: samples + rng.normal(0, 1e-3, len(samples)) for side, samples in both.items()}
        made.append({side: g711.encode_ulaw(samples.astype(np.float32)) for side, samples in noise.items()})
    return [made[n % len(made)] for n in range(count)]
