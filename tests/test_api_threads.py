"""Live calls and recordings share one engine in two threads: neither may disturb the other."""

from __future__ import annotations

import threading

import soundfile

from emotion.report import plain
from emotion.types import Language
from tests.service import SAMPLES, real_engine


def analysed(language: Language, seconds: int = 12) -> list[object]:
    """Every moment of the beginning of a sample."""
    samples, _ = soundfile.read(SAMPLES / f"{language}.ogg", frames=8000 * seconds, dtype="float32")
    engine = real_engine()
    call = engine.open("c", language=language, sides=("caller", "agent"), buffer=8000 * 60)
    call.push({"caller": samples[:, 0].copy(), "agent": samples[:, 1].copy()})
    call.finish()
    found: list[object] = []
    while call.ready:
        found += [plain(moment) for _, moment in engine.step([call])]
    return found


def test_two_threads_one_engine() -> None:
    """Two samples at once, three times over, give what each gives alone."""
    alone = {language: analysed(language) for language in ("zh", "en")}
    together: dict[str, list[list[object]]] = {"zh": [], "en": []}

    def work(language: Language) -> None:
        for _ in range(3):
            together[language].append(analysed(language))

    threads = [threading.Thread(target=work, args=(language,)) for language in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for language, expected in alone.items():
        assert together[language] == [expected] * 3
