"""The ring: first in, first out, bounded, and its clock never lies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotion.audio.ring import Ring


@given(st.lists(st.one_of(st.integers(0, 40).map(lambda n: ("push", n)), st.integers(0, 25).map(lambda n: ("pop", n))),
                max_size=60))
def test_behaves_like_a_list_that_forgets_its_oldest(steps: list[tuple[str, int]]) -> None:
    ring, model, counter = Ring(32), list[float](), 0
    for what, count in steps:
        if what == "push":
            new = list(range(counter, counter + count))
            counter += count
            ring.push(np.array(new, np.float32))
            model = [*model, *new][-32:]
        elif count <= len(model):
            frame = ring.pop(count)
            assert frame.samples.tolist() == model[:count]
            model = model[count:]
        assert ring.length == len(model)
        assert ring.end == counter
        if model:
            assert ring.start == model[0]


def test_counts_what_it_drops() -> None:
    ring = Ring(10)
    assert ring.push(np.zeros(8, np.float32)) == 0
    assert ring.push(np.zeros(5, np.float32)) == 3
    assert ring.push(np.zeros(25, np.float32)) == 25
    assert ring.dropped == 28
    assert ring.start == 28


def test_asking_for_too_much_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 samples asked for, 0 are there"):
        Ring(4).pop(2)
