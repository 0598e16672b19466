"""Replay, recordings, settings and signing in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.browser.stage import Stage, alert, card, problem, reason

pytestmark = pytest.mark.browser


def traced(at: float, rung: int, **changes: Any) -> dict[str, Any]:
    return {
        "at": at,
        "rung": rung,
        "confidence": 0.8,
        "forecast": 0.1,
        "heat": 1.0,
        "speech": 0.6,
        "agent_speech": 0.0,
        "pitch": 40.0,
        "pitch_z": 2.0,
        "rate": 4.0,
        "rate_z": 0.2,
        "loudness": -20.0,
        "loudness_z": None,
        "phrases": [],
        "degraded": [],
        **changes,
    }


@pytest.fixture
def replay(page: Page, stage: Stage) -> Page:
    rungs = [0] * 10 + [2] * 10 + [5] * 20
    readings = [traced(2.0 * place, rung) for place, rung in enumerate(rungs)]
    readings[11]["phrases"] = [{"text": "等了半天", "span": [22.1, 22.9], "rung": 2}]
    changes = [
        {"at": 20.0, "before": 0, "after": 2, "confidence": 0.8, "reasons": [reason(at=19.0)]},
        {"at": 40.0, "before": 2, "after": 5, "confidence": 0.9, "reasons": [reason("我要投诉", 39.0)]},
    ]
    told = [
        alert(2, 20.5, rung_after_60s=5, acknowledged=None, feedback=None),
        alert(5, 40.5, rung_after_60s=3, acknowledged=None, feedback={"verdict": "useful", "by": "a", "time": ""}),
    ]
    stage.answers["calls/c-1/timeline"] = {
        "card": card(state="ended", rung=5, peak=5),
        "readings": readings,
        "changes": changes,
        "alerts": told,
    }
    stage.answers["calls/c-1/record"] = {"text": "客诉记录\n依据：“我要投诉”"}
    stage.answers["calls"] = {"items": [card(state="ended", peak=5, seconds=80)], "next": None}
    page.goto(stage.address + "/#/calls")
    page.locator("tbody a").click()
    expect(page.locator(".steps")).to_contain_text("最高 投诉")
    return page


def test_replay_shows_the_ladder_and_why_it_moved(replay: Page) -> None:
    expect(replay.locator(".steps p")).to_have_text("从 平静 到 投诉，最高 投诉，变化 2 次")
    expect(replay.locator(".ladder rect")).to_have_count(3)
    moments = replay.locator(".part").first.locator(".moments > li")
    expect(moments).to_have_count(2)
    expect(moments.nth(1)).to_contain_text("“我要投诉”")
    expect(replay.locator(".tick")).to_have_text("等了半天")
    expect(replay.locator('[data-feature="pitch"] .value')).to_have_text("100% 高于常态")
    replay.locator(".chip").first.click()
    expect(replay.locator(".spot")).to_be_visible()


def test_replay_says_whether_a_card_helped(replay: Page, stage: Stage) -> None:
    effects = replay.locator(".effect")
    expect(effects.nth(0)).to_have_text("一分钟后升到 投诉")
    expect(effects.nth(1)).to_have_text("一分钟后降到 显化抱怨")
    replay.get_by_role("button", name="太晚").first.click()
    expect(replay.locator(".moments em").first).to_have_text("太晚")
    replay.wait_for_timeout(200)
    assert ("POST", "alerts/alert-2-20.5/feedback", {"verdict": "late"}) in stage.asked


def test_without_stored_words_and_audio_the_page_says_so(replay: Page, stage: Stage) -> None:
    expect(replay.get_by_text("未保存录音")).to_be_visible()
    timeline = stage.answers["calls/c-1/timeline"]
    timeline["readings"][11]["phrases"] = [{"text": "long-wait", "span": [22.1, 22.9], "rung": 2}]
    timeline["card"] = card(state="ended", rung=4, peak=4)
    replay.reload()
    expect(replay.locator(".tick")).to_have_text("2")
    expect(replay.get_by_text("未保存词语")).to_be_visible()
    expect(replay.get_by_text("没有投诉记录")).to_be_visible()
    timeline["audio"] = True
    replay.reload()
    expect(replay.locator("audio")).to_have_attribute("src", "/v1/calls/c-1/audio")


def test_the_record_is_ready_to_copy(replay: Page) -> None:
    replay.context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect(replay.get_by_role("textbox", name="投诉记录")).to_have_value("客诉记录\n依据：“我要投诉”")
    replay.get_by_role("button", name="复制").click()
    expect(replay.get_by_text("已复制")).to_be_visible()
    assert replay.evaluate("navigator.clipboard.readText()") == "客诉记录\n依据：“我要投诉”"


def test_a_dropped_recording_goes_up_in_pieces_and_through_the_engine(page: Page, stage: Stage, tmp_path: Path) -> None:
    came = bytearray()
    done: list[dict[str, Any]] = []
    refusals = iter([True])

    def opened(request: Request, body: bytes) -> Response:
        assert json.loads(body) == {
            "name": "call.wav",
            "size": 2500,
            "language": "zh",
            "caller_channel": 0,
            "consent": True,
        }
        return JSONResponse({"upload": "u-1", "offset": 0, "chunk": 1000}, 201)

    def piece(request: Request, body: bytes) -> Response:
        if int(request.headers["upload-offset"]) != len(came) or (came and next(refusals, False)):
            return problem(409, "offset", "does not fit")
        came.extend(body)
        if len(came) < 2500:
            return Response(status_code=204, headers={"Upload-Offset": str(len(came))})
        done.append(
            {
                "recording": "r-1",
                "name": "call.wav",
                "state": "running",
                "progress": 0.4,
                "seconds": 80,
                "call": "c-9",
                "problem": None,
            }
        )
        return JSONResponse(done[0], 202)

    stage.answers |= {
        "recordings": lambda *_: JSONResponse({"items": done, "next": None}),
        "POST uploads": opened,
        "PATCH uploads/u-1": piece,
        "HEAD uploads/u-1": lambda *_: Response(headers={"Upload-Offset": str(len(came))}),
    }
    page.goto(stage.address + "/#/recordings")
    expect(page.locator("p.nothing")).to_contain_text("分析过的录音会列在这里")
    file = tmp_path / "call.wav"
    file.write_bytes(bytes(range(250)) * 10)
    page.get_by_label("来电人已被告知并同意分析").check()
    page.locator("#files").set_input_files(file)
    expect(page.locator(".recordings li")).to_contain_text("分析中 40%", timeout=8000)
    assert bytes(came) == file.read_bytes()
    done[0] |= {"state": "done", "progress": 1}
    expect(page.get_by_role("link", name="时间线")).to_have_attribute("href", "#/calls/c-9", timeout=8000)
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", "/v1/recordings/r-1/report.csv")


def test_a_failed_recording_says_what_to_do(page: Page, stage: Stage) -> None:
    row = {
        "recording": "r-2",
        "name": "notes.txt",
        "state": "failed",
        "progress": 0,
        "seconds": None,
        "call": None,
        "problem": {"detail": "not audio", "remedy": "send wav, flac, ogg or mp3"},
    }
    stage.answers["recordings"] = {"items": [row], "next": None}
    page.goto(stage.address + "/#/recordings")
    expect(page.locator(".recordings .state")).to_have_text("失败: not audio send wav, flac, ogg or mp3")


def put_back(stage: Stage, name: str, value: Any) -> None:
    stage.answers[f"settings/{name}"] = value
    stage.answers[f"PUT settings/{name}"] = lambda request, body: JSONResponse(json.loads(body))


def saved(page: Page, stage: Stage, name: str) -> Any:
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存")).to_be_visible()
    return next(body for method, path, body in stage.asked if (method, path) == ("PUT", f"settings/{name}"))


def test_thresholds(page: Page, stage: Stage) -> None:
    now = {"language": "zh", "dead_air_s": 3, "interruption_s": 1, "false_alerts_per_hour": 0.5, "quiet_rungs": [1, 2]}
    put_back(stage, "thresholds", now)
    page.goto(stage.address + "/#/settings")
    page.get_by_label("双方沉默多久算冷场").fill("5")
    page.get_by_label("2 即将转化为抱怨").uncheck()
    assert saved(page, stage, "thresholds") == {**now, "dead_air_s": 5, "quiet_rungs": [1]}


def test_lexicon(page: Page, stage: Stage) -> None:
    put_back(stage, "lexicon", {"zh": [{"text": "退钱", "rung": 4, "motive": "demand"}], "en": []})
    page.goto(stage.address + "/#/settings/lexicon")
    page.get_by_role("button", name="添加").nth(1).click()
    page.keyboard.type("rip-off")
    page.get_by_label("级别").nth(1).select_option("4")
    page.get_by_label("缘由").nth(1).select_option("accusation")
    page.get_by_role("button", name="删除 退钱").click()
    assert saved(page, stage, "lexicon") == {"zh": [], "en": [{"text": "rip-off", "rung": 4, "motive": "accusation"}]}


def test_guidance(page: Page, stage: Stage) -> None:
    put_back(stage, "guidance", {"zh": {}, "en": {}})
    page.goto(stage.address + "/#/settings/guidance")
    expect(page.get_by_text("还没有自己的话术")).to_be_visible()
    page.get_by_role("button", name="新话术").click()
    chinese = {
        "标题": "先道歉",
        "先处理心情": "对不起。\n让您久等了。",
        "再处理事情": "马上查",
        "先别说": "不说但是",
        "方法": "先情感后事件",
    }
    for language, suffix in (("中文", ""), ("英文", " (en)")):
        half = page.get_by_role("group", name=language)
        for label, text in chinese.items():
            half.get_by_label(label).fill(text + suffix)
        half.get_by_label("步骤").select_option(index=1)
    wanted = {
        "title": "先道歉",
        "mood": ["对不起。", "让您久等了。"],
        "matter": "马上查",
        "avoid": "不说但是",
        "technique": "先情感后事件",
        "step": "共情",
    }
    told = saved(page, stage, "guidance")
    assert told["zh"] == {"waiting/3": wanted}
    assert told["en"]["waiting/3"]["step"] == "empathise", "both languages, one for one"


def test_keys_are_made_shown_once_and_taken_back(page: Page, stage: Stage) -> None:
    items: list[dict[str, Any]] = []
    stage.answers["keys"] = lambda *_: JSONResponse({"items": items, "next": None})

    def make(request: Request, body: bytes) -> Response:
        items.append({"id": "k-1", "agent": None, "team": None, "expires": None, **json.loads(body)})
        return JSONResponse({"id": "k-1", "key": "em_once"}, 201)

    def remove(request: Request, body: bytes) -> Response:
        items.clear()
        return Response(status_code=204)

    stage.answers |= {"POST keys": make, "DELETE keys/k-1": remove}
    page.goto(stage.address + "/#/settings/keys")
    page.get_by_label("名称").fill("north desk")
    page.get_by_label("角色", exact=True).select_option("agent")
    page.get_by_label("坐席（仅坐席角色）").fill("a-1")
    page.get_by_role("button", name="新建密钥").click()
    expect(page.locator(".made code")).to_have_text("em_once")
    page.get_by_role("button", name="删除 north desk").click()
    expect(page.get_by_text("还没有密钥")).to_be_visible()
    page.reload()
    expect(page.locator("body")).not_to_contain_text("em_once")


def test_signing_in_keeps_the_key_out_of_sight(page: Page, stage: Stage) -> None:
    stage.me = None
    page.goto(stage.address)
    page.get_by_label("密钥").fill("em_wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert").filter(has_text="密钥无效")).to_be_visible()
    stage.me = {"tenant": "t", "role": "agent", "agent": "a-1", "team": None, "demo": False, "version": "0"}
    page.get_by_label("密钥").fill("em_right")
    page.keyboard.press("Enter")
    expect(page.locator(".welcome")).to_be_visible()
    assert "em_right" not in page.url + str(page.evaluate("JSON.stringify(localStorage)"))
    expect(page.get_by_role("navigation", name="页面").get_by_role("link")).to_have_text(["通话", "回放"])
