"""Laws of the whole engine: chunking, batching, independence, pickling, consent, and bad signals."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterable

import numpy as np
import pytest
import soundfile

from emotion.call import Call
from emotion.engine import Engine
from emotion.report import plain
from emotion.transcripts import read_transcript
from emotion.types import HOP, RATE, Audio, Moment, Side, Utterance
from tests.conftest import SAMPLES, tone, vowel

SECONDS = 12


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def sample() -> tuple[dict[Side, Audio], list[Utterance]]:
    """The heated part of the Mandarin sample call."""
    samples, _ = soundfile.read(SAMPLES / "zh.ogg", dtype="float32")
    begin = 42 * RATE
    part = samples[begin : begin + SECONDS * RATE]
    script = [u for u in read_transcript(SAMPLES / "zh.toml") if begin < u.span.end < begin + len(part)]
    moved = [Utterance(u.side, type(u.span)(max(0, u.span.start - begin), u.span.end - begin), u.text) for u in script]
    return {"caller": part[:, 0].copy(), "agent": part[:, 1].copy()}, moved


def feed(engine: Engine, call: Call, audio: dict[Side, Audio], script: Iterable[Utterance], chunk: int) -> list[Moment]:
    pending = sorted(script, key=lambda u: u.span.end)
    moments: list[Moment] = []
    length = len(audio["caller"])
    for begin in range(0, length, chunk):
        while pending and pending[0].span.end <= min(begin + chunk, length):
            call.hear(pending.pop(0))
        call.push({side: samples[begin : begin + chunk] for side, samples in audio.items() if side in call.sides})
        while call.ready:
            moments += [moment for _, moment in engine.step([call])]
    call.finish()
    while call.ready:
        moments += [moment for _, moment in engine.step([call])]
    return moments


def text(moments: list[Moment]) -> str:
    return json.dumps(plain(moments), ensure_ascii=False)


def test_the_chunk_law(engine: Engine, sample: tuple[dict[Side, Audio], list[Utterance]]) -> None:
    """1 ms, 20 ms, 200 ms and the whole file at once give identical readings, changes and alerts."""
    audio, script = sample
    results = [text(feed(engine, engine.open("c", sides=("caller", "agent"), buffer=60 * RATE), audio, script, chunk))
               for chunk in (8, 160, 1600, SECONDS * RATE)]
    assert results[0] == results[1] == results[2] == results[3]
    assert '"alerts": [{' in results[0]


def test_two_interleaved_calls_never_affect_each_other(engine: Engine,
                                                       sample: tuple[dict[Side, Audio], list[Utterance]]) -> None:
    audio, script = sample
    alone = feed(engine, engine.open("c", sides=("caller", "agent")), audio, script, 800)
    calls = [engine.open("c", sides=("caller", "agent")), engine.open("other", language="en")]
    for utterance in script:
        calls[0].hear(utterance)
    other = vowel(210, SECONDS)
    together: list[Moment] = []
    for begin in range(0, SECONDS * RATE, 800):
        calls[0].push({side: samples[begin : begin + 800] for side, samples in audio.items()})
        calls[1].push({"caller": other[begin : begin + 800]})
        together += [moment for call, moment in engine.step(calls) if call is calls[0]]
    calls[0].finish()
    while calls[0].ready:
        together += [moment for _, moment in engine.step([calls[0]])]
    assert len(together) == len(alone)
    close(plain(together), plain(alone))


def close(one: object, two: object, where: str = "") -> None:
    """Equal but for the last digits of numbers: a batch may add up in another order than a call alone."""
    if isinstance(one, dict) and isinstance(two, dict):
        assert one.keys() == two.keys(), where
        for key in one:
            close(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list) and isinstance(two, list):
        assert len(one) == len(two), where
        for n, (a, b) in enumerate(zip(one, two, strict=True)):
            close(a, b, f"{where}[{n}]")
    elif isinstance(one, float) and isinstance(two, float):
        assert one == pytest.approx(two, abs=2e-3, rel=2e-3), where
    else:
        assert one == two, where


def test_a_call_pickled_in_the_middle_goes_on_equal(engine: Engine,
                                                    sample: tuple[dict[Side, Audio], list[Utterance]]) -> None:
    audio, script = sample
    one = engine.open("c", sides=("caller", "agent"))
    for utterance in script:
        one.hear(utterance)
    half = SECONDS * RATE // 2 + 123
    for begin in range(0, half, 800):
        one.push({side: samples[begin : min(begin + 800, half)] for side, samples in audio.items()})
        engine.step([one])
    two = pickle.loads(pickle.dumps(one))
    rest = {side: samples[half:] for side, samples in audio.items()}
    assert text(feed(engine, one, rest, (), 800)) == text(feed(engine, two, rest, (), 800))


def test_input_is_not_mutated(engine: Engine, sample: tuple[dict[Side, Audio], list[Utterance]]) -> None:
    audio, script = sample
    before = copy.deepcopy(audio)
    feed(engine, engine.open("c", sides=("caller", "agent")), audio, script, 1600)
    assert all(np.array_equal(audio[side], before[side]) for side in audio)


def test_without_consent_only_talk_is_measured(engine: Engine,
                                               sample: tuple[dict[Side, Audio], list[Utterance]]) -> None:
    audio, script = sample
    moments = feed(engine, engine.open("c", sides=("caller", "agent"), consent=False), audio, script, 1600)
    assert sum(moment.reading.talk.caller for moment in moments) > 2
    for moment in moments:
        assert moment.reading.voice is None and moment.reading.mood is None
        assert moment.standing is None and moment.shift is None
        assert moment.alerts == ()
        assert moment.reading.words.phrases == ()
        assert "no-consent" in moment.reading.degraded


def test_the_agents_channel_alone_gives_talk_and_nothing_else(engine: Engine) -> None:
    call = engine.open("c", sides=("agent",))
    call.push({"agent": vowel(120, 2)[: 2 * RATE]})
    moments = [moment for _ in range(4) for _, moment in engine.step([call])]
    assert len(moments) == 4
    assert all(m.reading.voice is None and m.reading.mood is None and m.standing is None for m in moments)


SIGNALS = {
    "silence": np.zeros(8 * RATE, np.float32),
    "hum": tone(50, 8, 0.3),
    "ring-back": tone(450, 8, 0.2),
    "dtmf": tone(697, 8, 0.1) + tone(1209, 8, 0.1),
    "clipped": np.sign(tone(200, 8)),
    "offset": np.full(8 * RATE, 0.4, np.float32),
    "comfort noise": np.random.default_rng(0).normal(0, 1e-3, 8 * RATE).astype(np.float32),
}


@pytest.mark.parametrize("kind", SIGNALS)
def test_what_is_no_speech_moves_nobody_up(engine: Engine, kind: str) -> None:
    moments = feed(engine, engine.open("c"), {"caller": SIGNALS[kind]}, (), 1600)
    assert len(moments) == 17  # the last one closes the call
    assert all(moment.standing and moment.standing.rung == 0 for moment in moments)
    assert not any(moment.alerts for moment in moments)


@pytest.mark.slow
def test_memory_is_flat_over_an_hour(engine: Engine) -> None:
    """The pickled state of a call after an hour is no larger than after two minutes."""
    call = engine.open("c", sides=("caller", "agent"))
    talk = vowel(140, 10)
    sizes = {}
    for hop in range(7200):
        begin = hop * HOP % len(talk)
        call.push({"caller": talk[begin : begin + HOP], "agent": talk[begin : begin + HOP] * (hop % 20 > 12)})
        engine.step([call])
        if hop in {240, 7199}:
            sizes[hop] = len(pickle.dumps(call))
    assert sizes[7199] < sizes[240] * 1.2 + 2000
