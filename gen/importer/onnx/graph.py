# SPDX-License-Identifier: Apache-2.0
"""Bounded reading of an ONNX file: plain Python data, whatever the bytes are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from google.protobuf.message import DecodeError
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

from ..fault import ImportFault
from ..reading import MAX_BYTES, read_model

__all__ = ["Graph", "Node", "Port", "printable", "read_graph"]

MAX_ITEMS = 1 << 13
MAX_OPERANDS = 1024
MAX_RANK = 6
MAX_TEXT = 1024
MAX_FIELDS = 1 << 17
MAX_METADATA = 4 << 20
"""Bytes besides the data of tensors: an empty message of two takes a hundred in memory."""
OPSETS = range(10, 27)
GRAPH, NODE, INITIALIZER = 7, 1, 5  # field numbers: of ModelProto, then of GraphProto
DATA_FIELDS = {4, 5, 7, 9}          # of TensorProto: float_data, int32_data, int64_data, raw_data
DTYPES = {TensorProto.FLOAT: ("<f4", "float_data"), TensorProto.INT8: ("<i1", "int32_data"),
          TensorProto.UINT8: ("<u1", "int32_data"), TensorProto.INT32: ("<i4", "int32_data"),
          TensorProto.INT64: ("<i8", "int64_data")}


@dataclass(frozen=True, eq=False)
class Node:
    """``inputs`` and ``outputs`` by name, "" for none; ``attributes`` that are numbers or text."""

    kind: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int | float | str | tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Port:
    """An input or output: ``dtype`` is ONNX's name, ``shape`` has None where a size is open."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Graph:
    """``nodes`` in an order in which they can run. A constant of a type that no layer reads is
    None."""

    nodes: list[Node]
    constants: dict[str, np.ndarray | None]
    inputs: list[Port]
    outputs: list[Port]
    readers: dict[str, int]


def printable(text: str) -> str:
    """``text`` with everything but printable characters replaced: it goes to a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def read_graph(path: Path) -> Graph:
    """Read the file's graph; raises ImportFault for anything that is not one, OSError if unread."""
    return _Reader(read_model(path), path).graph()


class _Reader:
    def __init__(self, raw: bytes, path: Path):
        self.raw = raw
        self.path = path
        self.where = "model"
        self.walked = 0

    def fault(self, what: str) -> ImportFault:
        return ImportFault(f"{self.path}: {self.where}: {what}")

    def graph(self) -> Graph:
        damaged = self.fault("file is truncated or damaged, or no ONNX model")
        try:
            self.weigh()
            model = ModelProto.FromString(self.raw)
        except (DecodeError, IndexError, RecursionError, ValueError) as error:
            if isinstance(error, ImportFault):
                raise
            raise damaged from error
        opsets = {item.domain: item.version for item in model.opset_import}
        if not model.HasField("graph") or not model.graph.node:
            raise damaged
        version = opsets.get("", opsets.get("ai.onnx"))
        if version not in OPSETS:
            raise self.fault(f"opset must be {OPSETS[0]} to {OPSETS[-1]}, not {version}")
        if model.functions or model.graph.sparse_initializer:
            raise self.fault("functions and sparse tensors are not supported; inline the "
                             "functions and save dense weights")
        return self.read(model)

    # What a file may cost, before it is taken apart.

    def fields(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """(number, first, last) of the length-delimited fields of a message."""
        while start < end:
            self.walked += 1
            if self.walked > MAX_FIELDS:
                raise self.fault(f"it must have at most {MAX_FIELDS} nodes, tensors and parts of "
                                 "tensors")
            key, start = self.varint(start)
            match key & 7:
                case 0:
                    _, start = self.varint(start)
                case 1:
                    start += 8
                case 2:
                    size, start = self.varint(start)
                    if start + size > end:
                        raise IndexError
                    yield key >> 3, start, start + size
                    start += size
                case 5:
                    start += 4
                case _:
                    raise IndexError

    def varint(self, at: int) -> tuple[int, int]:
        value = 0
        for place in range(10):
            byte = self.raw[at + place]
            value |= (byte & 127) << 7 * place
            if byte < 128:
                return value, at + place + 1
        raise IndexError

    def weigh(self) -> None:
        """Count nodes, tensors and bytes that are no tensor's data."""
        counts = {NODE: 0, INITIALIZER: 0}
        metadata = len(self.raw)
        for number, start, end in self.fields(0, len(self.raw)):
            if number != GRAPH:
                continue
            for part, first, last in self.fields(start, end):
                if part not in counts:
                    continue
                counts[part] += 1
                if max(counts.values()) > MAX_ITEMS:
                    raise self.fault(f"it must have at most {MAX_ITEMS} nodes and as many tensors")
                if part == INITIALIZER:
                    metadata -= sum(stop - begin for field, begin, stop in self.fields(first, last)
                                    if field in DATA_FIELDS)
        if metadata > MAX_METADATA:
            raise self.fault(f"all but the data of its initializers must take at most "
                             f"{MAX_METADATA >> 20} MiB, not {metadata} bytes")

    # Messages into data.

    def read(self, model: ModelProto) -> Graph:
        proto = model.graph
        constants: dict[str, np.ndarray | None] = {}
        for tensor in proto.initializer:
            name = self.name(tensor.name)
            self.where = f"initializer {printable(name)}"
            if name in constants:
                raise self.fault("it is there twice")
            constants[name] = self.array(tensor)
        ports = [port for port in (self.port(item, "input") for item in proto.input)
                 if port.name not in constants]
        known = {"", *constants, *(port.name for port in ports)}
        nodes: list[Node] = []
        readers: dict[str, int] = {}
        for index, item in enumerate(proto.node):
            self.where = f"node {index} ({printable(self.name(item.op_type))})"
            node = self.node(item)
            for name in node.inputs:
                if name not in known:
                    raise self.fault(f"it reads {printable(name)}, which no earlier node computes; "
                                     "nodes must be in an order in which they can run")
                readers[name] = readers.get(name, 0) + 1
            for name in node.outputs:
                if name and name in known:
                    raise self.fault(f"its output {printable(name)} is there already")
            known.update(node.outputs)
            if node.kind == "Constant" and node.domain in ("", "ai.onnx"):
                constants[node.outputs[0]] = self.constant(item)
            else:
                nodes.append(node)
        outputs = [self.port(item, "output") for item in proto.output]
        for port in outputs:
            self.where = f"output {printable(port.name)}"
            if port.name not in known:
                raise self.fault("no node computes it")
        return Graph(nodes, constants, ports, outputs, readers)

    def name(self, text: str | bytes) -> str:
        """A name; text that is no UTF-8 comes as bytes."""
        if len(text) > MAX_TEXT:
            raise self.fault(f"name must be at most {MAX_TEXT} characters, not {len(text)}")
        return text if isinstance(text, str) else text.decode(errors="replace")

    def node(self, item: NodeProto) -> Node:
        if len(item.input) + len(item.output) > MAX_OPERANDS or not item.output:
            raise self.fault(f"it must have at most {MAX_OPERANDS} inputs and outputs, and one "
                             "output at least")
        attributes = {}
        for attribute in item.attribute:
            name = self.name(attribute.name)
            match attribute.type:
                case AttributeProto.INT:
                    attributes[name] = attribute.i
                case AttributeProto.FLOAT:
                    attributes[name] = attribute.f
                case AttributeProto.STRING if len(attribute.s) <= MAX_TEXT:
                    attributes[name] = attribute.s.decode(errors="replace")
                case AttributeProto.INTS if len(attribute.ints) <= 2 * MAX_RANK:
                    attributes[name] = tuple(attribute.ints)
        return Node(self.name(item.op_type), self.name(item.domain), self.name(item.name),
                    tuple(map(self.name, item.input)), tuple(map(self.name, item.output)),
                    attributes)

    def constant(self, item: NodeProto) -> np.ndarray | None:
        for attribute in item.attribute:
            if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
                return self.array(attribute.t)
        return None

    def port(self, item: ValueInfoProto, kind: str) -> Port:
        self.where = f"{kind} {printable(self.name(item.name))}"
        tensor = item.type.tensor_type
        if len(tensor.shape.dim) > MAX_RANK:
            raise self.fault(f"it must have at most {MAX_RANK} dimensions")
        try:
            dtype = TensorProto.DataType.Name(tensor.elem_type).lower()
        except ValueError:
            dtype = f"type {tensor.elem_type}"
        return Port(self.name(item.name), dtype, tuple(
            dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim))

    def array(self, tensor: TensorProto) -> np.ndarray | None:
        """A tensor's data; None where its type is none that layers read."""
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise self.fault("data outside the file is not supported; save the model as one file")
        if tensor.HasField("segment") or len(tensor.dims) > MAX_RANK:
            raise self.fault(f"it must be one piece of at most {MAX_RANK} dimensions")
        if tensor.data_type not in DTYPES:
            return None
        kind, field = DTYPES[tensor.data_type]
        dtype = np.dtype(kind)
        elements = 1
        for size in tensor.dims:
            elements *= size
            if size < 0 or elements > MAX_BYTES:
                raise self.fault(f"shape must have sizes of at least 0 and at most {MAX_BYTES} "
                                 f"elements, not {list(tensor.dims)}")
        if tensor.HasField("raw_data"):
            held, data = len(tensor.raw_data) / dtype.itemsize, tensor.raw_data
        else:
            held, data = len(getattr(tensor, field)), None
        if held != elements:
            raise self.fault(f"data must be {elements} elements for shape {list(tensor.dims)}, "
                             f"not {held:g}")
        if data is not None:
            return np.frombuffer(data, dtype).reshape(tensor.dims)
        values = np.array(getattr(tensor, field), np.float64 if kind == "<f4" else np.int64)
        return values.astype(dtype).reshape(tensor.dims)
