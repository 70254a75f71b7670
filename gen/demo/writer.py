# SPDX-License-Identifier: Apache-2.0
"""Writer of quantised TensorFlow Lite files from a flat description."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
import tflite

__all__ = ["OperatorDescription", "TensorDescription", "write"]

SCHEMA_VERSION = 3
BUFFER_ALIGNMENT = 16

# Operator: (version that int8 operands need, name of its options table in the schema).
_OPERATORS: dict[str, tuple[int, str | None]] = {
    "ADD": (2, "AddOptions"),
    "AVERAGE_POOL_2D": (2, "Pool2DOptions"),
    "CONCATENATION": (2, "ConcatenationOptions"),
    "CONV_2D": (3, "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": (3, "DepthwiseConv2DOptions"),
    "FULLY_CONNECTED": (4, "FullyConnectedOptions"),
    "MAX_POOL_2D": (2, "Pool2DOptions"),
    "MEAN": (2, "ReducerOptions"),
    "PAD": (2, "PadOptions"),
    "PADV2": (2, "PadV2Options"),
    "QUANTIZE": (2, "QuantizeOptions"),
    "RELU": (2, None),
    "RELU6": (2, None),
    "RESHAPE": (1, None),
    "SOFTMAX": (2, "SoftmaxOptions"),
}
_TYPES = {"int8": tflite.TensorType.INT8, "int32": tflite.TensorType.INT32}


@dataclass(frozen=True, kw_only=True, eq=False)
class TensorDescription:
    """One tensor.

    ``dtype`` is "int8" or "int32". ``scales`` is empty (not quantised), one value (per tensor)
    or one for each index of dimension ``axis``. ``data`` is None for an activation.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scales: Sequence[float] = ()
    zero_point: int = 0
    axis: int = 0
    data: np.ndarray | None = None

    def __post_init__(self):
        if self.dtype not in _TYPES:
            raise ValueError(f"Tensor type must be one of {', '.join(_TYPES)}, "
                             f"not {self.dtype!r}")
        if len(self.scales) > 1 and len(self.scales) != self.shape[self.axis]:
            raise ValueError(f"Scales of {self.name} must be one or {self.shape[self.axis]}, "
                             f"not {len(self.scales)!r}")
        if self.data is None:
            return
        if self.data.dtype != self.dtype:
            raise TypeError(f"Data of {self.name} must be {self.dtype}, "
                            f"not {str(self.data.dtype)!r}")
        if self.data.shape != self.shape:
            raise ValueError(f"Data of {self.name} must be of shape {self.shape!r}, "
                             f"not {self.data.shape!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class OperatorDescription:
    """One operator: builtin name, tensor names and the fields of its options table.

    ``options`` keys are the schema's field names in camel case, as in ``{"StrideW": 2}``.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, int | float | bool] = field(default_factory=dict)

    def __post_init__(self):
        if self.kind not in _OPERATORS:
            raise ValueError(f"Operator must be one of {', '.join(_OPERATORS)}, "
                             f"not {self.kind!r}")


def write(tensors: Sequence[TensorDescription], operators: Sequence[OperatorDescription], *,
          inputs: Sequence[str], outputs: Sequence[str], name: str = "main") -> bytes:
    """Return the bytes of a ``.tflite`` file (schema version 3) with one subgraph.

    Tensors keep their order as indices; buffer 0 is empty and tensor ``i`` owns buffer
    ``i + 1``, data 16-byte aligned. Operator versions are those of int8 operands. A name that
    is unknown or occurs twice raises ValueError.
    """
    index = {tensor.name: i for i, tensor in enumerate(tensors)}
    if len(index) != len(tensors):
        raise ValueError("Tensor names must be unique, not "
                         f"{[tensor.name for tensor in tensors]!r}")
    for used in (*inputs, *outputs, *(n for o in operators for n in (*o.inputs, *o.outputs))):
        if used not in index:
            raise ValueError(f"Tensor name must be one of the described tensors, not {used!r}")
    kinds = list(dict.fromkeys(operator.kind for operator in operators))
    builder = flatbuffers.Builder(1024)

    def indices(names: Sequence[str]) -> int:
        return builder.CreateNumpyVector(np.array([index[n] for n in names], dtype=np.int32))

    buffers = [_buffer(builder, None)] + [_buffer(builder, t.data) for t in tensors]
    tables = [_tensor(builder, tensor, i + 1) for i, tensor in enumerate(tensors)]
    steps = []
    for operator in operators:
        options_name = _OPERATORS[operator.kind][1]
        fields = {"OpcodeIndex": kinds.index(operator.kind), "Inputs": indices(operator.inputs),
                  "Outputs": indices(operator.outputs)}
        if options_name is not None:
            fields["BuiltinOptionsType"] = getattr(tflite.BuiltinOptions, options_name)
            fields["BuiltinOptions"] = _table(builder, options_name, **operator.options)
        steps.append(_table(builder, "Operator", **fields))
    subgraph = _table(builder, "SubGraph", Tensors=_vector(builder, tables),
                      Inputs=indices(inputs), Outputs=indices(outputs),
                      Operators=_vector(builder, steps), Name=builder.CreateString(name))
    codes = []
    for kind in kinds:
        code = getattr(tflite.BuiltinOperator, kind)
        codes.append(_table(builder, "OperatorCode", DeprecatedBuiltinCode=code,
                            Version=_OPERATORS[kind][0], BuiltinCode=code))
    model = _table(builder, "Model", Version=SCHEMA_VERSION,
                   OperatorCodes=_vector(builder, codes),
                   Subgraphs=_vector(builder, [subgraph]),
                   Description=builder.CreateString("systolith"),
                   Buffers=_vector(builder, buffers))
    builder.Finish(model, file_identifier=b"TFL3")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, table: str, **fields) -> int:
    getattr(tflite, f"{table}Start")(builder)
    for key, value in fields.items():
        getattr(tflite, f"{table}Add{key}")(builder, value)
    return getattr(tflite, f"{table}End")(builder)


def _vector(builder: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _buffer(builder: flatbuffers.Builder, data: np.ndarray | None) -> int:
    if data is None:
        return _table(builder, "Buffer")
    content = data.astype(data.dtype.newbyteorder("<")).tobytes()
    builder.StartVector(1, len(content), BUFFER_ALIGNMENT)
    for byte in reversed(content):
        builder.PrependByte(byte)
    return _table(builder, "Buffer", Data=builder.EndVector())


def _tensor(builder: flatbuffers.Builder, tensor: TensorDescription, buffer: int) -> int:
    shape = builder.CreateNumpyVector(np.array(tensor.shape, dtype=np.int32))
    fields = {"Shape": shape, "Type": _TYPES[tensor.dtype], "Buffer": buffer,
              "Name": builder.CreateString(tensor.name)}
    if len(tensor.scales):
        scales = np.array(tensor.scales, dtype=np.float32)
        zero_points = np.full(len(scales), tensor.zero_point, dtype=np.int64)
        fields["Quantization"] = _table(
            builder, "QuantizationParameters", Scale=builder.CreateNumpyVector(scales),
            ZeroPoint=builder.CreateNumpyVector(zero_points), QuantizedDimension=tensor.axis)
    return _table(builder, "Tensor", **fields)
