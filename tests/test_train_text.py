"""Training of the text model: the exported network is the fitted one; evidence speaks for or against a phrase."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emotion.words.lexicon import Lexicon, Term

pytest.importorskip("torch", reason="training needs the extra [train]")

from models.train import text_data, text_export, text_fit, text_lexicon
from models.train.text_data import Example, Examples
from models.train.text_meaning import Array, Sentences, imitate


def made(seed: int = 0, *, understood: bool = False) -> Examples:
    """A few texts with labels that follow from their words."""
    rng = np.random.default_rng(seed)
    lexicon = Lexicon.load("zh")
    words = ["你好查话费", "怎么还没好", "等了三天到底", "太差了失望", "凭什么扣钱赔偿", "我要投诉", "打12315曝光你们"]
    turns = []
    for number in range(120):
        rung = int(rng.integers(7))
        text = words[rung] + "".join(rng.choice(list("的一是了我不在人们有来他这上"), 6))
        turns.append(Example(text_data.make(text, (), lexicon), f"d{number // 2}",
                             {"evidence": float(rung), "calming": float(rung == 0)}))
    dialogues = [Example(turn.features, turn.group, {"satisfaction": 1 - turn.labels["evidence"] / 3})
                 for turn in turns]
    posts = [Example(turn.features, turn.group, {"offence": float(turn.labels["evidence"] > 4)}) for turn in turns]
    grams = text_data.gram_matrix(turns)
    meanings = grams @ rng.normal(size=(grams.shape[1], 80)).astype(np.float32)
    sentences = Sentences(tuple(turn.group for turn in turns), grams, meanings)
    return Examples(tuple(turns), tuple(dialogues), tuple(dialogues), (), tuple(posts),
                    sentences if understood else None)


@pytest.mark.parametrize("understood", [False, True])
def test_the_exported_network_is_the_fitted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *,
                                                understood: bool) -> None:
    monkeypatch.setattr(text_fit, "EPOCHS", 4)
    monkeypatch.setattr(text_fit, "TOPIC_SHARE", {"zh": 0.5 * understood})
    examples = made(understood=understood)
    fitted = text_fit.fit(examples, "zh")
    path = tmp_path / "text-zh.onnx"
    text_export.save(fitted, path)
    assert text_export.verify(path, fitted, examples.turns) < text_export.TOLERANCE
    at_least = text_fit.predict(fitted, examples.turns)
    rung = text_data.label(examples.turns, "evidence")
    assert np.abs((at_least >= 0.5).sum(axis=1) - rung).mean() < 0.5


def test_a_file_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_fit, "EPOCHS", 1)
    examples = made()
    fitted = text_fit.fit(examples, "zh")
    other = text_fit.fit(made(seed=1), "zh", seed=1)
    text_export.save(other, tmp_path / "x.onnx")
    with pytest.raises(ValueError, match="differs from the fit"):
        text_export.verify(tmp_path / "x.onnx", fitted, examples.turns)


def test_n_grams_imitate_the_teacher_and_less_well_where_he_was_not_heard() -> None:
    sentences = made(understood=True).sentences
    assert sentences is not None
    unheard = set(sorted(set(sentences.groups))[:6])
    heard_all, heard_others = imitate(sentences, 80, lambda group: int(group not in unheard), 1)
    mine = np.flatnonzero([group in unheard for group in sentences.groups])
    centred = (sentences.meanings - sentences.meanings.mean(axis=0))[mine]
    alike = centred @ centred.T

    def distance(weights: Array) -> float:
        found = sentences.grams[mine] @ weights
        return float(np.linalg.norm(found @ found.T - alike) / np.linalg.norm(alike))

    assert distance(heard_all) < distance(heard_others) < 1
    assert distance(heard_all) < 0.6
    assert not set(sentences.without(unheard).groups) & unheard


@pytest.mark.parametrize(("term", "turns", "against"), [
    (Term("a", 5, "complaint", ("x",)), [5, 5, 6, 5, 4], False),
    (Term("a", 5, "complaint", ("x",)), [2, 3, 2, 5, 3], True),
    (Term("a", 5, "complaint", ("x",)), [0, 0, 0], False),
    (Term("a", 1, "waiting", ("x",)), [6, 6, 6, 6, 6], False),
    (Term("a", 0, "calming", ("x",)), [4, 4, 3, 3, 3], True),
])
def test_labels_speak_for_or_against_a_phrase(term: Term, turns: list[int], against: bool) -> None:
    assert text_lexicon.contradicted(term, text_lexicon.Evidence(turns=turns)) is against


def test_no_text_is_among_the_labels() -> None:
    for line in text_data.MORE_LABELS.read_text("utf-8").splitlines()[1:]:
        assert all(cell.isdecimal() for cell in line.split(","))


def test_no_shipped_phrase_is_contradicted_and_the_table_is_current(data: Path, tmp_path: Path) -> None:
    assert text_lexicon.write(data, tmp_path / "lexicon.md") == 0
    shipped = Path(__file__).resolve().parent.parent / "docs" / "lexicon.md"
    assert (tmp_path / "lexicon.md").read_text("utf-8") == shipped.read_text("utf-8")
