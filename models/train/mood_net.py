"""The mood network: log-mel and speech mask of one hop in, probabilities out, all memory in one flat state.

    measures    fixed, of the speech of the last seconds (mood_measures.py)
    judges      one hidden layer over the measures of timbre, several fitted apart and averaged: five classes, arousal
    witnesses   small ones that hear motion alone and say only how angry it is; their opinion is added to anger's logit

`forward` steps a hop; `clip` runs whole clips by the same code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.train.mood_measures import Measures

CLASSES = 5
OUTPUTS = CLASSES + 1


class MoodNet(nn.Module):
    """Measures, and the head that was fitted to them; `state` is (batch, state_size), zeros at the start of a call."""

    def __init__(self, measures: Measures, centre: Tensor, spread: Tensor, first: nn.Linear, second: nn.Linear) -> None:
        super().__init__()
        self.measures, self.first, self.second = measures, first, second
        self.register_buffer("centre", centre)
        self.register_buffer("spread", spread)

    centre: Tensor
    spread: Tensor

    @property
    def state_size(self) -> int:
        return self.measures.state_size

    def judge(self, measures: Tensor) -> Tensor:
        """Measures -> logits of the five classes and of arousal, (batch, 6)."""
        normal = ((measures - self.centre) / self.spread).clamp(-4.0, 4.0)
        logits: Tensor = self.second(torch.relu(self.first(normal)))
        return logits

    def forward(self, mel: Tensor, speech: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, 50, 64), (batch, 50), (batch, state) -> probabilities (batch, 5), arousal (batch, 1), state."""
        measures, state = self.measures(mel, speech, state)
        logits = self.judge(measures)
        return logits[:, :CLASSES].softmax(1), logits[:, CLASSES:].sigmoid(), state

    def clip(self, mel: Tensor, speech: Tensor) -> Tensor:
        """Whole clips (batch, hops, 50, 64), (batch, hops, 50) -> outputs after each hop, (batch, hops, 6)."""
        state = mel.new_zeros(len(mel), self.state_size)
        outputs = []
        for hop in range(mel.shape[1]):
            classes, arousal, state = self(mel[:, hop], speech[:, hop], state)
            outputs.append(torch.cat([classes, arousal], 1))
        return torch.stack(outputs, 1)
