"""The fitted text model as one ONNX file, its n-gram table in 8 bits, checked against the fit; manifest and card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from emotion import weights
from emotion.types import Language
from emotion.words.text import DENSE, TOP
from models.train import manifest
from models.train.text_data import Example
from models.train.text_fit import DENSE_SCALE, HIDDEN_SHARE, TOPIC_SCALE, VIEW_SCALE, Fitted, predict

TOLERANCE = 0.05
"""Largest difference in a probability that 8 bits may make."""


def save(fitted: Fitted, path: Path) -> None:
    path.write_bytes(_model(fitted).SerializeToString())


def verify(path: Path, fitted: Fitted, examples: Sequence[Example]) -> float:
    """Largest difference between the file and the fit over some examples; ValueError where it is too large."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = np.stack([session.run(["at_least"], {
        "buckets": e.features.buckets, "weights": e.features.weights, "slots": e.features.slots,
        "dense": e.features.dense})[0] for e in examples])
    worst = float(np.abs(found - predict(fitted, examples)).max())
    if worst > TOLERANCE:
        raise ValueError(f"{path} differs from the fit by {worst:.3f}; at most {TOLERANCE} is allowed")
    return worst


def _model(fitted: Fitted) -> onnx.ModelProto:
    others, topics = fitted.others.grams.shape[1], fitted.topics.shape[1]
    table = np.hstack([fitted.rungs.grams, fitted.others.grams, fitted.views[:-1], fitted.topics])
    scale = np.abs(table).max(axis=0) / 127 + 1e-12
    constants = {
        "table": np.round(table / scale).astype(np.int8), "scale": _float(scale),
        "sizes": np.array([TOP, others, 2, topics], np.int64),
        "share": _float(np.r_[np.full(TOP, 1 / TOP), np.zeros(table.shape[1] - TOP)]),
        "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "tiny": _float(np.array(1e-6)),
        "view_bias": _float(fitted.views[-1]), **_straight(fitted), **_bent(fitted),
    }
    vectors: dict[str, tuple[int, list[Any]]] = {
        "buckets": (TensorProto.INT64, ["n"]), "weights": (TensorProto.FLOAT, ["n"]),
        "slots": (TensorProto.INT64, ["m"]), "dense": (TensorProto.FLOAT, [DENSE])}
    answers = {"at_least": [TOP], "others": [others], "carried": ["n"]}
    graph = helper.make_graph(
        [helper.make_node(*part[:3], **part[3]) for part in _nodes()], "text",
        [helper.make_tensor_value_info(name, *kind) for name, kind in vectors.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in answers.items()],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def _straight(fitted: Fitted) -> dict[str, NDArray[Any]]:
    """Constants of the logistic regressions."""
    return {f"{name}_{part}": _float(getattr(linear, part))
            for name, linear in (("rungs", fitted.rungs), ("others", fitted.others))
            for part in ("dense", "slots", "views", "topics", "bias")}


def _bent(fitted: Fitted) -> dict[str, NDArray[Any]]:
    """Constants of the hidden layers, side by side; the last matrix keeps them apart."""
    known = DENSE + 2 + fitted.topics.shape[1]
    first = np.hstack([net[0] for net in fitted.nets])
    first[known] = 0  # slot 0 is no phrase
    size = fitted.nets[0][2].shape[0]
    apart = np.zeros((size * len(fitted.nets), TOP * len(fitted.nets)))
    for number, net in enumerate(fitted.nets):
        apart[number * size:(number + 1) * size, number * TOP:(number + 1) * TOP] = net[2]
    return {"hidden_known": _float(first[:known]), "hidden_slots": _float(first[known:]),
            "hidden_bias": _float(np.concatenate([net[1] for net in fitted.nets])), "last": _float(apart),
            "last_bias": _float(np.concatenate([net[3] for net in fitted.nets])),
            "shape": np.array([len(fitted.nets), TOP], np.int64),
            "dense_scale": _float(np.array(DENSE_SCALE)), "view_scale": _float(np.array(VIEW_SCALE)),
            "topic_scale": _float(np.array(TOPIC_SCALE)), "bent_share": _float(np.array(HIDDEN_SHARE)),
            "straight_share": _float(np.array(1 - HIDDEN_SHARE))}


def _nodes() -> list[tuple[str, list[str], list[str], dict[str, Any]]]:
    nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = [
        ("Gather", ["table", "buckets"], ["rows8"], {}),
        ("Cast", ["rows8"], ["rows"], {"to": TensorProto.FLOAT}),
        ("Mul", ["rows", "scale"], ["scaled"], {}),
        ("Unsqueeze", ["weights", "one"], ["column"], {}),
        ("Mul", ["scaled", "column"], ["each"], {}),
        ("MatMul", ["each", "share"], ["carried"], {}),
        ("ReduceSum", ["each", "zero"], ["sums"], {"keepdims": 0}),
        ("Split", ["sums", "sizes"], ["rungs_grams", "others_grams", "view_sum", "topic_sum"], {"axis": 0}),
        ("Add", ["view_sum", "view_bias"], ["views"], {}),
        ("ReduceL2", ["topic_sum"], ["length"], {"keepdims": 0}),
        ("Add", ["length", "tiny"], ["some_length"], {}),
        ("Div", ["topic_sum", "some_length"], ["direction"], {}),
    ]
    for name in ("rungs", "others"):
        nodes += [
            ("MatMul", ["dense", f"{name}_dense"], [f"{name}_1"], {}),
            ("Gather", [f"{name}_slots", "slots"], [f"{name}_rows"], {}),
            ("ReduceSum", [f"{name}_rows", "zero"], [f"{name}_2"], {"keepdims": 0}),
            ("MatMul", ["views", f"{name}_views"], [f"{name}_3"], {}),
            ("MatMul", ["direction", f"{name}_topics"], [f"{name}_4"], {}),
            ("Sum", [f"{name}_grams", *(f"{name}_{part}" for part in (1, 2, 3, 4, "bias"))],
             ["straight" if name == "rungs" else "others"], {}),
        ]
    return [
        *nodes,
        ("Mul", ["direction", "topic_scale"], ["topics"], {}),
        ("Mul", ["dense", "dense_scale"], ["dense_in"], {}),
        ("Mul", ["views", "view_scale"], ["views_in"], {}),
        ("Concat", ["dense_in", "views_in", "topics"], ["known"], {"axis": 0}),
        ("MatMul", ["known", "hidden_known"], ["hidden_1"], {}),
        ("Gather", ["hidden_slots", "slots"], ["hidden_rows"], {}),
        ("ReduceSum", ["hidden_rows", "zero"], ["hidden_2"], {"keepdims": 0}),
        ("Sum", ["hidden_1", "hidden_2", "hidden_bias"], ["hidden_3"], {}),
        ("Relu", ["hidden_3"], ["hidden"], {}),
        ("MatMul", ["hidden", "last"], ["last_1"], {}),
        ("Add", ["last_1", "last_bias"], ["last_2"], {}),
        ("Reshape", ["last_2", "shape"], ["last_3"], {}),
        ("Sigmoid", ["last_3"], ["chances"], {}),
        ("ReduceMean", ["chances"], ["bent"], {"axes": [0], "keepdims": 0}),
        ("Sigmoid", ["straight"], ["straight_chance"], {}),
        ("Mul", ["bent", "bent_share"], ["bent_part"], {}),
        ("Mul", ["straight_chance", "straight_share"], ["straight_part"], {}),
        ("Add", ["bent_part", "straight_part"], ["at_least"], {}),
    ]


def _float(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32)


def enter(path: Path, language: Language, table: Path) -> None:
    """The manifest's entry of this file."""
    data = ["ladder_zh_train and labels_zh.csv (labels: ours)", "NTCIR STC-3 dialogues (annotations CC BY 4.0)"]
    data += ["COLD posts (Apache-2.0)"] if language == "zh" else [
        "xci complaint tweets (labels MIT)", "written_en.csv (ours)",
        "Universal Sentence Encoder, imitated (Apache-2.0)"]
    heads = ["evidence 0-6", "calming", "satisfaction", *(["complaint", "severity"] if language == "en" else [])]
    manifest.enter(table, f"text-{language}", {
        "file": path.name, "sha256": weights.sha256(path), "language": language, "labels": heads,
        "training_data": data, "licence": "Apache-2.0", "commercial_use": True})
