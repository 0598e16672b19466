"""Fitting the text model: one logistic regression a threshold on n-grams and dense features, written as one ONNX."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression, Ridge

from emotion.types import Language
from emotion.words.text import BUCKETS, DENSE, TOP
from models.train.text_data import Example, Examples, stack

COST, DENSE_SCALE = 3.0, 0.4
RIDGE = 1.0
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Linear heads: n-gram table (BUCKETS, H), dense weights (DENSE, H), bias (H,)."""

    table: Array
    dense: Array
    bias: Array

    def save(self, path: Path) -> None:
        """Write the network as ONNX, the table in 8 bits with one scale a head."""
        path.write_bytes(_graph(self).SerializeToString())


def design(examples: Sequence[Example]) -> csr_matrix:
    """N-grams and scaled dense features, (n, BUCKETS + DENSE)."""
    buckets, values, rows, dense = stack(tuple(examples))
    grams = csr_matrix((values, (rows, buckets)), (len(examples), BUCKETS))
    return hstack([grams, csr_matrix(dense * DENSE_SCALE)]).tocsr()


def fit(examples: Examples, language: Language, seed: int) -> Fitted:
    """All heads of one language."""
    turns = examples.turns
    matrix = design(turns)
    rung = np.array([example.evidence for example in turns])
    columns = [_logistic(matrix, rung >= least, seed) for least in range(1, TOP + 1)]
    eased = [n for n, example in enumerate(turns) if example.calming is not None]
    columns.append(_logistic(matrix[eased], np.array([turns[n].calming for n in eased]) > 0.5, seed))
    columns.append(_ridge(design(examples.dialogues), np.array([e.satisfaction for e in examples.dialogues])))
    if language == "en":
        tweets = design(examples.complaints)
        columns.append(_logistic(tweets, np.array([bool(e.complaint) for e in examples.complaints]), seed))
        columns.append(_ridge(tweets, np.array([float(e.severity or 0) for e in examples.complaints])))
    whole = np.stack(columns, axis=1)
    return Fitted(whole[:BUCKETS], whole[BUCKETS:-1] * DENSE_SCALE, whole[-1])


def _logistic(matrix: csr_matrix, target: NDArray[np.bool_], seed: int) -> Array:
    model = LogisticRegression(C=COST, max_iter=1000, random_state=seed).fit(matrix, target)
    return np.concatenate([model.coef_[0], model.intercept_]).astype(np.float32)


def _ridge(matrix: csr_matrix, target: NDArray[np.float64]) -> Array:
    model = Ridge(alpha=RIDGE).fit(matrix, target)
    return np.concatenate([model.coef_, [model.intercept_]]).astype(np.float32)


def _graph(fitted: Fitted) -> onnx.ModelProto:
    heads = fitted.table.shape[1]
    scale = np.abs(fitted.table).max(axis=0) / 127 + 1e-12
    constants = {
        "table": np.round(fitted.table / scale).astype(np.int8), "scale": scale.astype(np.float32),
        "dense_weight": fitted.dense.astype(np.float32), "bias": fitted.bias.astype(np.float32),
        "share": (np.r_[np.full(TOP, 1 / TOP), np.zeros(heads - TOP)]).astype(np.float32),
        "last": np.array([1], np.int64), "first": np.array([0], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "buckets"], ["rows8"]),
        helper.make_node("Cast", ["rows8"], ["rows"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["rows", "scale"], ["scaled"]),
        helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
        helper.make_node("Mul", ["scaled", "column"], ["each"]),
        helper.make_node("ReduceSum", ["each", "first"], ["grams"], keepdims=0),
        helper.make_node("MatMul", ["dense", "dense_weight"], ["dense_part"]),
        helper.make_node("Add", ["grams", "dense_part"], ["both"]),
        helper.make_node("Add", ["both", "bias"], ["heads"]),
        helper.make_node("MatMul", ["each", "share"], ["carried"]),
    ]
    graph = helper.make_graph(
        nodes, "text",
        [helper.make_tensor_value_info("buckets", TensorProto.INT64, ["n"]),
         helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["n"]),
         helper.make_tensor_value_info("dense", TensorProto.FLOAT, [DENSE])],
        [helper.make_tensor_value_info("heads", TensorProto.FLOAT, [heads]),
         helper.make_tensor_value_info("carried", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def enter(path: Path, language: Language, manifest: Path) -> None:
    """Write or renew the section of this file in the manifest; other sections stay as they are."""
    name = f"text-{language}"
    data = ["ladder_zh_train and labels_zh.csv (labels: ours)", "NTCIR STC-3 dialogues (annotations CC BY 4.0)"]
    if language == "en":
        data.append("xci complaint tweets (labels MIT)")
    listed = ", ".join(f'"{item}"' for item in data)
    section = (f'[{name}]\nfile = "{path.name}"\nsha256 = "{hashlib.sha256(path.read_bytes()).hexdigest()}"\n'
               f'language = "{language}"\nlabels = ["evidence 0-6", "calming", "satisfaction"'
               f'{", " + chr(34) + "complaint" + chr(34) if language == "en" else ""}]\ntraining_data = [{listed}]\n'
               'licence = "Apache-2.0"\ncommercial_use = true\n')
    text = manifest.read_text("utf-8")
    found = re.search(rf"^\[{name}\]\n(?:(?!\[).*\n?)*", text, re.MULTILINE)
    renewed = text[:found.start()] + section + ("\n" if text[found.end():] else "") + text[found.end():] if found \
        else text.rstrip("\n") + "\n\n" + section
    manifest.write_text(renewed, "utf-8")
