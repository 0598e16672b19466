"""Read the named float arrays of an ONNX file, and nothing else: 40 lines instead of a dependency.

ONNX is a protocol-buffers message; only the path ModelProto.graph (7) -> GraphProto.initializer (5) -> TensorProto
dims (1), data_type (2), float_data (4), name (8) and raw_data (9) is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emotion.types import Audio

FLOAT = 1


def initializers(path: Path) -> dict[str, Audio]:
    """Name -> array of every float32 initializer, in the file's order; ValueError where the file is no ONNX."""
    found: dict[str, Audio] = {}
    for graph in _fields(path.read_bytes(), 7):
        for tensor in _fields(graph, 5):
            if next(_numbers(tensor, 2), 0) == FLOAT:
                name = bytes(next(_fields(tensor, 8))).decode()
                data = b"".join(_fields(tensor, 9)) or b"".join(_fields(tensor, 4))
                found[name] = np.frombuffer(data, "<f4").reshape([*_numbers(tensor, 1)])
    if not found:
        raise ValueError(f"{path} holds no float weights; it is no ONNX model, or a damaged one")
    return found


def _fields(message: bytes, wanted: int) -> Iterator[bytes]:
    """Contents of the length-delimited fields of one number."""
    return (value for number, value in _walk(message) if number == wanted and isinstance(value, bytes))


def _numbers(message: bytes, wanted: int) -> Iterator[int]:
    """Integer fields of one number, packed or not."""
    for number, value in _walk(message):
        if number == wanted and isinstance(value, int):
            yield value
        elif number == wanted and isinstance(value, bytes):
            at = 0
            while at < len(value):
                one, at = _varint(value, at)
                yield one


def _walk(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind)
        if size is None:
            if kind != 2:
                raise ValueError("not a protocol-buffers message")
            size, at = _varint(message, at)
        yield key >> 3, message[at: at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("the file ends in the middle")
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
