"""Training of the spotter: targets, spoiled spectra, the network as it streams, and what is written down."""

import tomllib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from models.train import words, words_data, words_thresholds  # noqa: E402
from models.train.words_net import KEPT, STACK, SpotterNet  # noqa: E402


def test_occupancy_follows_the_text() -> None:
    posteriors = np.full((12, 4), 0.05, np.float32)
    posteriors[:, 0] = 0.85
    posteriors[3] = (0.1, 0.5, 0.35, 0.05)
    posteriors[8] = (0.1, 0.1, 0.1, 0.7)
    known = words_data.occupancy(posteriors, [2, 3])
    assert known is not None
    assert np.allclose(known.sum(axis=1), 1, atol=1e-3)
    assert known[3, 2] > 0.5 > known[3, 1]
    assert words_data.occupancy(posteriors, []) is None
    assert words_data.occupancy(posteriors[:3], [1, 2]) is None


def test_warp_moves_a_peak() -> None:
    line = np.zeros(129, np.float32)
    line[40] = 1
    assert np.argmax(line @ words._warp(1.25)) == 50
    assert np.array_equal(line @ words._warp(1.0), line)


def test_spoiled_speech_stays_finite() -> None:
    power = np.random.default_rng(0).normal(-8, 3, (4, 550, 129)).astype(np.float32)
    before = power.copy()
    mels = words.spoil(power, np.random.default_rng(1))
    assert mels.shape == (4, 550, 64)
    assert np.isfinite(mels).all()
    assert np.array_equal(power, before)


def test_network_streams_as_it_trains() -> None:
    net = SpotterNet({"zh": 5, "en": 3}, width=8, inner=12, blocks=2).eval()
    frames = torch.randn(2, 40, STACK * 64)
    whole, last = net(frames, net.start(2))
    first, state = net(frames[:, :17], net.start(2))
    second, state = net(frames[:, 17:], state)
    assert torch.allclose(torch.cat([first["zh"], second["zh"]], dim=1), whole["zh"], atol=1e-5)
    assert torch.allclose(state, last, atol=1e-6)
    assert state.shape == (2, 2, KEPT, 8)


def test_threshold_keeps_to_the_budget() -> None:
    ratios = [-0.2, -0.4, -0.6, -0.8]
    found = words_thresholds._at(ratios, 2.0)
    assert sum(ratio >= found for ratio in ratios) == 2
    assert words_thresholds._at([], 1.0) == words_thresholds.LOWEST
    text = words_thresholds.replace_table("[a]\nx = 1\n\n[b]\ny = 2\n", "a", "x = 3")
    assert tomllib.loads(text) == {"a": {"x": 3}, "b": {"y": 2}}
