"""The text task of the suite: decoding, its metrics, the readers of the data, and one quick run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import texts
from benchmarks.task import Options
from benchmarks.tasks import text as task


@pytest.mark.parametrize(("evidence", "rung"), [
    ((1.0, 0, 0, 0, 0, 0, 0), 0), ((0.4, 0.2, 0.4, 0, 0, 0, 0), 1), ((0, 0, 0, 0, 0, 0, 1.0), 6),
    ((0.2, 0, 0, 0.1, 0.3, 0.4, 0), 4),
])
def test_a_rung_is_the_median_of_its_evidence(evidence: tuple[float, ...], rung: int) -> None:
    assert task.median(evidence) == rung


def test_spearman_is_about_ranks_with_ties() -> None:
    steps = np.array([[1.0, 10.0], [2.0, 100.0], [3.0, 1000.0]])
    assert task._spearman(steps) == pytest.approx(1)
    assert task._spearman(steps * [1, -1]) == pytest.approx(-1)
    assert list(task._ranks(np.array([5.0, 1.0, 5.0]))) == [2.5, 1.0, 2.5]


def test_uar_is_the_mean_recall_of_the_rungs_that_occur() -> None:
    assert task.uar([0, 0, 3, 3], [0, 1, 3, 3]) == pytest.approx(0.75)


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    assert len(task.validate(tmp_path)) == len(task.FILES)


def test_train_and_dev_share_no_dialogue(data: Path) -> None:
    for language in ("zh", "en"):
        train = {dialogue.id for dialogue in texts.stc3(data, language, "train")}
        dev = {dialogue.id for dialogue in texts.stc3(data, language, "dev")}
        assert not train & dev


def test_a_label_belongs_to_the_turn_that_it_counts(data: Path) -> None:
    labelled = texts.ladder(data, "dev")
    assert len(labelled) == 206
    by_id = {dialogue.id: dialogue for dialogue in texts.stc3(data, "zh", "dev")}
    for one in labelled:
        assert one.text == by_id[one.label.id].caller[one.label.turn - 1]
        assert sum(side == "caller" for side, _ in one.before) == one.label.turn - 1


@pytest.mark.slow
def test_a_quick_run_gives_rows_of_every_set(data: Path) -> None:
    rows = list(task.evaluate(Options(data, quick=True, say=lambda _: None)))
    assert {row.condition for row in rows} == {"ladder_zh", "ladder_en", "stc3_zh", "stc3_en", "xci_en",
                                               "multidogo_en", "jddc_zh"}
    assert {row.system for row in rows} >= {"emotion", "lexicon only"}
    assert all(np.isfinite(row.value) for row in rows)
