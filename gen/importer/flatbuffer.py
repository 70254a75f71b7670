# SPDX-License-Identifier: Apache-2.0
"""Bounded reading of a TFLite flatbuffer: plain Python data, whatever the bytes are."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tflite

from .fault import ImportFault

__all__ = ["RawGraph", "RawOperator", "RawTensor", "read_graph"]

MAX_BYTES = 64 << 20
MAX_ITEMS = 4096
MAX_RANK = 6
DTYPES = {tflite.TensorType.INT8: np.dtype(np.int8), tflite.TensorType.INT32: np.dtype("<i4"),
          tflite.TensorType.FLOAT32: np.dtype("<f4"), tflite.TensorType.UINT8: np.dtype(np.uint8),
          tflite.TensorType.INT16: np.dtype("<i2"), tflite.TensorType.INT64: np.dtype("<i8")}
KINDS = {value: name for name, value in vars(tflite.BuiltinOperator).items()
         if not name.startswith("_")}


@dataclass(frozen=True)
class RawTensor:
    """``scales`` float32 and ``zero_points``, one or one a channel of ``axis``; ``data`` or None."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype | None
    scales: np.ndarray
    zero_points: np.ndarray
    axis: int
    data: np.ndarray | None


@dataclass(frozen=True)
class RawOperator:
    """``kind`` is TFLite's name; ``options`` the flatbuffer table, or None."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: object


@dataclass(frozen=True)
class RawGraph:
    """The model's only subgraph."""

    tensors: list[RawTensor]
    operators: list[RawOperator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(path: Path) -> RawGraph:
    """Read the file's graph; raises ImportFault for anything that is not one, OSError if unread."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ImportFault(f"{path}: model must be at most {MAX_BYTES >> 20} MiB, "
                          f"not {size / 2**20:.1f}")
    raw = path.read_bytes()
    if len(raw) < 8 or raw[4:8] != b"TFL3":
        raise ImportFault(f"{path}: file must be a TensorFlow Lite model (identifier TFL3)")
    try:
        return _read(raw, path)
    except ImportFault:
        raise
    except (struct.error, IndexError, ValueError, TypeError, OverflowError, AttributeError,
            UnicodeDecodeError, MemoryError, KeyError) as error:
        raise ImportFault(f"{path}: file is truncated or damaged ({type(error).__name__} while "
                          "reading it)") from None


def _bounded(count: int, what: str, path: Path, limit: int = MAX_ITEMS) -> range:
    if not 0 <= count <= limit:
        raise ImportFault(f"{path}: number of {what} must be at most {limit}, not {count}")
    return range(count)


def _read(raw: bytes, path: Path) -> RawGraph:
    model = tflite.Model.GetRootAs(raw, 0)
    if model.SubgraphsLength() != 1:
        raise ImportFault(f"{path}: model must have one subgraph, not {model.SubgraphsLength()}")
    graph = model.Subgraphs(0)
    codes = []
    for i in _bounded(model.OperatorCodesLength(), "operator codes", path):
        code = model.OperatorCodes(i)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        custom = code.CustomCode()
        codes.append(f"custom operator {custom.decode()}" if custom
                     else KINDS.get(number, f"operator {number}"))
    buffers = model.BuffersLength()
    tensors = [_tensor(model, graph.Tensors(i), i, buffers, path)
               for i in _bounded(graph.TensorsLength(), "tensors", path)]

    def indices(length: int, item, what: str) -> tuple[int, ...]:
        found = tuple(int(item(i)) for i in _bounded(length, what, path))
        for index in found:
            if not -1 <= index < len(tensors):
                raise ImportFault(f"{path}: {what} name tensor {index}, "
                                  f"but there are {len(tensors)}")
        return found

    operators = []
    for i in _bounded(graph.OperatorsLength(), "operators", path):
        operator = graph.Operators(i)
        index = operator.OpcodeIndex()
        if index >= len(codes):
            raise ImportFault(f"{path}: operator {i} has code {index} of {len(codes)}")
        operators.append(RawOperator(
            codes[index],
            indices(operator.InputsLength(), operator.Inputs, f"inputs of operator {i}"),
            indices(operator.OutputsLength(), operator.Outputs, f"outputs of operator {i}"),
            operator.BuiltinOptions()))
    return RawGraph(tensors, operators,
                    indices(graph.InputsLength(), graph.Inputs, "inputs of the graph"),
                    indices(graph.OutputsLength(), graph.Outputs, "outputs of the graph"))


def _tensor(model, tensor, index: int, buffers: int, path: Path) -> RawTensor:
    name = (tensor.Name() or b"").decode(errors="replace") or f"tensor {index}"
    shape = tuple(int(tensor.Shape(i)) for i in _bounded(
        tensor.ShapeLength(), f"dimensions of tensor {name}", path, MAX_RANK))
    elements = 1
    for size in shape:
        elements *= size
        if size < 1 or elements > MAX_BYTES:
            raise ImportFault(f"{path}: tensor {name}: shape {list(shape)} must have positive "
                              f"sizes and at most {MAX_BYTES} elements")
    dtype = DTYPES.get(tensor.Type())
    scales = np.zeros(0, np.float32)
    zero_points = np.zeros(0, np.int64)
    axis = 0
    quantisation = tensor.Quantization()
    if quantisation is not None:
        count = len(_bounded(quantisation.ScaleLength(), f"scales of tensor {name}", path, 1 << 16))
        scales = np.array([quantisation.Scale(i) for i in range(count)], np.float32)
        count = len(_bounded(quantisation.ZeroPointLength(), f"zero points of tensor {name}", path,
                             1 << 16))
        zero_points = np.array([quantisation.ZeroPoint(i) for i in range(count)], np.int64)
        axis = quantisation.QuantizedDimension()
    data = None
    if not 0 <= tensor.Buffer() < buffers:
        raise ImportFault(f"{path}: tensor {name} names buffer {tensor.Buffer()} of {buffers}")
    buffer = model.Buffers(tensor.Buffer())
    if buffer is not None and buffer.DataLength() > 0 and dtype is not None:
        if buffer.DataLength() != elements * dtype.itemsize:
            raise ImportFault(f"{path}: tensor {name}: data must be {elements * dtype.itemsize} "
                              f"bytes for shape {list(shape)}, not {buffer.DataLength()}")
        data = np.frombuffer(np.asarray(buffer.DataAsNumpy()).tobytes(), dtype).reshape(shape)
    return RawTensor(name, shape, dtype, scales, zero_points, axis, data)
