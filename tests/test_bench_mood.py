"""Measures of the mood task on numbers worked out by hand, and the trials' fairness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import speech
from benchmarks.metrics import mood as metrics
from benchmarks.tasks.mood import TRIALS, listen, score
from emotion.mood import MoodModel
from emotion.types import BANDS, FRAMES, Activity


def test_auc_counts_pairs_and_halves_ties() -> None:
    truth = np.array([True, True, False, False])
    assert metrics.auc(truth, np.array([0.9, 0.4, 0.5, 0.1])) == pytest.approx(0.75)
    assert metrics.auc(truth, np.array([0.5, 0.5, 0.5, 0.5])) == pytest.approx(0.5)
    assert np.isnan(metrics.auc(np.array([True]), np.array([0.3])))


def test_eer_of_half_swapped_scores() -> None:
    truth = np.array([True] * 4 + [False] * 4)
    assert metrics.eer(truth, np.array([4.0, 3, 2, 0, 1, 0.5, 0.4, 0.3])) == pytest.approx(0.25)
    assert metrics.eer(truth, np.arange(8.0)[::-1]) == pytest.approx(0)


def test_recall_at_a_false_alarm_rate() -> None:
    truth = np.array([True] * 2 + [False] * 100)
    scores = np.concatenate([[200.0, 50.0], np.arange(100.0)])
    assert metrics.recall_at(truth, scores, 0.05) == pytest.approx(0.5)


def test_unweighted_recall_and_calibration_error() -> None:
    assert metrics.uar(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])) == pytest.approx(0.5)
    assert metrics.ece(np.array([True, False]), np.array([0.75, 0.75])) == pytest.approx(0.25)
    assert metrics.ece(np.array([True, False]), np.array([1.0, 0.0])) == pytest.approx(0)


def test_intervals_draw_whole_speakers() -> None:
    low, high = metrics.by_speaker(["a", "a", "b"], lambda rows: float(len(rows)), draws=200)
    assert (low, high) == (2.0, 4.0)
    assert all(np.isnan(metrics.by_speaker(["a"], lambda rows: 1.0)))


def test_no_network_is_judged_on_a_speaker_that_it_learnt_from(data: Path) -> None:
    for trial in TRIALS:
        judged = {clip.speaker for clip in speech.clips(data) if trial.judges(clip)}
        learnt = {clip.speaker for clip in speech.clips(data) if trial.learnt(clip)}
        assert judged
        assert not judged & learnt


def test_a_clip_without_estimate_is_not_known() -> None:
    silent = [[(np.full((FRAMES, BANDS), -18, np.float32), Activity(np.zeros(FRAMES, np.bool_),
                                                                      np.zeros(FRAMES, np.float32)))]]
    guesses, known = listen(MoodModel(), silent)
    assert not known.any()
    assert guesses[0].tolist() == [0.2] * 5 + [0.5]


def test_rows_have_the_names_of_the_house(data: Path) -> None:
    clips = [clip for clip in speech.clips(data) if clip.corpus == "EmoDB"][:60]
    guesses = np.random.default_rng(0).dirichlet(np.ones(6), len(clips))
    rows = list(score("s", "telephone/EmoDB", clips, guesses, detailed=True))
    assert {"auc", "auc_neutral", "eer", "recall_at_5_false", "uar", "auc_arousal", "ece"} <= {r.metric for r in rows}
    assert {row.task for row in rows} == {"mood"}
