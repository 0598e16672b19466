"""The demo: both sample calls through a real service, alerts in the order of their scripts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from api.demo import after_evidence


@pytest.mark.parametrize(("at", "ends", "expected"), [(5.0, [4.0, 9.0], 1.1), (3.0, [4.0], None)])
def test_waits_are_counted_from_the_last_end(at: float, ends: list[float],
                                                          expected: float | None) -> None:
    found = after_evidence(at, 0.1, ends)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--script",)])
def test_the_demo_climbs_and_ends_well(words: tuple[str, ...]) -> None:
    """By its own ears, and by the transcripts of the scripts."""
    command = [sys.executable, "-m", "api", "demo", "--once", "--speed", "2", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    verdicts = [line for line in done.stdout.splitlines() if "alerts for rungs" in line]
    assert len(verdicts) == 2
    for line in verdicts:
        climbed = iter(line.split("rungs ")[1].split(",")[0].split(" → "))
        assert all(rung in climbed for rung in ("2", "4", "5")), line
