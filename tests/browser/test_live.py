"""End to end: the real service, a streamed call, and what an agent then has on the screen."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from emotion.guidance import load
from emotion.transcripts import read_transcript
from emotion.types import Utterance
from tests.browser.conftest import DESKTOP, script
from tests.browser.live import LiveCall, calling
from tests.service import SAMPLES, Service, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CALL_S = 68.5
BAR_S = 1.5
CALLS = 50
APART_S = 0.37


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as found:
        yield found


def watch(chromium: Browser, address: str, locale: str = "zh-CN") -> Page:
    page = chromium.new_context(viewport=DESKTOP, locale=locale).new_page()
    page.goto(address)
    page.evaluate(script("watch"))
    return page


def lateness(page: Page, call: LiveCall, said: Sequence[Utterance]) -> list[float]:
    """For each alert that explicit words carry: seconds from their end to the card on the screen."""
    shown = page.evaluate("shown")
    raised = [a for a in call.alerts if a["kind"] == "raise" and a["audience"] == "agent" and a["reasons"]]
    spoken = [(shown[alert["id"]][0], call.evidence(alert, said)) for alert in raised if alert["id"] in shown]
    return [card - words for card, words in spoken if words is not None]


def test_a_streamed_call_climbs_the_ladder_and_brings_its_card_in_mandarin(chromium: Browser, service: Service) -> None:
    said = read_transcript(SAMPLES / "zh.toml")
    page = watch(chromium, service.http)
    expect(page.locator(".welcome")).to_be_visible()
    with calling(f"{service.ws}/v1/stream", ["lin"], SAMPLES / "zh.ogg", said) as (call,):
        expect(page.locator(".callbar")).to_contain_text("坐席 lin", timeout=10_000)
        expect(page.locator(".callbar .words")).to_have_text("词语来自转写文本", timeout=10_000)
        for rung, name in ((2, "即将转化为抱怨"), (4, "潜在投诉"), (5, "投诉")):
            expect(page.locator(".now")).to_have_text(f"{rung} {name}", timeout=60_000)
        expect(page.locator(".card .badge")).to_contain_text("5 投诉", timeout=5000)
        cards = [entry.card for entry in load().entries["zh"] if entry.low <= 5 <= entry.high]
        assert page.locator(".card .mood").inner_text() in {mood for card in cards for mood in card.mood}
        assert page.locator(".card .matter p").last.inner_text() in {card.matter for card in cards}
        expect(page.locator(".chips")).to_contain_text("我要投诉")
        expect(page.locator(".tick", has_text="我要投诉")).to_be_visible()
    rungs = [int(figure) for figure in page.evaluate("rungs") if figure.isdigit()]
    climbs = [rungs.index(rung) for rung in (2, 4, 5)]
    assert all(earlier < later for earlier, later in pairwise(climbs)), rungs
    late = lateness(page, call, said)
    print(f"words over to card on screen: {[round(seconds, 2) for seconds in late]} s")
    assert late
    assert np.median(late) <= BAR_S
    assert late[-1] <= BAR_S, "a complaint said in words is told at once"
    expect(page.locator(".phase")).to_have_text("已结束", timeout=5000)
    expect(page.locator(".care")).to_contain_text("要不要歇一分钟")
    page.goto(f"{service.http}/#/calls/lin")
    expect(page.locator(".steps p")).to_contain_text("最高 投诉")
    expect(page.get_by_role("textbox", name="投诉记录")).not_to_have_value("")
    page.context.close()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[str]:
    """The service as a process of its own, so that the callers of this process cost it nothing; its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {"EMOTION_DATABASE": f"sqlite:///{tmp_path / 'live.db'}", "EMOTION_FILES": str(tmp_path / "files")}
    command = [sys.executable, "-m", "api", "serve", "--demo", "--port", str(port)]
    with subprocess.Popen(command, env=os.environ | own | {"EMOTION_LOG_LEVEL": "warning"}) as process:
        address = f"127.0.0.1:{port}"
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://{address}/readyz").status_code == httpx.codes.OK:
                    break
            time.sleep(0.1)
        yield address
        process.terminate()


@pytest.mark.slow
def test_with_50_live_calls_a_card_is_on_the_screen_in_time(chromium: Browser, apart: str) -> None:
    said = read_transcript(SAMPLES / "zh.toml")
    names = [f"agent-{number}" for number in range(CALLS)]
    pages = {name: watch(chromium, f"http://{apart}/#/desk/{name}") for name in names[:: CALLS // 5]}
    with calling(f"ws://{apart}/v1/stream", names, SAMPLES / "zh.ogg", said, APART_S) as calls:
        next(iter(pages.values())).wait_for_timeout(1000 * (CALL_S + APART_S * len(names) + 1))
    found = [(call, pages[call.name]) for call in calls if call.name in pages]
    late = np.array([seconds for call, page in found for seconds in lateness(page, call, said)])
    p50, p95 = np.percentile(late, [50, 95])
    print(json.dumps({"calls": len(names), "cards": len(late), "p50_s": round(p50, 2), "p95_s": round(p95, 2)}))
    raised = [
        (call, alert) for call in calls for alert in call.alerts if alert["kind"] == "raise" and alert["rung"] > 2
    ]
    told = np.array([a["told"] - words for call, a in raised if (words := call.evidence(a, said)) is not None])
    print(f"to the caller's own socket: p50 {np.median(told):.2f} s, p95 {np.percentile(told, 95):.2f} s")
    print(f"senders were behind by up to {max(call.behind for call in calls):.2f} s")
    assert p95 <= BAR_S
    for page in pages.values():
        page.context.close()
