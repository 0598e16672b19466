"""The other pages on the real service: a microphone as a call, a recording, signing in with keys of each role."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from playwright.sync_api import BrowserContext, Page, expect

from emotion.audio.files import open_recording
from tests.browser.conftest import DESKTOP, launch
from tests.service import SAMPLES, Service, serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The caller's side of the Mandarin sample as a microphone would give it."""
    recording = open_recording(SAMPLES / "zh.ogg")
    sound = np.concatenate([block["caller"] for block in recording.blocks()])
    path = tmp_path_factory.mktemp("caller") / "caller.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48000)
        out.writeframes((32767 * np.clip(soxr.resample(sound, recording.rate, 48000), -1, 1)).astype("<i2").tobytes())
    return path


def test_a_microphone_becomes_a_call_on_the_agents_screen(playwright: Any, service: Service, caller: Path) -> None:
    microphone = f"--use-file-for-fake-audio-capture={caller}"
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", microphone]
    browser = launch(playwright, *fake)
    context = browser.new_context(viewport=DESKTOP, locale="zh-CN")
    phone, desk = context.new_page(), context.new_page()
    desk.goto(service.http)
    expect(desk.locator(".welcome")).to_be_visible()
    phone.goto(f"{service.http}/console/softphone.html")
    phone.get_by_label("说话人已被告知并同意").check()
    phone.get_by_role("button", name="接通").click()
    expect(phone.locator(".callstate")).to_have_text("通话中", timeout=15_000)
    expect(desk.locator(".callbar")).to_contain_text("坐席 web", timeout=15_000)
    expect(desk.locator(".lane.caller rect").first).to_be_visible(timeout=30_000)
    expect(desk.locator('[data-feature="pitch"] .line')).to_have_attribute("d", re.compile("L"), timeout=30_000)
    expect(desk.locator(".now .figure")).not_to_have_text("–")
    phone.get_by_role("button", name="挂断").click()
    expect(phone.get_by_text("最高到")).to_be_visible(timeout=20_000)
    expect(desk.locator(".phase")).to_have_text("已结束", timeout=10_000)
    browser.close()


def test_a_recording_goes_through_the_engine_to_its_timeline(page: Page, service: Service) -> None:
    page.goto(f"{service.http}/#/recordings")
    page.get_by_label("来电人已被告知并同意分析").check()
    page.locator("#files").set_input_files(SAMPLES / "zh.ogg")
    expect(page.locator(".recordings li")).to_contain_text("zh.ogg")
    page.get_by_role("link", name="时间线").click(timeout=120_000)
    expect(page.locator(".steps p")).to_contain_text("变化")
    expect(page.locator(".lane.agent rect").first).to_be_visible()
    page.goto(f"{service.http}/#/calls")
    expect(page.locator("tbody tr")).to_have_count(1)


def signed_in(context: BrowserContext, service: Service, key: str) -> Page:
    page = context.new_page()
    page.goto(service.http)
    page.get_by_label("密钥").fill(key)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("navigation", name="页面")).to_be_visible()
    return page


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        ("agent", ["通话", "回放"]),
        ("supervisor", ["通话", "督导墙", "回放", "录音"]),
        ("admin", ["通话", "督导墙", "回放", "录音", "设置"]),
    ],
)
def test_each_role_sees_its_pages(context: BrowserContext, tmp_path: Path, role: str, pages: list[str]) -> None:
    with serving(tmp_path, demo=False) as service:
        page = signed_in(context, service, service.key("acme", role, "a-1" if role == "agent" else None))
        expect(page.get_by_role("navigation", name="页面").get_by_role("link")).to_have_text(pages)
        expect(page.locator(".link")).to_have_text("已连接", timeout=10_000)
        page.reload()
        expect(page.locator(".link")).to_have_text("已连接", timeout=10_000)
        page.get_by_role("button", name="退出登录").click()
        expect(page.get_by_label("密钥")).to_be_visible()


def test_settings_are_kept_by_the_service(page: Page, service: Service) -> None:
    page.goto(f"{service.http}/#/settings/lexicon")
    page.get_by_role("button", name="添加").first.click()
    page.keyboard.type("退钱给我")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存")).to_be_visible()
    page.goto(f"{service.http}/#/settings/thresholds")
    page.get_by_label("双方沉默多久算冷场").fill("5")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存")).to_be_visible()
    page.goto(f"{service.http}/#/settings/lexicon")
    page.reload()
    expect(page.get_by_label("词语").first).to_have_value("退钱给我")
