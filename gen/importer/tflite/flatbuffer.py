# SPDX-License-Identifier: Apache-2.0
"""Bounded reading of a TFLite flatbuffer: plain Python data, whatever the bytes are.

Arrays are read-only views of the file's bytes, so that a hostile file, whose tables may overlap
or repeat, costs no more memory than a few times its size.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from flatbuffers.table import Table
from tflite.BuiltinOperator import BuiltinOperator
from tflite.Model import Model
from tflite.Tensor import Tensor
from tflite.TensorType import TensorType

from ..fault import ImportFault
from ..reading import MAX_BYTES, read_model

__all__ = ["DAMAGE", "RawGraph", "RawOperator", "RawTensor", "read_graph"]

MAX_ITEMS = 4096
MAX_OPERANDS = 1024
MAX_RANK = 6
MAX_TEXT = 1024
DAMAGE = (ArithmeticError, AttributeError, IndexError, KeyError, MemoryError, TypeError,
          ValueError, struct.error)
"""What reading a table of a damaged file may raise."""
DTYPES = {TensorType.INT8: np.dtype(np.int8), TensorType.INT32: np.dtype("<i4")}
DTYPE_NAMES = {value: name.lower() for name, value in vars(TensorType).items()
               if not name.startswith("_")}
KINDS = {value: name for name, value in vars(BuiltinOperator).items()
         if not name.startswith("_")}


@dataclass(frozen=True, eq=False)
class RawTensor:
    """``name`` is the first of those that converters join by semicolons.

    ``dtype`` is TFLite's name in small letters. ``scales`` float32 and ``zero_points``: one, or one
    a channel of ``axis``. ``data`` is None for what is computed.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: np.ndarray
    zero_points: np.ndarray
    axis: int
    data: np.ndarray | None


@dataclass(frozen=True, eq=False)
class RawOperator:
    """``kind`` is TFLite's name; ``options`` the flatbuffer table, or None."""

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Table | None


@dataclass(frozen=True, eq=False)
class RawGraph:
    """The model's only subgraph; every tensor index in it is -1 (absent) or exists."""

    tensors: list[RawTensor]
    operators: list[RawOperator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(path: Path) -> RawGraph:
    """Read the file's graph; raises ImportFault for anything that is not one, OSError if unread."""
    raw = read_model(path)
    if len(raw) < 8 or raw[4:8] != b"TFL3":
        raise ImportFault(f"{path}: file must be a TensorFlow Lite model (identifier TFL3)")
    return _Reader(raw, path).graph()


_T = TypeVar("_T")


class _Reader:
    def __init__(self, raw: bytes, path: Path):
        self.raw = raw
        self.path = path
        self.where = "model"

    def fault(self, what: str) -> ImportFault:
        return ImportFault(f"{self.path}: {self.where}: {what}")

    def graph(self) -> RawGraph:
        try:
            return self._graph()
        except ImportFault:
            raise
        except DAMAGE as error:
            raise self.fault("file is truncated or damaged") from error

    def _graph(self) -> RawGraph:
        model = Model.GetRootAs(self.raw, 0)
        if model.Version() != 3:
            raise self.fault(f"schema version must be 3, not {model.Version()}")
        if model.SubgraphsLength() != 1:
            raise self.fault(f"it must have one subgraph, not {model.SubgraphsLength()}")
        graph = self.present(model.Subgraphs(0))
        codes = []
        for i in self.bounded(model.OperatorCodesLength(), "operator codes"):
            self.where = f"operator code {i}"
            code = self.present(model.OperatorCodes(i))
            custom = self.text(code.CustomCode())
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            codes.append(f"CUSTOM {custom!r}" if custom else KINDS.get(number, f"code {number}"))
        self.where = "model"
        tensors = []
        for i in self.bounded(graph.TensorsLength(), "tensors"):
            self.where = f"tensor {i}"
            tensors.append(self.tensor(model, self.present(graph.Tensors(i)), i))
        self.where = "model"
        operators = []
        for i in self.bounded(graph.OperatorsLength(), "operators"):
            self.where = f"operator {i}"
            operator = self.present(graph.Operators(i))
            index = operator.OpcodeIndex()
            if index >= len(codes):
                raise self.fault(f"operator code must be below {len(codes)}, not {index}")
            operators.append(RawOperator(
                codes[index],
                self.indices(operator.InputsLength(), operator.InputsAsNumpy(), len(tensors)),
                self.indices(operator.OutputsLength(), operator.OutputsAsNumpy(), len(tensors)),
                operator.BuiltinOptions()))
        self.where = "model"
        return RawGraph(tensors, operators,
                        self.indices(graph.InputsLength(), graph.InputsAsNumpy(), len(tensors)),
                        self.indices(graph.OutputsLength(), graph.OutputsAsNumpy(), len(tensors)))

    def present(self, table: _T | None) -> _T:
        if table is None:
            raise self.fault("a table is missing")
        return table

    def bounded(self, count: int, what: str, limit: int = MAX_ITEMS) -> range:
        if not 0 <= count <= limit:
            raise self.fault(f"number of {what} must be at most {limit}, not {count}")
        return range(count)

    def vector(self, length: int, values, dtype, what: str, limit: int) -> np.ndarray:
        """A vector as an array; ``values`` is flatbuffers' view, or 0 where there is none."""
        self.bounded(length, what, limit)
        return np.asarray(values, dtype) if length else np.zeros(0, dtype)

    def indices(self, length: int, values, count: int) -> tuple[int, ...]:
        found = self.vector(length, values, np.int32, "operands", MAX_OPERANDS)
        if np.any(found < -1) or np.any(found >= count):
            raise self.fault(f"tensor indices must be -1 ... {count - 1}")
        return tuple(found.tolist())

    def text(self, raw: bytes | None) -> str:
        """Text with everything but printable characters replaced, since it goes to a terminal."""
        raw = raw or b""
        if len(raw) > MAX_TEXT:
            raise self.fault(f"name must be at most {MAX_TEXT} bytes, not {len(raw)}")
        decoded = raw.decode(errors="replace")
        return "".join(character if character.isprintable() else "?" for character in decoded)

    def tensor(self, model: Model, tensor: Tensor, index: int) -> RawTensor:
        name = self.text(tensor.Name()).split(";")[0] or f"tensor {index}"
        self.where = f"tensor {index} ({name})"
        shape = tuple(self.vector(tensor.ShapeLength(), tensor.ShapeAsNumpy(), np.int32,
                                  "dimensions", MAX_RANK).tolist())
        scales = np.zeros(0, np.float32)
        zero_points = np.zeros(0, np.int64)
        axis = 0
        quantisation = tensor.Quantization()
        if quantisation is not None:
            scales = self.vector(quantisation.ScaleLength(), quantisation.ScaleAsNumpy(),
                                 np.float32, "scales", MAX_BYTES)
            zero_points = self.vector(quantisation.ZeroPointLength(),
                                      quantisation.ZeroPointAsNumpy(), np.int64, "zero points",
                                      MAX_BYTES)
            axis = quantisation.QuantizedDimension()
        if tensor.Sparsity() is not None:
            raise self.fault("sparse encoding is not supported; save the model with dense weights")
        return RawTensor(name, shape, DTYPE_NAMES.get(tensor.Type(), f"type {tensor.Type()}"),
                         scales, zero_points, axis, self.data(model, tensor, shape))

    def data(self, model: Model, tensor: Tensor, shape: Sequence[int]) -> np.ndarray | None:
        elements = 1
        for size in shape:
            elements *= size
            if size < 1 or elements > MAX_BYTES:
                raise self.fault(f"shape must have sizes of at least 1 and at most {MAX_BYTES} "
                                 f"elements, not {list(shape)}")
        buffers = model.BuffersLength()
        if not 0 <= tensor.Buffer() < buffers:
            raise self.fault(f"buffer must be below {buffers}, not {tensor.Buffer()}")
        buffer = model.Buffers(tensor.Buffer())
        if buffer is None:
            return None
        if buffer.Offset() > 1 or buffer.Size() > 1:
            raise self.fault("data outside the flatbuffer is not supported")
        dtype = DTYPES.get(tensor.Type())
        if buffer.DataLength() == 0 or dtype is None:
            return None
        if buffer.DataLength() != elements * dtype.itemsize:
            raise self.fault(f"data must be {elements * dtype.itemsize} bytes for shape "
                             f"{list(shape)}, not {buffer.DataLength()}")
        return np.asarray(buffer.DataAsNumpy()).view(dtype).reshape(shape)
