"""For everybody: contrast is computed, every control has a name, the keyboard reaches all of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import DESKTOP, script, until
from tests.browser.stage import Stage, alert, card, reading, reason
from tests.browser.test_pages import traced

pytestmark = pytest.mark.browser
PAGES = [
    "",
    "#/desk/c-1",
    "#/wall",
    "#/calls",
    "#/calls/c-1",
    "#/recordings",
    "#/settings/thresholds",
    "#/settings/lexicon",
    "#/settings/guidance",
    "#/settings/keys",
    "console/softphone.html",
]


@pytest.fixture
def busy(stage: Stage) -> Stage:
    """A service with something on every page."""
    told = [alert(2, 20.5, rung_after_60s=5, acknowledged=None, feedback=None)]
    changes = [{"at": 20.0, "before": 0, "after": 5, "confidence": 0.8, "reasons": [reason(at=19.0)]}]
    row = {"recording": "r-1", "name": "a.wav", "progress": 0.5, "seconds": 80, "call": "c-1", "problem": None}
    stage.live = [
        card(rung=3, degraded=["loss"]),
        card("c-2", agent="Anna", rung=6, before=5, last_reason=reason()["text"]),
        card("c-3", agent="Tom", rung=6, taken_by="张"),
    ]
    stage.answers = {
        "calls/c-1/timeline": {
            "card": card(state="live"),
            "readings": [traced(2.0 * at, at % 7) for at in range(40)],
            "changes": changes,
            "alerts": told,
        },
        "calls/c-1/record": {"text": "记录"},
        "calls": {"items": [card(f"c-{rung}", state="ended", peak=rung) for rung in range(7)], "next": "more"},
        "today": {
            "calls": 1,
            "live": 1,
            "peaks": [0, 0, 0, 0, 0, 1, 0],
            "alerts": 1,
            "useful": 1,
            "wrong": 0,
            "late": 0,
        },
        "recordings": {
            "items": [
                {**row, "recording": state, "state": state, "problem": {"detail": "not audio", "remedy": ""}}
                for state in ("waiting", "running", "done", "failed")
            ],
            "next": None,
        },
        "settings/thresholds": {
            "language": "zh",
            "dead_air_s": 3,
            "interruption_s": 1,
            "false_alerts_per_hour": 0.5,
            "quiet_rungs": [1, 2],
        },
        "settings/lexicon": {"zh": [{"text": "退钱", "rung": 4, "motive": "demand"}], "en": []},
        "settings/guidance": {"zh": {"waiting/3": alert(3)["guidance"]["zh"]}, "en": {}},
        "keys": {
            "items": [{"id": "k", "name": "n", "role": "agent", "agent": "a", "team": None, "expires": None}],
            "next": None,
        },
    }
    return stage


def opened(page: Page, stage: Stage, where: str) -> None:
    page.goto(f"{stage.address}/{where}")
    expect(page.locator("main")).not_to_be_empty()
    page.wait_for_load_state("networkidle" if "softphone" in where else "load")
    if where == "#/desk/c-1":
        expect(page.locator(".thermometer")).to_be_visible()
        until(lambda: stage.readers > 0, page)
        for half in range(1, 60):
            stage.emit("reading", **reading(100 + half / 2, z=2.5))
        stage.emit("alert", alert=alert(3, at=125.0))
        expect(page.locator(".card")).to_be_visible()
    page.wait_for_timeout(900)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", PAGES)
def test_contrast_and_names(chromium: Browser, busy: Stage, where: str, scheme: Any) -> None:
    context = chromium.new_context(
        viewport=DESKTOP, locale="en-GB" if scheme == "dark" else "zh-CN", color_scheme=scheme
    )
    page = context.new_page()
    opened(page, busy, where)
    assert page.evaluate(script("contrast")) == []
    assert page.evaluate(script("names")) == []
    assert all(ink >= 4.5 and step >= 3 and soft >= 4.5 for ink, step, soft in page.evaluate(script("ladder")))
    context.close()


def test_every_step_of_the_ladder_differs_without_colour(page: Page, busy: Stage) -> None:
    opened(page, busy, "#/desk/c-1")
    steps = page.locator(".scale li").all_inner_texts()
    assert [step.split()[0] for step in steps] == ["6", "5", "4", "3", "2", "1", "0"]
    assert len({step.split()[1] for step in steps}) == 7
    boxes = [page.locator(".scale li").nth(place).bounding_box() for place in range(7)]
    heights = [box["y"] for box in boxes if box is not None]
    assert len(heights) == 7
    assert all(upper < lower for upper, lower in pairwise(heights))


def focused(page: Page) -> str:
    return str(
        page.evaluate(
            "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim()"
        )
    )


def test_tab_goes_through_the_agent_view_in_the_order_of_reading(page: Page, busy: Stage) -> None:
    busy.live = [card(rung=3)]
    opened(page, busy, "#/desk/c-1")
    order = []
    while True:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        order.append(focused(page))
        assert len(order) < 60, "the focus is caught"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"focus is not seen on {order[-1]}"
    wanted = ["跳到内容", "通话", "督导墙", "回放", "录音", "设置", "中", "EN"]
    places = [order.index(name) for name in wanted]
    assert places == sorted(places)
    done, wrong = order.index("已照做D"), order.index("不符N")
    chip = next(place for place, name in enumerate(order) if "等了半天" in name)
    assert places[-1] < done < wrong < chip


def test_pages_help_and_language_by_key(page: Page, busy: Stage) -> None:
    opened(page, busy, "")
    page.keyboard.press("2")
    expect(page.get_by_role("heading", name="进行中的通话")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="Live calls")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("5")
    page.get_by_label("Silence of both").press("2")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_the_focus_stays_on_a_switch_that_is_pressed(page: Page, busy: Stage) -> None:
    opened(page, busy, "#/wall")
    page.get_by_role("button", name="EN").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Live calls")).to_be_visible()
    assert focused(page) == "EN"
    page.get_by_role("button", name="Theme").focus()
    page.keyboard.press("Enter")
    assert focused(page) == "Theme: light"


def test_skipping_to_the_content(page: Page, busy: Stage) -> None:
    opened(page, busy, "#/wall")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_change_is_told_to_a_screen_reader_once(page: Page, busy: Stage) -> None:
    busy.live = [card()]
    page.goto(busy.address)
    expect(page.locator(".now")).to_have_attribute("role", "status")
    page.evaluate("""() => { window.told = []; new MutationObserver((list) => window.told.push(list.length))
        .observe(document.querySelector('.now'), { subtree: true, childList: true, characterData: true }); }""")
    for at in (13.0, 15.0, 17.0):
        busy.emit("standing", at=at, rung=2, before=2, confidence=0.7, forecast=0.1, degraded=[])
    expect(page.locator(".now")).to_have_text("2 即将转化为抱怨")
    page.wait_for_timeout(300)
    assert len(page.evaluate("window.told")) == 1
