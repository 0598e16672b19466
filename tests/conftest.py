"""What all tests share: the data folder, a rule against silent skips, and a few made signals."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from emotion.types import RATE, Audio

if TYPE_CHECKING:  # the service's tests alone load its packages
    import httpx

    from tests.service import Service

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "api" / "samples"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of the development data; a test that asks for it is skipped where it is absent."""
    folder = Path(os.environ.get("EMOTION_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; set EMOTION_DATA")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item,
                              call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With EMOTION_NO_SKIP a skip is a failure: what is meant to run must run. Only the data may be absent."""
    report = yield
    if os.environ.get("EMOTION_NO_SKIP") and report.skipped and "; set EMOTION_DATA" not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {report.longrepr}"
    return report


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real service, one a test module; modules with other settings have their own."""
    from tests.service import serving

    with serving(tmp_path_factory.mktemp("service"), grace_s=600, body_mb=3, upload_mb=20) as running:
        yield running


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def angry(service: Service) -> str:
    """An ended call with alerts."""
    from tests.service import angry_call

    return angry_call(service)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def tone(hertz: float, seconds: float, level: float = 0.1) -> Audio:
    """A sine at 8 kHz."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def vowel(hertz: float, seconds: float, level: float = 0.1) -> Audio:
    """A buzz with three formants, syllables at 4 a second: speech enough for the stages that look for it."""
    from scipy.signal import lfilter

    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * time))) / RATE
    source = sum(np.sin(k * phase) / k for k in range(1, int(RATE / 2 / hertz)))
    for centre, width in ((600, 80), (1300, 110), (2500, 160)):
        r, angle = np.exp(-np.pi * width / RATE), 2 * np.pi * centre / RATE
        source = lfilter([1 - r], [1, -2 * r * np.cos(angle), r * r], source)
    envelope = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    shaped = source * envelope
    return np.asarray(level * shaped / np.sqrt(np.mean(shaped**2)), np.float32)
