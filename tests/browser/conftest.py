"""A real Chromium, and two services for it: the stage (what the test wants said) and the real one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.browser.stage import Stage

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: ViewportSize = {"width": 1366, "height": 768}
SCRIPTS = Path(__file__).parent / "scripts"
BESIDE: ViewportSize = {"width": 360, "height": 740}


def launch(playwright: Any, *more: str) -> Browser:
    """Debian's Chromium, or skip where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    browser: Browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *more])
    return browser


def script(name: str) -> str:
    """A function to be evaluated on the page, from tests/browser/scripts."""
    return (SCRIPTS / f"{name}.js").read_text()


def until(true: Callable[[], bool], page: Page, seconds: float = 8.0) -> None:
    """Let the page live until something is true on this side."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        page.wait_for_timeout(50)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(playwright: Any) -> Iterator[Browser]:
    browser = launch(playwright)
    yield browser
    browser.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage() as found:
        yield found


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport=DESKTOP, locale="zh-CN", color_scheme="light")
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: errors of scripts and of the security policy fail the test."""
    faults: list[str] = []
    made = context.new_page()
    made.set_default_timeout(5000)
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on(
        "console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield made
    assert not faults
