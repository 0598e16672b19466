"""The hama ear: English phonemes by the CTC model inside PyPI `hama` (Apache-2.0; extra `words-en`).

hama keeps no memory, so each hop is heard together with the second before it; that is four times the work of hearing
it once, some 130-200 ms of CPU a second of speech: for few calls. Its IPA tokens are summed to ARPAbet phonemes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from emotion.types import HOP, Audio, Language
from emotion.words import fbank

PAST, AHEAD = 8000, 2400
"""Samples at 8 kHz heard before the new ones, and after them."""
TOKENS = {
    "AA": "ɑ ɒ a", "AE": "æ", "AH": "ə ʌ ɐ ᵊ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "t͡ʃ", "D": "d ɾ",
    "DH": "ð", "EH": "ɛ e eə", "ER": "ɝ ɚ ɜ", "EY": "eɪ", "F": "f", "G": "ɡ g", "HH": "h ɦ", "IH": "ɪ ɪə ɨ",
    "IY": "i", "JH": "d͡ʒ", "K": "k", "L": "l ɫ", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ o", "OY": "ɔɪ", "P": "p",
    "R": "ɹ r ɻ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u ju", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}
"""ARPAbet phoneme -> the tokens of hama that count for it; all others, and its word boundary, are blank."""


@dataclass(slots=True)
class HamaState:
    """The last samples of one call."""

    samples: Audio = field(default_factory=lambda: np.zeros(PAST + AHEAD + fbank.TAPS - 1, np.float32))


class HamaEar:
    """20 ms outputs, 15 late; one window of hama a hop and call."""

    name = "hama"
    language: Language = "en"
    frame = 160
    delay = AHEAD // 160

    def __init__(self) -> None:
        """Open hama's model; ImportError where the extra `words-en` is not installed."""
        import hama  # type: ignore[import-not-found, unused-ignore]

        self.model = hama.ASRModel()
        self.units = ("<blank>", *TOKENS)
        number = {token: n for n, token in enumerate(self.model.decoder_tokens)}
        self.sums = np.zeros((len(number), len(self.units)), np.float32)
        for unit, tokens in enumerate(TOKENS.values(), start=1):
            self.sums[[number[token] for token in tokens.split() if token in number], unit] = 1
        self.sums[self.sums.sum(axis=1) == 0, 0] = 1

    def start(self) -> HamaState:
        return HamaState()

    def step(self, states: Sequence[HamaState], hops: Audio, mels: Audio) -> list[Audio]:
        """(batch, HOP) samples -> log-probabilities (25, phonemes) of each call; the log-mels are not used."""
        found = []
        for state, hop in zip(states, hops, strict=True):
            state.samples = np.concatenate([state.samples[HOP:], hop])
            found.append(self._hear(fbank.double(state.samples[None])[0]))
        return found

    def _hear(self, wide: Audio) -> Audio:
        feeds = {"waveform": wide[None], "waveform_lengths": np.array([len(wide)], np.int64)}
        (logs,) = self.model.session.run(["log_probs"], feeds)
        first = (PAST - HOP) // self.frame
        odds = np.exp(logs[0, first: first + HOP // self.frame]) @ self.sums
        return np.asarray(np.log(odds + 1e-8), np.float32)
