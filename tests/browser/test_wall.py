"""The supervisor's wall: the most urgent on top, still while somebody is about to click."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage import Stage, card, reason

pytestmark = pytest.mark.browser
TODAY = {"calls": 128, "live": 4, "peaks": [60, 30, 18, 11, 5, 3, 1], "alerts": 41, "useful": 30, "wrong": 4, "late": 2}


@pytest.fixture
def wall(page: Page, stage: Stage) -> Page:
    stage.answers["today"] = TODAY
    stage.live = [
        card("c-calm", agent="Tom", team="south"),
        card("c-open", agent="李雯", rung=3, before=3, last_reason=reason()["text"]),
        card("c-climbs", agent="Anna", rung=3, before=1),
        card("c-away", agent="王磊", rung=6, before=6),
    ]
    page.goto(stage.address + "/#/wall")
    expect(page.locator(".wall tbody tr")).to_have_count(4)
    return page


def agents(page: Page) -> list[str]:
    return page.locator(".wall td.agent a").all_inner_texts()


def test_sorted_by_urgency(wall: Page) -> None:
    assert agents(wall) == ["王磊", "Anna", "李雯", "Tom"]
    row = wall.locator(".wall tbody tr").nth(2)
    expect(row).to_contain_text("显化抱怨")
    expect(row).to_contain_text("“等了半天”")
    expect(wall.locator(".wall tbody tr").nth(1).locator(".trend")).to_have_text("在升温")


def test_numbers_of_the_day_in_one_line(wall: Page) -> None:
    expect(wall.locator(".numbers")).to_have_text(
        "今天 128 通 · 进行中 4 · 到过投诉及以上 4 · 提示 41 · 有用 30 · 不符 4 · 太晚 2"
    )


def test_the_order_waits_while_the_pointer_is_over_the_list(wall: Page, stage: Stage) -> None:
    wall.locator(".wall tbody tr").nth(3).hover()
    stage.emit("standing", "c-calm", at=30.0, rung=5, before=0, confidence=0.9, forecast=0.9, degraded=[])
    expect(wall.locator(".held")).to_contain_text("暂不重排")
    assert agents(wall) == ["王磊", "Anna", "李雯", "Tom"]
    expect(wall.locator(".wall tbody tr").nth(3)).to_contain_text("投诉")
    wall.mouse.move(600, 5)
    expect(wall.locator(".held")).to_have_text("")
    assert agents(wall) == ["王磊", "Tom", "Anna", "李雯"]


def test_escalation_is_pinned_until_somebody_takes_it(wall: Page, stage: Stage) -> None:
    top = wall.locator(".wall tbody tr").first
    expect(top).to_contain_text("等待接手")
    stage.answers["POST calls/c-away/take"] = card("c-away", agent="王磊", rung=6, taken_by="张督导")
    top.get_by_role("button", name="接手").click()
    expect(top).to_contain_text("张督导 已接手")
    stage.emit("call", "c-away", state="taken", card=card("c-away", agent="王磊", rung=6, taken_by="张督导"))
    expect(wall.locator(".pinned")).to_have_count(0)
    assert ("POST", "calls/c-away/take") in [(method, path) for method, path, _ in stage.asked]


def test_filter_by_team_and_open_a_call(wall: Page, stage: Stage) -> None:
    wall.get_by_label("团队").select_option("south")
    expect(wall.locator(".wall tbody tr")).to_have_count(1)
    stage.answers["calls/c-calm/timeline"] = {"card": card("c-calm"), "readings": [], "changes": [], "alerts": []}
    wall.get_by_role("link", name="查看坐席 Tom 的通话").click()
    expect(wall.locator(".callbar")).to_contain_text("Tom")


def test_a_new_call_and_an_ended_one(wall: Page, stage: Stage) -> None:
    stage.emit("call", "c-new", state="started", card=card("c-new", agent="赵敏"))
    expect(wall.locator(".wall tbody tr")).to_have_count(5)
    stage.emit("ended", "c-open", reason="stop", summary={"peak": 3}, card=card("c-open", state="ended"))
    expect(wall.locator(".wall tbody tr")).to_have_count(4)
    assert "李雯" not in agents(wall)


def test_with_no_calls_it_says_what_will_be_here(page: Page, stage: Stage) -> None:
    stage.answers["today"] = TODAY
    page.goto(stage.address + "/#/wall")
    expect(page.locator(".nothing")).to_contain_text("最急的在最上面")
