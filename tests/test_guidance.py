"""Guidance: every moment has a card in both languages that fits the screen; a tenant's cards come first."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from emotion.guidance import LONGEST, STEPS, GuidanceError, load
from emotion.types import LANGUAGES, Motive


def card(**changed: Any) -> dict[str, Any]:
    return {"rungs": [3, 3], "title": "t", "mood": ["m"], "matter": "q", "avoid": "a", "technique": "x",
            "step": changed.pop("step", "倾听")} | changed


def both(**changed: Any) -> dict[str, dict[str, Any]]:
    return {"zh": {"card": [card(**changed)]}, "en": {"card": [card(step="listen", **changed)]}}


@pytest.mark.parametrize("rung", range(1, 7))
@pytest.mark.parametrize("motive", get_args(Motive))
def test_every_rung_and_motive_has_a_card_that_fits(rung: int, motive: Motive) -> None:
    for language, shown in load().cards("raise", rung, motive).items():
        assert 1 <= len(shown.mood) <= 3
        assert shown.step in STEPS[language]
        assert all(len(line) <= LONGEST[language]["mood"] for line in shown.mood)


def test_main_reasons_have_wordings_of_their_own() -> None:
    guidance = load()
    reasons: list[tuple[int, Motive]] = [(2, "waiting"), (2, "repetition"), (4, "demand"), (4, "accusation"),
                                         (4, "threat"), (6, "abuse")]
    titles = {guidance.cards("raise", rung, motive)["zh"].title for rung, motive in reasons}
    titles |= {guidance.cards("ease", 1, "calming")["zh"].title, guidance.cards("care", 5, "complaint")["zh"].title}
    assert len(titles) == 8


def test_the_cards_never_say_what_must_not_be_said() -> None:
    guidance = load()
    for language, entries in guidance.entries.items():
        said = " ".join(line for entry in entries for line in (*entry.card.mood, entry.card.matter)).lower()
        for never in {"zh": ("冷静", "没办法", "规定", "耐心等待"), "en": ("calm down", "policy", "but ")}[language]:
            assert never not in said


def test_all_six_steps_and_spin_are_there() -> None:
    guidance = load()
    steps = {entry.card.step for entry in guidance.entries["zh"]}
    assert steps == set(STEPS["zh"])
    for language in LANGUAGES:
        assert set(guidance.spin[language]) == {"situation", "problem", "implication", "need_payoff"}


def test_a_tenants_card_comes_first_and_the_rest_stays() -> None:
    guidance = load().overridden(both(title="mine", motives=["demand"]))
    assert guidance.cards("raise", 3, "demand")["zh"].title == "mine"
    assert guidance.cards("raise", 3, "judgement") == load().cards("raise", 3, "judgement")


def test_a_tenants_folder_is_read(tmp_path: Path) -> None:
    for language, step in (("zh", "倾听"), ("en", "listen")):
        (tmp_path / f"{language}.toml").write_text(
            f'[[card]]\nrungs = [3, 3]\ntitle = "own"\nmood = ["m"]\nmatter = "q"\navoid = "a"\ntechnique = "x"\n'
            f'step = "{step}"\n', "utf-8")
    assert load(tmp_path).cards("raise", 3, "waiting")["en"].title == "own"


@pytest.mark.parametrize(("texts", "message"), [
    (both(title="t" * 99), "title has 99 characters"),
    (both(mood=[]), "one to three"),
    (both(rungs=[4, 3]), "rungs must be"),
    (both(motives=["rage"]), "unknown kind or motive"),
    ({"zh": {"card": [card(step="listen")]}, "en": {"card": [card(step="listen")]}}, "step must be one of"),
    ({"zh": {"card": [card()]}}, "both languages"),
    ({"fr": {}}, "no language fr"),
    ({"zh": {"card": [{"title": "t"}]}, "en": {}}, "missing"),
])
def test_texts_that_do_not_fit_are_refused(texts: dict[str, Any], message: str) -> None:
    with pytest.raises(GuidanceError, match=message):
        load().overridden(texts)


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "zh.toml").write_text("[[card", "utf-8")
    with pytest.raises(GuidanceError, match=r"zh\.toml"):
        load(tmp_path)
