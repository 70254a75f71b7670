# SPDX-License-Identifier: Apache-2.0
"""QDQ models into golden networks: each group of nodes that onnxruntime runs as one is a layer.

The oracle is onnxruntime on x86-64, all optimisations on: DequantizeLinear, operator,
QuantizeLinear become QLinearConv, QGemm, QLinearMatMul, QLinearAdd, QLinearGlobalAveragePool or
QLinearAveragePool. For int8 activations it has to be told that these are welcome there
(``session.qdqisint8allowed``), or it runs some of them in float32. Its sums are exact on
processors with VNNI; on others two products of uint8 and int8 saturate at 16 bits, unless weights
have 7 bits (``reduce_range``). Groups that it would not fuse are refused.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ....golden import network as golden
from ..fault import ImportFault
from ..remedies import remedy
from .graph import Graph, Node, printable, read_graph
from .mlas import Scaling
from .operators import OPERATORS
from .values import Activation, Entry, Pending, Quantised, Real, RealConstant, Rest, Value

__all__ = ["load"]

HOST = {"ArgMax", "ArrayFeatureExtractor", "Cast", "Concat", "Exp", "Gather", "Identity",
        "LogSoftmax", "Log", "Normalizer", "ReduceMax", "ReduceSum", "Sigmoid", "Softmax", "Sub",
        "TopK", "ZipMap"}
"""Operators that may follow the last quantised tensor, for the host to do."""
PLAIN = {"DequantizeLinear", "Flatten", "QuantizeLinear", "Reshape", "Squeeze", "Transpose",
         "Unsqueeze", "Div", "Mul"}
"""Operators that may stand among them."""
BYTES = {"int8": False, "uint8": True}
MAX_ELEMENTS = 1 << 26


def load(path: str | Path) -> golden.Network:
    """Read a QDQ model of batch 1 with one input, int8 or uint8 throughout.

    The network begins behind the input's QuantizeLinear and ends with the last quantised tensor;
    what follows it is named in ``left_out``. Raises ImportFault where the file is damaged or holds
    something unsupported, OSError where it cannot be read.
    """
    path = Path(path)
    return _Importer(path, read_graph(path)).network()


class _Importer:
    def __init__(self, path: Path, graph: Graph):
        self.path = path
        self.graph = graph
        self.where = "model"
        self.values: dict[str, Value] = dict(graph.constants)
        self.tensors: dict[int, golden.Tensor] = {}
        self.layers: list[golden.Layer] = []
        self.ends: dict[int, Activation] = {}
        self.left_out: list[str] = []
        self.results = {port.name for port in graph.outputs}

    def fault(self, what: str) -> ImportFault:
        return ImportFault(f"{self.path}: {self.where}: {what}")

    def network(self) -> golden.Network:
        if len(self.graph.inputs) != 1:
            raise self.fault(f"network must have one input, not {len(self.graph.inputs)}")
        port = self.graph.inputs[0]
        self.values[port.name] = Entry(port)
        for number, node in enumerate(self.graph.nodes):
            self.where = (f"node {number} ({printable(node.kind)}, "
                          f"{printable(node.name or node.outputs[0])})")
            try:
                result = self.value(node)
            except ImportFault:
                raise
            except (ArithmeticError, IndexError, KeyError, MemoryError, TypeError,
                    ValueError) as error:
                raise self.fault("its operands or attributes are damaged") from error
            for name in node.outputs:
                self.values[name] = result
        self.where = "output"
        for port in self.graph.outputs:
            value = self.values[port.name]
            if isinstance(value, Real | Quantised):
                self.ends[value.activation.index] = value.activation
            elif isinstance(value, Pending):
                raise self.fault(f"{printable(port.name)} is never quantised; quantise the model "
                                 "with the output of its last layer too")
        if len(self.ends) != 1 or not self.layers:
            raise self.fault(f"one quantised tensor must be the network's output or lead to it, "
                             f"not {len(self.ends)}")
        return golden.Network(
            name=self.path.stem, tensors=self.tensors, layers=tuple(self.layers), inputs=(0,),
            outputs=tuple(self.ends), left_out=tuple(self.left_out))

    def value(self, node: Node) -> Value:
        kind, operands = node.kind, [self.values.get(name) for name in node.inputs]
        rest = next((value for value in operands if isinstance(value, Rest)), None)
        if rest is not None:
            if kind not in HOST | PLAIN:
                raise self.fault(f"it comes after {rest.first}, which the core has no unit for; "
                                 f"{remedy(rest.first.split(' ')[0])}")
            return self.beyond(node, rest.first)
        if node.domain in ("", "ai.onnx"):
            match kind:
                case "QuantizeLinear":
                    return self.quantise(node, operands)
                case "DequantizeLinear":
                    return self.dequantise(node, operands)
                case "Identity" | "Dropout":
                    return operands[0]
                case "Cast" if isinstance(operands[0], Entry) and node.attributes.get("to") == 1:
                    return operands[0]
            if kind in OPERATORS:
                return OPERATORS[kind](self, node, operands)
        if kind not in HOST:
            raise self.fault(f"operator {printable(kind)} is not supported; {remedy(kind)}; "
                             f"supported are {', '.join(OPERATORS)}")
        sources = [value for value in operands if isinstance(value, Real | Quantised)]
        if not sources:
            raise self.fault("it must read a quantised tensor; quantise the layer before it")
        for value in sources:
            self.ends[value.activation.index] = value.activation
        return self.beyond(node, f"{kind} {printable(node.name or node.outputs[0])}")

    def beyond(self, node: Node, first: str) -> Rest:
        if node.kind not in ("QuantizeLinear", "DequantizeLinear"):
            self.left_out.append(f"{printable(node.kind)} {printable(node.outputs[0])}")
        return Rest(first)

    # Tensors.

    def tensor(self, name: str, shape: tuple[int, ...], scaling: Scaling,
               image: tuple[int, int, int] | None) -> Activation:
        """A new tensor of the network."""
        index = len(self.tensors)
        self.tensors[index] = golden.Tensor(
            index, printable(name), shape, "uint8" if scaling.unsigned else "int8",
            float(scaling.scale), scaling.zero_point, image)
        return Activation(index, shape, scaling, image)

    def layer(self, layer: golden.Layer) -> None:
        self.layers.append(layer)

    def entry(self, value: Entry, name: str, scaling: Scaling) -> Quantised:
        """The model's input, of which there is one quantised form."""
        if self.tensors:
            raise self.fault("the input must be quantised once")
        sizes = value.port.shape
        if len(sizes) not in (2, 4) or sizes[0] not in (None, 0, 1):
            raise self.fault(f"input must be [1, K] or [1, C, H, W], not "
                             f"{[size or '?' for size in sizes]}")
        inner = tuple(size or 0 for size in sizes[1:])
        if min(inner) < 1 or int(np.prod([float(size) for size in inner])) > MAX_ELEMENTS:
            raise self.fault(f"input must have fixed sizes of at least 1 and at most "
                             f"{MAX_ELEMENTS} elements, not {[size or '?' for size in sizes]}")
        if len(inner) == 1 or self.channels_last(value.port.name):
            return Quantised(self.tensor(name, (1, *inner), scaling, None))
        channels, height, width = inner
        return Quantised(self.tensor(name, (1, height, width, channels), scaling,
                                     (height, width, channels)))

    def channels_last(self, name: str) -> bool:
        """Whether the model's first operator moves the input's channels from the end."""
        for node in self.graph.nodes:
            if node.inputs[:1] == (name,):
                if node.kind == "Transpose":
                    return node.attributes.get("perm") == (0, 3, 1, 2)
                if node.kind not in ("QuantizeLinear", "DequantizeLinear", "Cast", "Identity"):
                    return False
                name = node.outputs[0]
        return False

    def scaling(self, node: Node) -> Scaling:
        """Scale and zero point of an activation's QuantizeLinear or DequantizeLinear."""
        scale = self.constant(node, 1, "scale")
        point = self.constant(node, 2, "zero point") if len(node.inputs) > 2 else np.uint8([0])
        if scale.dtype != np.float32 or scale.size != 1 or point.size != 1:
            raise self.fault("activations must be quantised per tensor, with one float32 scale")
        if point.dtype.name not in BYTES:
            raise self.fault(f"activations must be int8 or uint8, not {point.dtype.name}")
        value = scale.reshape(())[()]
        if not 0 < value < np.inf:
            raise self.fault(f"scale must be positive, not {value}")
        unsigned = BYTES[point.dtype.name]
        return Scaling(np.float32(value), int(point.reshape(())) - 128 * unsigned, unsigned)

    def constant(self, node: Node, position: int, what: str) -> np.ndarray:
        value = self.values.get(node.inputs[position])
        if not isinstance(value, np.ndarray):
            raise self.fault(f"its {what} must be a constant of the model")
        return value

    def quantise(self, node: Node, operands: list[Value]) -> Value:
        scaling = self.scaling(node)
        name = node.outputs[0]
        match operands[0]:
            case Entry() as entry:
                if entry.port.dtype != "float":
                    raise self.fault(f"input must be float, not {entry.port.dtype}")
                return self.entry(entry, name, scaling)
            case Real(activation):
                if activation.scaling != scaling:
                    raise self.fault("it gives a tensor another scale without an operator between; "
                                     "let both have one scale")
                self.tensors[activation.index] = replace(
                    self.tensors[activation.index], name=printable(name))
                return Quantised(activation)
            case Pending() as pending:
                return self.finish(node, pending, scaling)
        raise self.fault("it must quantise the input or the result of an operator")

    def finish(self, node: Node, pending: Pending, scaling: Scaling) -> Quantised:
        """The group's last node: now its layer is known."""
        if self.graph.readers.get(node.inputs[0]) != 1 or node.inputs[0] in self.results:
            raise self.fault("only this node may read what it quantises, or onnxruntime computes "
                             "it in float32; quantise it once")
        if pending.unsigned != scaling.unsigned:
            raise self.fault("input and output of an operator must both be int8, or both uint8")
        if pending.clip is not None:
            low, high = (np.float32(limit - scaling.zero_point) * scaling.scale
                         for limit in (-128, 127))
            if low < pending.clip[0] or high > pending.clip[1]:
                raise self.fault(
                    "the RELU or Clip before it must be what its range leaves anyway (zero point "
                    "-128 of int8, 0 of uint8), or onnxruntime computes in float32; quantise "
                    "with asymmetric activations, without the RELU")
        activation = self.tensor(node.outputs[0], pending.shape, scaling, pending.image)
        common = {"name": printable(pending.node.name or pending.node.outputs[0]),
                  "kind": pending.kind, "output": activation.index}
        self.layer(pending.build(scaling, common))
        return Quantised(activation)

    def dequantise(self, node: Node, operands: list[Value]) -> Value:
        match operands[0]:
            case np.ndarray() as values:
                scales = self.constant(node, 1, "scale")
                points = (self.constant(node, 2, "zero point") if len(node.inputs) > 2
                          else np.zeros(1, values.dtype))
                if (scales.dtype != np.float32 or scales.ndim > 1
                        or not np.all((scales > 0) & np.isfinite(scales))):
                    raise self.fault("scales of a constant must be positive float32 numbers, one "
                                     "or one for each output channel")
                axis = int(node.attributes.get("axis", 1))
                return RealConstant(printable(node.inputs[0]), values.astype(np.int32),
                                    values.dtype.name, scales.reshape(-1), points.reshape(-1),
                                    axis + values.ndim * (axis < 0))
            case Entry() as entry:
                scaling = self.scaling(node)
                if entry.port.dtype not in BYTES or BYTES[entry.port.dtype] != scaling.unsigned:
                    raise self.fault(f"input must be int8 or uint8 as its zero point, not "
                                     f"{entry.port.dtype}")
                return Real(self.entry(entry, entry.port.name, scaling).activation)
            case Quantised(activation):
                if self.scaling(node) != activation.scaling:
                    raise self.fault("its scale and zero point must be those with which the "
                                     "tensor was quantised")
                return Real(activation)
        raise self.fault("it must dequantise a constant or a quantised tensor")
