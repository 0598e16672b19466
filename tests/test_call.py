"""One call: its clock, its buffer, pauses, gaps, sides that come apart, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion.audio.pcm import AudioError
from emotion.call import LIVE_BUFFER, PATIENCE, Call
from emotion.types import HOP, RATE, Audio, Span, Utterance


def ramp(count: int, start: int = 0) -> Audio:
    return (np.arange(start, start + count) % 1000).astype(np.float32) / np.float32(1000)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=20))
@settings(deadline=None)
def test_hops_do_not_depend_on_packets(sizes: list[int]) -> None:
    whole, parts = Call("a"), Call("b")
    samples = ramp(12000)
    whole.push({"caller": samples})
    taken = []
    cuts = np.cumsum(sizes)
    for piece in np.split(samples, cuts[cuts < len(samples)]):
        parts.push({"caller": piece})
        while parts.ready:
            taken.append(parts.take())
    for hop in taken:
        other = whole.take()
        assert hop.span == other.span
        assert np.array_equal(hop.samples["caller"], other.samples["caller"])
    assert len(taken) == 3
    assert not whole.ready


def test_finish_pads_the_last_hop_and_closes() -> None:
    call = Call("a")
    call.push({"caller": ramp(HOP + 10)})
    call.finish()
    assert [call.take().span, call.take().span] == [Span(0, HOP), Span(HOP, 2 * HOP)]
    assert not call.ready
    with pytest.raises(AudioError, match="has ended"):
        call.push({"caller": ramp(10)})


def test_a_live_call_drops_its_oldest_audio_and_says_so() -> None:
    call = Call("a")
    call.push({"caller": ramp(LIVE_BUFFER)})
    call.push({"caller": ramp(RATE)})
    assert call.dropped == RATE
    hop = call.take()
    assert hop.span.start == RATE
    assert "late" in hop.degraded


def test_after_a_drop_on_one_side_both_sides_stand_at_the_same_sample() -> None:
    call = Call("a", sides=("caller", "agent"))
    call.push({"caller": ramp(LIVE_BUFFER + 400), "agent": ramp(LIVE_BUFFER)})
    hop = call.take()
    assert hop.span.start == 400
    assert np.array_equal(hop.samples["caller"], hop.samples["agent"])


def test_a_silent_side_is_not_waited_for_longer_than_patience() -> None:
    call = Call("a", sides=("caller", "agent"))
    call.push({"caller": ramp(HOP)})
    assert not call.ready
    call.push({"caller": ramp(PATIENCE)})
    hop = call.take()
    assert not hop.samples["agent"].any()
    call.push({"agent": ramp(HOP) + 1})  # it comes after all: late, dropped, counted
    assert call.dropped == HOP
    call.push({"agent": ramp(HOP) + 2})
    hop = call.take()
    assert hop.samples["agent"][0] == 2
    assert "late" in hop.degraded


def test_nothing_is_kept_while_paused() -> None:
    call = Call("a")
    call.push({"caller": ramp(100)})
    call.pause()
    call.push({"caller": np.ones(RATE, np.float32)})
    call.hear(Utterance("caller", Span(0, 100), "4111 1111"))
    call.resume()
    call.push({"caller": ramp(HOP - 100, 100)})
    hop = call.take()
    assert np.array_equal(hop.samples["caller"], ramp(HOP))
    assert hop.utterances == ()


def test_a_gap_moves_the_clock_and_marks_its_hops() -> None:
    call = Call("a")
    call.push({"caller": ramp(HOP)})
    call.gap(0.25)
    call.push({"caller": ramp(HOP)})
    assert call.take().degraded == ()
    hop = call.take()
    assert hop.degraded == ("loss",)
    assert not hop.samples["caller"][: HOP // 2].any()


def test_an_utterance_belongs_to_the_hop_in_which_it_ends() -> None:
    call = Call("a")
    late, due, early = (Utterance("caller", Span(0, end), str(end)) for end in (HOP + 1, HOP, 10))
    for utterance in (late, due, early):
        call.hear(utterance)
    call.push({"caller": ramp(2 * HOP)})
    assert [u.text for u in call.take().utterances] == [str(HOP), "10"]
    assert [u.text for u in call.take().utterances] == [str(HOP + 1)]


def test_what_is_said_after_the_last_hop_is_not_lost() -> None:
    call = Call("a")
    call.push({"caller": ramp(HOP)})
    call.hear(Utterance("caller", Span(0, 10 * RATE), "later"))
    call.finish()
    assert call.take().utterances == ()
    assert [u.text for u in call.take().utterances] == ["later"]
    assert call.over


def test_a_call_pickles_in_the_middle() -> None:
    one = Call("a", rate=16000)
    one.push({"caller": ramp(12345)})
    two = pickle.loads(pickle.dumps(one))
    for call in (one, two):
        call.push({"caller": ramp(16000)})
        call.finish()
    while one.ready:
        assert np.array_equal(one.take().samples["caller"], two.take().samples["caller"])


@pytest.mark.parametrize(("sides", "rate"), [((), 8000), (("caller", "caller"), 8000), (("robot",), 8000)])
def test_sides_that_cannot_be(sides: tuple[str, ...], rate: int) -> None:
    with pytest.raises(AudioError, match="caller"):
        Call("a", sides=sides, rate=rate)  # type: ignore[arg-type]


def test_audio_of_a_side_that_was_not_announced() -> None:
    with pytest.raises(AudioError, match="opened with caller"):
        Call("a").push({"agent": ramp(10)})
