"""The recipe's parts: measures that do not hear the gain, a head that learns, an export that is the same network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from emotion import weights  # noqa: E402
from emotion.types import BANDS, FRAMES  # noqa: E402
from models.train import mood_card, mood_export  # noqa: E402
from models.train.mood import PLANS, even, learnt  # noqa: E402
from models.train.mood_fit import Examples, Fit, calibrate, fit, logits, measure  # noqa: E402
from models.train.mood_measures import Measures  # noqa: E402
from models.train.mood_net import CLASSES  # noqa: E402
from tests.conftest import vowel  # noqa: E402

torch.set_num_threads(1)
MEASURES = Measures()


def examples(count: int = 200) -> Examples:
    """Classes that differ in a few measures each."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, CLASSES, count)
    values = rng.standard_normal((count, MEASURES.size)).astype(np.float32)
    values[np.arange(count), kinds] += 4
    values[np.arange(count), 20 + kinds] += 4
    return Examples(values, np.eye(CLASSES, dtype=np.float32)[kinds], (kinds < 2).astype(np.float32),
                    np.full(count, 1 / count, np.float32))


def test_measures_do_not_hear_the_gain() -> None:
    """Not even in the first 10 ms of a call that begins in mid-word."""
    mel = torch.from_numpy(np.random.default_rng(1).normal(-3, 2, (1, FRAMES, BANDS)).astype(np.float32))
    speech = torch.ones(1, FRAMES)
    state = torch.zeros(1, MEASURES.state_size)
    quiet, loud = MEASURES(mel, speech, state)[0], MEASURES(mel + 2.76, speech, state)[0]
    assert float((quiet - loud).abs().max()) < 1e-3


def test_measures_of_every_hop_are_those_of_the_stream() -> None:
    from models.train.data import hear

    heard = hear([vowel(150, 2.2), vowel(220, 1.0)])
    found = measure(heard, MEASURES)
    assert heard.ends.tolist() == [5, 7]
    state = torch.zeros(1, MEASURES.state_size)
    for hop in range(5):
        values, state = MEASURES(torch.from_numpy(heard.mels[hop:hop + 1].astype(np.float32)),
                                 torch.from_numpy(heard.masks[hop:hop + 1].astype(np.float32)), state)
        assert np.abs(values.numpy()[0] - found[hop]).max() < 1e-4


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_head_learns_and_its_export_is_the_same_network(tmp_path: Path) -> None:
    data = examples()
    net = fit(data, MEASURES, Fit(heads=2, hidden=16, steps=60, batch=64))
    guess = logits(net, data.measures)
    assert np.mean(guess[:, :CLASSES].argmax(1) == data.classes.argmax(1)) > 0.5
    path = tmp_path / "net.onnx"
    mood_export.export(net, path)
    assert mood_export.verify(net, path) < 1e-3


def test_a_witness_speaks_for_anger_alone() -> None:
    data = examples()
    alone, joined = (fit(data, MEASURES, Fit(heads=1, hidden=8, steps=20, witness_steps=20, batch=64), boost)
                     for boost in (0.0, 1.0))
    moved = np.abs(logits(alone, data.measures) - logits(joined, data.measures)).max(0)
    assert moved[0] > 1e-3 and moved[1:].max() < 1e-5


def test_calibration_softens_and_never_sharpens() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, CLASSES, 400)
    sure = 8 * np.eye(CLASSES, dtype=np.float32)[np.where(rng.random(400) < 0.6, truth, rng.integers(0, CLASSES, 400))]
    even_weight = np.ones(400, np.float32)
    assert calibrate(sure, truth, even_weight).scale < 0.6
    timid = 0.1 * np.eye(CLASSES, dtype=np.float32)[truth]
    assert calibrate(timid, truth, even_weight).scale == pytest.approx(1)


def test_women_and_men_count_the_same_within_a_class() -> None:
    from benchmarks.datasets.speech import Clip, Emotion, Gender

    people: list[tuple[Gender, Emotion]] = [("F", "anger"), ("F", "anger"), ("F", "anger"), ("M", "anger"),
                                            ("M", "neutral")]
    clips = [Clip(Path("a"), "C", "zh", "s", gender, emotion, "", 1.0, "train") for gender, emotion in people]
    assert even(clips) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 1])


def test_every_plan_is_in_the_manifest_and_the_open_one_is_open(data: Path) -> None:
    from benchmarks.datasets import speech

    assert {plan.name for plan in PLANS} <= set(weights.manifest())
    heard = {clip.corpus for clip in speech.clips(data) if learnt(PLANS[0], clip)}
    assert heard == {"EmoDB"}


def test_rows_of_the_suite_go_into_the_card(tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("# a\n\n## By the suite\nold\n\n## After\nkept\n", "utf-8")
    measured = (("mine", "clean/X", "auc", 0.9), ("mine", "clean/X", "ece", 0.05), ("mine", "pink10/X", "auc", 0.8),
                ("mine", "pink10/X", "ece", 0.06), ("mine", "clean/X/female", "auc", 0.1), ("other", "a/X", "auc", 0.2))
    rows = [dict(zip(("system", "condition", "metric", "value"), row, strict=True)) for row in measured]
    mood_card.suite(card, "mine", rows)
    text = card.read_text("utf-8")
    assert "| X | 0.900 (0.050) | 0.800 (0.060) |" in text
    assert "old" not in text and text.endswith("\n\n## After\nkept\n")
