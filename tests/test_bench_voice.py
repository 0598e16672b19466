"""The conditions, the measures and the references behind the voice tasks."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks import simulate
from benchmarks.metrics.voice import PitchErrors, auc, correlation, mean_error
from emotion.types import FRAME, RATE, Audio
from tests.conftest import tone, vowel

DRY = [condition for condition in simulate.CONDITIONS if not condition.startswith("babble")]
NAN = np.float32(np.nan)

PEERS = "the suite's peers need the extra [bench]"


@pytest.mark.parametrize("condition", DRY)
def test_a_condition_is_deterministic_and_leaves_its_input(condition: str) -> None:
    wave = vowel(150, 1.0)
    before = wave.copy()
    one, other = (simulate.degrade(wave, RATE, condition, 3) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(wave, before)
    assert one.dtype == np.float32
    assert len(one) == len(wave)


def test_another_seed_is_other_noise() -> None:
    wave = vowel(150, 1.0)
    assert not np.array_equal(simulate.degrade(wave, RATE, "pink10", 1), simulate.degrade(wave, RATE, "pink10", 2))


def test_babble_is_made_of_the_data(data: Path) -> None:
    wave = vowel(150, 1.0)
    one, other = (simulate.degrade(wave, RATE, "babble10", 3, data) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_an_unknown_condition_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="telephone"):
        simulate.degrade(vowel(150, 0.5), RATE, "gsm", 0)


@pytest.mark.parametrize(("hertz", "kept"), [(100, False), (1000, True), (3900, False)])
def test_the_telephone_has_its_band(hertz: float, kept: bool) -> None:
    power = float(np.mean(simulate.band(tone(hertz, 1.0, 0.1)) ** 2)) / 0.005
    assert (power > 0.9) if kept else (power < 0.25)


@pytest.mark.parametrize("snr", [20.0, 10.0, 5.0])
def test_noise_has_its_ratio(snr: float) -> None:
    wave = vowel(150, 3.0, 0.02)
    noise = simulate.mix(wave, simulate.pink(len(wave), np.random.default_rng(0)), snr) - wave
    found = 10 * np.log10(simulate.active_power(wave) / np.mean(noise**2))
    assert found == pytest.approx(snr, abs=0.1)


def test_loss_takes_whole_packets() -> None:
    wave = np.ones(100 * simulate.PACKET, np.float32)
    heard = simulate.lose(wave, 0.3, np.random.default_rng(0)).reshape(-1, simulate.PACKET)
    assert set(heard.sum(axis=1)) == {0.0, float(simulate.PACKET)}
    assert 0.15 < (heard.sum(axis=1) == 0).mean() < 0.45


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_auc_is_sklearns(pairs: list[tuple[int, bool]]) -> None:
    score, truth = zip(*pairs, strict=True)
    if len(set(truth)) < 2:
        with pytest.raises(ValueError, match="both kinds"):
            auc(score, truth)
    else:
        assert auc(score, truth) == pytest.approx(roc_auc_score(truth, score))


def test_pitch_errors_count_what_they_say() -> None:
    errors = PitchErrors()
    truth = np.array([100, 100, 100, 100, NAN, NAN], np.float32)
    found = np.array([100, 119, 125, NAN, NAN, 90], np.float32)
    errors.add(found, truth, np.array([True, True, True, True, False, False]))
    assert errors.gpe20 == pytest.approx(100 / 3)
    assert errors.vde == pytest.approx(100 * 2 / 6)


def test_correlation_and_mean_error() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert mean_error([1, 2], [2, 4]) == pytest.approx(1.5)


@pytest.mark.parametrize("name", ["swift-f0", "praat ac", "praat cc", "world dio"])
def test_trackers_find_a_vowel(name: str) -> None:
    pytest.importorskip("parselmouth", reason=PEERS)
    from benchmarks.peers.pitch import TRACKERS

    wave: Audio = vowel(150, 1.0)
    found = TRACKERS[name](wave, RATE)
    assert len(found) == len(wave) // FRAME
    assert np.nanmedian(found) == pytest.approx(150, rel=0.06)


def test_the_consensus_is_sure_of_a_vowel() -> None:
    pytest.importorskip("parselmouth", reason=PEERS)
    import soxr

    from benchmarks.datasets.f0 import consensus

    found = consensus(soxr.resample(vowel(150, 1.0), RATE, 16000), 16000)
    assert found.sure.mean() > 0.7
    assert np.nanmedian(found.hertz) == pytest.approx(150, rel=0.06)


def test_voice_activity_truth_of_a_clip_between_silences() -> None:
    from benchmarks.tasks.vad import label

    wave = np.concatenate([np.zeros(RATE), vowel(150, 1.0), np.zeros(RATE)]).astype(np.float32)
    truth = label(wave)
    assert (truth[:95] == 0).all()
    assert (truth[106:194] == 1).all()
    assert (truth[205:] == 0).all()
