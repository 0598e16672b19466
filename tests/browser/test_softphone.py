"""The softphone SDK in a real Chromium: a fake microphone from a file, a real WebRTC loop, a real WebSocket."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.browser.conftest import launch, script, until
from tests.browser.stage import Stage, alert

pytestmark = pytest.mark.browser
RATE = 8000


def tones(path: Path, *hertz: float, rate: int = 48000, seconds: float = 10.0) -> Path:
    """A wav of sines; whole periods in it, so that the endless loop of the fake microphone is smooth."""
    time_axis = np.arange(round(seconds * rate)) / rate
    signal = sum(0.3 * np.sin(2 * np.pi * one * time_axis) for one in hertz)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((32767 * np.asarray(signal)).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def phones(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium whose microphone hears 1000 Hz and, above the telephone band, 6000 Hz."""
    file = tones(tmp_path_factory.mktemp("mic") / "mic.wav", 1000.0, 6000.0)
    browser = launch(
        playwright,
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}",
        "--autoplay-policy=no-user-gesture-required",
    )
    yield browser
    browser.close()


@pytest.fixture
def phone(phones: Any, stage: Stage) -> Iterator[Page]:
    """A page with the SDK loaded as `Softphone`, its events kept in `heard`."""
    page: Page = phones.new_page(locale="zh-CN")
    page.set_default_timeout(8000)
    page.goto(stage.address + "/console/softphone.html")
    page.evaluate("""async () => {
      Object.assign(window, await import('/console/softphone.js'));
      window.heard = [];
      window.microphone = () => navigator.mediaDevices.getUserMedia(
        { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 } });
      window.ring = async (settings, streams) => {
        window.phone = new Softphone(settings);
        for (const type of ['state', 'started', 'change', 'alert', 'warning', 'error', 'ended'])
          phone.addEventListener(type, ({ detail }) => heard.push([type, detail]));
        await phone.start(streams);
      };
    }""")
    yield page
    page.close()


def pcm(call: dict[str, Any], channels: int = 1) -> NDArray[np.float64]:
    audio = call["audio"]
    return (
        np.frombuffer(audio[: len(audio) // (2 * channels) * 2 * channels], "<i2")
        .reshape(-1, channels)
        .astype(np.float64)
        / 32767
    )


def level(signal: NDArray[np.float64], hertz: float) -> float:
    """Level of one frequency in dB of full scale, Hann-windowed."""
    window = np.hanning(len(signal))
    tone = np.exp(-2j * np.pi * hertz * np.arange(len(signal)) / RATE)
    return float(20 * np.log10(2 * abs(np.sum(signal * window * tone)) / np.sum(window) + 1e-12))


def test_the_microphone_comes_as_8_khz_and_nothing_folds_back(phone: Page, stage: Stage) -> None:
    phone.evaluate(
        "async () => ring({ agentId: 'a-1', language: 'zh', consent: true }, { caller: await microphone() })"
    )
    until(lambda: bool(stage.streams) and len(stage.streams[0]["audio"]) > 2 * RATE * 2.5, phone)
    start = stage.streams[0]["start"]
    assert {key: start[key] for key in ("encoding", "sample_rate", "channels", "agent_id", "language", "consent")} == {
        "encoding": "pcm_s16le",
        "sample_rate": 8000,
        "channels": ["caller"],
        "agent_id": "a-1",
        "language": "zh",
        "consent": True,
    }
    heard = pcm(stage.streams[0])[RATE // 2 :, 0]
    assert -14 < level(heard, 1000) < -8
    assert level(heard, 2000) < level(heard, 1000) - 60, "6 kHz would fold to 2 kHz"


def test_remote_is_the_caller_and_the_microphone_the_agent(phone: Page, stage: Stage) -> None:
    phone.evaluate(script("webrtc"))
    until(lambda: bool(stage.streams) and len(stage.streams[0]["audio"]) > 4 * RATE * 4, phone, 15)
    assert stage.streams[0]["start"]["channels"] == ["caller", "agent"]
    assert stage.streams[0]["start"]["consent"] is False, "consent is never assumed"
    caller, agent = pcm(stage.streams[0], 2)[2 * RATE :].T
    assert level(caller, 440) > level(caller, 1000) + 30
    assert level(agent, 1000) > level(agent, 440) + 30


def test_a_broken_line_is_resumed_without_a_hole(phone: Page, stage: Stage) -> None:
    phone.evaluate("async () => ring({}, { caller: await microphone() })")
    until(lambda: bool(stage.streams) and len(stage.streams[0]["audio"]) > 2 * RATE, phone)
    stage.tell({"type": "change", "seq": 7, "call": "x", "change": {}})
    until(lambda: any(kind == "change" for kind, _ in phone.evaluate("heard")), phone)
    stage.cut()
    until(lambda: ["state", "reconnecting"] in phone.evaluate("heard"), phone)
    until(lambda: bool(stage.streams[0]["resumes"]), phone)
    before = len(stage.streams[0]["audio"])
    until(lambda: len(stage.streams[0]["audio"]) > before + 3 * RATE, phone)
    assert len(stage.streams) == 1
    assert stage.streams[0]["resumes"] == [{"seq": 7}]
    assert stage.streams[0]["texts"] == [], "no gap had to be told"
    signal = pcm(stage.streams[0])[RATE // 2 :, 0]
    period = np.abs(signal[8:] - signal[:-8])
    assert period.max() < 0.02, "1000 Hz repeats every 8 samples; a lost or doubled piece would break that"


def test_a_pause_sends_silence(phone: Page, stage: Stage) -> None:
    phone.evaluate("async () => ring({}, { caller: await microphone() })")
    until(lambda: bool(stage.streams) and len(stage.streams[0]["audio"]) > 2 * RATE, phone)
    phone.evaluate("phone.pause()")
    phone.wait_for_timeout(600)
    from_here = len(stage.streams[0]["audio"])
    phone.wait_for_timeout(600)
    quiet = stage.streams[0]["audio"][from_here:]
    assert len(quiet) > RATE // 2
    assert not any(quiet)
    phone.evaluate("phone.resume()")
    until(lambda: any(stage.streams[0]["audio"][-400:]), phone)
    assert [text["type"] for text in stage.streams[0]["texts"]] == ["pause", "resume"]


def test_after_the_grace_time_the_call_goes_on_under_a_number(phone: Page, stage: Stage) -> None:
    phone.evaluate("async () => ring({ callId: 'c-9' }, { caller: await microphone() })")
    until(lambda: bool(stage.streams), phone)
    stage.forgotten.add("c-9")
    stage.cut()
    until(lambda: len(stage.streams) == 2 and len(stage.streams[1]["audio"]) > RATE, phone)
    assert "resume" not in stage.streams[1]["start"]
    assert phone.evaluate("phone.callId") == "c-9.2"


def test_alerts_are_events_and_stop_gives_the_summary(phone: Page, stage: Stage) -> None:
    phone.evaluate("async () => ring({ callId: 'c-9' }, { caller: await microphone() })")
    until(lambda: bool(stage.streams), phone)
    stage.tell({"type": "alert", "seq": 2, "call": "c-9", "alert": alert(4)})
    until(lambda: any(kind == "alert" for kind, _ in phone.evaluate("heard")), phone)
    told = next(detail for kind, detail in phone.evaluate("heard") if kind == "alert")
    assert told["alert"]["guidance"]["zh"] == alert(4)["guidance"]["zh"]
    assert phone.evaluate("phone.stop()") == {"seconds": 1.0, "peak": 0, "last": 0}
    assert phone.evaluate("phone.state") == "ended"
    assert stage.streams[0]["texts"][-1] == {"type": "stop"}


def test_a_ticket_goes_along_and_only_where_one_is_asked_for(phone: Page, stage: Stage) -> None:
    addresses: list[str] = []
    phone.on("websocket", lambda socket: addresses.append(socket.url))
    phone.evaluate("async () => ring({ ticket: async () => 'tk_1' }, { caller: await microphone() })")
    until(lambda: bool(addresses), phone)
    assert addresses[0].endswith("/v1/stream?ticket=tk_1")


def test_the_outbox_tells_what_it_had_to_let_go(phone: Page) -> None:
    found = phone.evaluate("""async () => {
      const { Outbox } = await import('/console/softphone-outbox.js');
      const box = new Outbox(1);
      for (let n = 0; n < 15; n += 1) box.push(`a${n}`, 0.1);
      const first = [];
      for (let data; (data = box.take()) !== null;) first.push(data);
      box.resume(box.count - 3);
      const again = [];
      for (let data; (data = box.take()) !== null;) again.push(data);
      return { first, again, count: box.count };
    }""")
    assert '"type":"gap"' in found["first"][0]
    assert found["first"][1:] == [f"a{n}" for n in range(5, 15)]
    assert found["again"] == ["a12", "a13", "a14"]
    assert found["count"] == 12


@pytest.mark.parametrize("rate", [48000, 44100, 16000])
def test_downsampling_is_the_same_in_any_chunks(phone: Page, rate: int) -> None:
    found = phone.evaluate(script("chunks"), rate)
    assert found["equal"]
    assert 7950 < found["whole"] <= 8000


def test_the_example_page_makes_a_call_from_the_microphone(phone: Page, stage: Stage) -> None:
    phone.reload()
    phone.get_by_label("说话人已被告知并同意").check()
    phone.get_by_role("button", name="接通").click()
    expect(phone.locator(".callstate")).to_have_text("通话中")
    stage.tell({"type": "alert", "seq": 2, "call": "c-9", "alert": alert(3)})
    expect(phone.locator(".phone .mood")).to_have_text(alert(3)["guidance"]["zh"]["mood"][0])
    phone.get_by_role("button", name="暂停").click()
    expect(phone.locator(".callstate")).to_contain_text("已暂停")
    phone.get_by_role("button", name="挂断").click()
    expect(phone.get_by_text("最高到 平静")).to_be_visible()
    assert stage.streams[0]["start"]["consent"] is True
