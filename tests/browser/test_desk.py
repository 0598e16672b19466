"""The agent view: what is on the screen when a caller climbs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import BESIDE, script, until
from tests.browser.stage import GUIDANCE, Stage, alert, card, reading, reason

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(page: Page, stage: Stage) -> Page:
    """One live call, calm so far."""
    stage.live = [card()]
    stage.answers["calls/c-1/timeline"] = {"card": card(), "readings": [], "changes": [], "alerts": []}
    page.goto(stage.address)
    expect(page.locator(".thermometer .where")).to_have_text("平静")
    until(lambda: stage.readers > 0, page)
    return page


def climb(stage: Stage, before: int, after: int, at: float = 13.0) -> None:
    stage.emit("change", change={"at": at, "before": before, "after": after, "confidence": 0.82, "reasons": [reason()]})


def test_the_thermometer_climbs_and_says_where_the_caller_stands(desk: Page, stage: Stage) -> None:
    fill = desk.locator(".fill")
    low = fill.evaluate("node => getComputedStyle(node).clipPath")
    climb(stage, 0, 3)
    expect(desk.locator(".now")).to_have_text("3 显化抱怨")
    expect(desk.locator(".verdict .trend")).to_have_text("在升温")
    expect(desk.locator(".scale li.current .name")).to_have_text("显化抱怨")
    expect(desk.locator(".sure")).to_have_text("估计把握 82%")
    desk.wait_for_timeout(800)
    assert fill.evaluate("node => getComputedStyle(node).clipPath") != low


def test_a_card_says_the_mood_first_then_the_matter_then_what_to_leave(desk: Page, stage: Stage) -> None:
    expect(desk.locator(".calm")).to_contain_text("目前一切平稳")
    stage.emit("alert", alert=alert(3))
    guide = alert(3)["guidance"]["zh"]
    expect(desk.locator(".card .mood")).to_have_text(guide["mood"][0])
    expect(desk.locator(".card .matter")).to_contain_text(guide["matter"])
    expect(desk.locator(".card .avoid")).to_contain_text(guide["avoid"])
    mood, matter = desk.locator(".card .mood"), desk.locator(".card .matter")
    upper, lower = mood.bounding_box(), matter.bounding_box()
    assert upper is not None and lower is not None and upper["y"] < lower["y"]
    assert float(mood.evaluate("node => parseFloat(getComputedStyle(node).fontSize)")) >= 26


def test_done_and_not_so_by_key(desk: Page, stage: Stage) -> None:
    stage.emit("alert", alert=alert(3))
    expect(desk.locator(".card")).to_be_visible()
    desk.keyboard.press("d")
    expect(desk.locator(".handled")).to_contain_text("已照做")
    stage.emit("alert", alert=alert(4, at=20.0))
    expect(desk.locator(".card .badge")).to_contain_text("潜在投诉")
    desk.keyboard.press("n")
    expect(desk.locator(".handled")).to_contain_text("不符")
    desk.wait_for_timeout(300)
    told = [(path, body) for method, path, body in stage.asked if method == "POST" and path.endswith("feedback")]
    assert told == [
        ("alerts/alert-3-13.0/feedback", {"verdict": "useful"}),
        ("alerts/alert-4-20.0/feedback", {"verdict": "wrong"}),
    ]


def test_one_card_at_a_time_the_older_in_a_list(desk: Page, stage: Stage) -> None:
    stage.emit("alert", alert=alert(3))
    stage.emit("alert", alert=alert(4, at=40.0))
    expect(desk.locator(".card")).to_have_count(1)
    expect(desk.locator(".card .badge")).to_contain_text("潜在投诉")
    desk.locator(".earlier summary").click()
    expect(desk.locator(".earlier li")).to_have_count(1)
    expect(desk.locator(".earlier li")).to_contain_text("显化抱怨")


def test_a_hint_does_not_push_an_unanswered_alert_away(desk: Page, stage: Stage) -> None:
    stage.emit("alert", alert=alert(4, at=30.0))
    stage.emit("alert", alert=alert(2, at=35.0))
    expect(desk.locator(".earlier")).to_contain_text("1")
    expect(desk.locator(".card .badge")).to_contain_text("潜在投诉")


def test_a_reason_jumps_to_its_moment_and_back(desk: Page, stage: Stage) -> None:
    for half in range(1, 400):
        stage.emit("reading", **reading(half / 2))
    stage.emit("alert", alert=alert(3, at=199.0))
    expect(desk.locator(".axis")).to_contain_text("3:15")
    desk.locator(".chip").first.click()
    expect(desk.locator(".axis")).to_contain_text("0:15")
    expect(desk.locator(".spot")).to_be_visible()
    desk.keyboard.press("e")
    expect(desk.locator(".axis")).to_contain_text("3:15")


def test_traces_speech_and_phrases(desk: Page, stage: Stage) -> None:
    phrase = {"key": "half-day", "text": "等了半天", "rung": 2, "motive": "waiting", "span": [12.3, 13.0], "score": 0.9}
    for half in range(1, 40):
        stage.emit("reading", **reading(half / 2, z=2.4, phrases=[phrase] if half == 26 else []))
    expect(desk.locator(".tick")).to_have_text("等了半天")
    expect(desk.locator('[data-feature="rate"] .value')).to_have_text("+12%")
    expect(desk.locator('[data-feature="pitch"] .value')).to_have_text("+12.0 半音")
    assert "L" in str(desk.locator('[data-feature="loudness"] .line').get_attribute("d"))
    expect(desk.locator(".lane.caller rect")).to_have_count(1)
    expect(desk.locator(".callbar .words")).to_have_text("词语来自转写文本")


def test_words_unavailable_and_packet_loss_are_said_and_hatched(desk: Page, stage: Stage) -> None:
    stage.emit(
        "standing", at=14.0, rung=1, before=1, confidence=0.5, forecast=0.1, degraded=["loss", "words-unavailable"]
    )
    expect(desk.locator(".doubt")).to_have_text("把握降低：丢包、听不到词语")
    hatch = desk.locator(".fill").evaluate("node => getComputedStyle(node, '::after').backgroundImage")
    assert "repeating-linear-gradient" in hatch
    stage.emit("reading", **reading(15.0, by=None))
    expect(desk.locator(".callbar .words")).to_have_text("词语不可用，只凭声音估计")


def test_chinese_and_english_at_once_and_remembered(desk: Page, stage: Stage) -> None:
    stage.emit("alert", alert=alert(3))
    expect(desk.locator(".card .mood")).to_have_text(GUIDANCE.cards("raise", 3, "waiting")["zh"].mood[0])
    desk.get_by_role("button", name="EN").click()
    expect(desk.locator(".card .mood")).to_have_text(GUIDANCE.cards("raise", 3, "waiting")["en"].mood[0])
    expect(desk.locator(".stands")).to_have_text("Caller stands at")
    expect(desk.locator("footer.bottom")).to_contain_text("Estimate of expressed emotion")
    desk.reload()
    expect(desk.locator(".stands")).to_have_text("Caller stands at")
    assert desk.locator("html").get_attribute("lang") == "en"


def test_a_lost_line_says_since_when_and_loses_nothing(desk: Page, stage: Stage) -> None:
    stage.emit("alert", alert=alert(2))
    expect(desk.locator(".card")).to_be_visible()
    stage.down = True
    stage.cut()
    expect(desk.locator(".outage")).to_contain_text("什么都不会丢")
    expect(desk.locator(".outage")).to_contain_text(":")
    stage.emit("alert", alert=alert(5, at=44.0))
    stage.down = False
    expect(desk.locator(".outage")).to_be_hidden(timeout=8000)
    expect(desk.locator(".card .badge")).to_contain_text("投诉")


def test_with_no_call_the_page_says_what_will_be_here(page: Page, stage: Stage) -> None:
    page.goto(stage.address)
    expect(page.locator(".welcome")).to_contain_text("怎样接入软电话")
    expect(page.get_by_role("link", name="用麦克风试一试")).to_have_attribute("href", "/console/softphone.html")


def test_a_call_that_is_not_there_yet_is_waited_for_quietly(page: Page, stage: Stage) -> None:
    page.goto(stage.address + "/#/desk/c-7")
    expect(page.locator(".now")).to_contain_text("暂无通话")
    for number in range(5):
        stage.emit("call", f"other-{number}", state="started", card=card(f"other-{number}"))
    stage.emit("call", "c-7", state="started", card=card("c-7", rung=2))
    expect(page.locator(".now")).to_have_text("2 即将转化为抱怨")
    assert [path for _, path, _ in stage.asked].count("calls/c-7/timeline") <= 2


def test_after_a_hard_call_a_minute_is_offered(desk: Page, stage: Stage) -> None:
    stage.emit("ended", reason="stop", summary={"peak": 6, "seconds": 90}, card=card(state="ended", peak=6, rung=6))
    expect(desk.locator(".care")).to_contain_text("要不要歇一分钟")
    desk.get_by_role("button", name="歇一分钟").click()
    expect(desk.locator(".care .breath")).to_have_text("吸气")
    desk.get_by_role("button", name="结束").click()
    expect(desk.locator(".care")).to_be_hidden()


def test_all_of_it_at_1366_by_768_without_scrolling(desk: Page, stage: Stage) -> None:
    for half in range(1, 100):
        stage.emit("reading", **reading(half / 2))
    climb(stage, 0, 6)
    stage.emit("alert", alert=alert(6))
    expect(desk.locator(".card")).to_be_visible()
    for _ in range(2):
        size = desk.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [1366, 768]
        for part in (".verdict", ".card footer", ".chips", ".traces .axis"):
            box = desk.locator(part).bounding_box()
            assert box is not None and box["y"] + box["height"] <= 768, part
        inner = desk.locator(".card").evaluate("node => [node.scrollHeight, node.clientHeight]")
        assert inner[0] <= inner[1], "the card holds all of its text"
        desk.get_by_role("button", name="EN").click()


def test_beside_a_softphone_thermometer_and_card_come_first(desk: Page, stage: Stage) -> None:
    desk.set_viewport_size(BESIDE)
    stage.emit("alert", alert=alert(3))
    expect(desk.locator(".card .mood")).to_be_visible()
    assert desk.evaluate("document.documentElement.scrollWidth") == 360
    for part in (".instrument", ".now", ".card .mood", ".card .reply.main"):
        box = desk.locator(part).bounding_box()
        assert box is not None and box["y"] + box["height"] <= 740, part


def test_motion_is_off_for_those_who_ask(desk: Page, stage: Stage) -> None:
    desk.emulate_media(reduced_motion="reduce")
    assert desk.evaluate(script("moving")) == 0


def test_text_of_a_caller_stays_text(desk: Page, stage: Stage) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    stage.emit("alert", alert=alert(3, reasons=[reason(hostile)]))
    expect(desk.locator(".chip").first).to_contain_text(hostile)
    assert desk.locator(".chip img").count() == 0
