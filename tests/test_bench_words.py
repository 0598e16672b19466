"""The words task: keywords, candidates and recall at a budget, by hand-made numbers."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets.words import HELD_OUT, Spoken
from benchmarks.metrics.words import Candidate, at_budget
from benchmarks.peers import words as sphinx
from benchmarks.tasks import words as task
from emotion.types import Language
from emotion.words.lexicon import Lexicon


def spoken(text: str, speaker: str = "zf_xiaobei", language: Language = "zh") -> Spoken:
    return Spoken(Path("x.opus"), language, speaker, text, 3.0, True)


def test_recall_at_a_budget() -> None:
    found = [Candidate(0, 0, -0.1, True), Candidate(0, 1, -0.3, False), Candidate(1, 1, -0.5, True),
             Candidate(1, 2, -0.7, False), Candidate(0, 3, -0.9, True)]
    point = at_budget(found, said=4, hours=0.5, keywords=2, per_hour=1)
    assert (point.recall, point.threshold) == (0.5, -0.5)
    assert point.low <= 0.5 <= point.high
    assert at_budget(found, 4, 0.5, 2, 2).recall == 0.75
    assert at_budget([], 0, 1, 1, 2).recall == 0


def test_keywords_are_in_enough_utterances() -> None:
    pytest.importorskip("jieba", reason="the suite needs the extra [bench]")
    items = [spoken("我要退款"), spoken("退款退款"), spoken("快一点")]
    assert task.keywords(items, least=2) == ["退款"]


def test_phrases_that_are_said() -> None:
    items = [spoken("I want a refund", language="en"), spoken("a refund please", language="en")]
    said = task.said_phrases(Lexicon.load("en"), items, least=2)
    assert said
    assert all("refund" in phrase for phrase in said)


@pytest.mark.parametrize(("voice", "out"), [("zf_xiaobei", False), (HELD_OUT[0], True),
                                            (f"zf_xiaobei*0.9+{HELD_OUT[1]}*0.1", True)])
def test_held_out_voices_are_out_in_mixtures_too(voice: str, out: bool) -> None:
    assert spoken("好", voice).held_out is out


def test_english_counts_whole_words() -> None:
    assert task._count("refund", "refunded a refund", "en") == 1


def test_end_of_speech() -> None:
    wave = np.concatenate([np.zeros(800), 0.1 * np.ones(1600), 1e-4 * np.ones(1600)]).astype(np.float32)
    assert task._end(wave) == 2400


def test_each_voice_is_counted_at_the_common_threshold() -> None:
    items = [spoken("退款", HELD_OUT[0]), spoken("退款", f"{HELD_OUT[1]}*0.9+zf_xiaobei*0.1"), spoken("没有")]
    found = [Candidate(0, 0, -0.1, True), Candidate(0, 2, -0.2, False), Candidate(0, 1, -0.3, True)]
    hours = sum(item.seconds for item in items) / 3600
    rows = list(task._by_voice("x", "c", found, items, [[1], [1], [0]], budget=0.5 / hours))
    assert {row.condition: row.value for row in rows} == {f"c/{HELD_OUT[0]}": 1.0, f"c/{HELD_OUT[1]}": 0.0}


def test_pocketsphinx_finds_nothing_in_silence_and_names_what_it_does_not_know() -> None:
    pytest.importorskip("pocketsphinx", reason="the suite needs the extra [bench]")
    assert sphinx.spot(["my lawyer"], [np.zeros(16000, np.float32)], [[0]]) == []
    with pytest.raises(ValueError, match="qqxzv"):
        sphinx.spot(["my qqxzv"], [], [])


@pytest.mark.slow
def test_the_task_runs(data: Path) -> None:
    from benchmarks.task import Options

    rows = list(task.evaluate(Options(data, quick=True, peers=False)))
    assert {row.system for row in rows} == {"emotion"}
    assert {"recall_at_2_per_hour", "cpu_ms_per_s_b32"} <= {row.metric for row in rows}
    assert all(0 <= row.value <= 1 for row in rows if row.metric.startswith("recall"))
