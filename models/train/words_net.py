"""The spotter's network: a stack of depthwise convolutions over time, written as it streams.

Three 10 ms log-mel frames make one of 30 ms. Each block sees nine frames besides its own: the first ones eight back and
one ahead, the last ones nine back, so that the output is not later than a phrase may be. What a block still needs is
state, so that training, whole files and live hops run the same function.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from emotion.types import BANDS

STACK = 3
KEPT = 9
"""Frames besides its own that a block sees."""
AHEAD = 4
"""Blocks, the first ones, that look one frame ahead; the output is so many frames late."""


class Block(nn.Module):
    """x + W2 relu(W1 norm(x + depthwise(x))), in the manner of FSMN (Zhang et al. 2018)."""

    def __init__(self, width: int, inner: int, right: int) -> None:
        super().__init__()
        self.right = right
        self.memory = nn.Conv1d(width, width, KEPT + 1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)

    def forward(self, new: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, frames, width) and (batch, KEPT, width) -> the same, `right` frames late."""
        seen = torch.cat([kept, new], dim=1)
        now = seen[:, KEPT - self.right: seen.shape[1] - self.right]
        # as a two-dimensional convolution: onnxruntime runs one-dimensional depthwise ones ten times slower
        around = conv2d(seen.transpose(1, 2)[:, :, None], self.memory.weight[:, :, None], self.memory.bias,
                        groups=self.memory.groups)[:, :, 0].transpose(1, 2)
        return now + self.narrow(torch.relu(self.widen(self.norm(now + around)))), seen[:, -KEPT:]


class SpotterNet(nn.Module):
    """(batch, frames, 192) and (batch, blocks, KEPT, width) -> log-probabilities and the next state."""

    def __init__(self, units: dict[str, int], width: int = 160, inner: int = 352, blocks: int = 6) -> None:
        super().__init__()
        self.shape = (blocks, KEPT, width)
        self.enter = nn.Linear(STACK * BANDS, width)
        self.blocks = nn.ModuleList(Block(width, inner, int(n < AHEAD)) for n in range(blocks))
        self.leave = nn.LayerNorm(width)
        self.heads = nn.ModuleDict({name: nn.Linear(width, count) for name, count in units.items()})

    @property
    def delay(self) -> int:
        return min(AHEAD, self.shape[0])

    def start(self, batch: int) -> Tensor:
        return torch.zeros(batch, *self.shape)

    def trunk(self, frames: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the heads read, what the middle block says (training listens to it), and the next state."""
        x, kept, said = self.enter(frames), [], []
        for n, block in enumerate(self.blocks):
            x, rest = block(x, state[:, n])
            kept.append(rest)
            said.append(x)
        return self.leave(x), said[len(said) // 2 - 1], torch.stack(kept, dim=1)

    def forward(self, frames: Tensor, state: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        x, _, state = self.trunk(frames, state)
        return {name: head(x).log_softmax(dim=2) for name, head in self.heads.items()}, state


class OneHead(nn.Module):
    """The network as it is shipped: one language."""

    def __init__(self, net: SpotterNet, head: str) -> None:
        super().__init__()
        self.net, self.head = net, net.heads[head]

    def forward(self, frames: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        x, _, state = self.net.trunk(frames, state)
        return self.head(x).log_softmax(dim=2), state


def export(net: SpotterNet, head: str, path: str) -> None:
    """Write one language's ONNX with free batch and frame axes."""
    one = OneHead(net, head).eval()
    batch, count = torch.export.Dim("batch", min=1, max=512), torch.export.Dim("frames", min=1, max=4096)
    torch.onnx.export(one, (torch.zeros(2, 17, STACK * BANDS), net.start(2)), path, dynamo=True, external_data=False,
                      input_names=["frames", "state"], output_names=["scores", "next"], verbose=False,
                      dynamic_shapes={"frames": {0: batch, 1: count}, "state": {0: batch}})
