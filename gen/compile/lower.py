# SPDX-License-Identifier: Apache-2.0
"""Lowering: a golden network becomes layers that the core has a unit for, and a host's rest."""

from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from ...golden import network as golden
from ...golden.dbb import BLOCK
from ...golden.numerics import Requantise
from ...rtl.sequencer.descriptor import Opcode
from ...rtl.vector.window import WINDOW
from .conditions import Condition, Judgement
from .fault import CompileFault
from .windows import Shape, diagonal, placing, strips, window_fields

__all__ = ["MULTIPLYING", "ZERO_IS_LOWEST", "Corner", "Join", "Lowered", "LoweredLayer", "lower"]

ZERO_IS_LOWEST = -128
"""Zero point of tensors behind a ReLU, whose operands are unsigned bytes."""
Corner = tuple[int, int, int]
"""Row, column, channel block."""
MULTIPLYING = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "Conv", "Gemm", "MatMul")
"""Operators with weights of their own."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LoweredLayer:
    """One layer of the core.

    ``source`` (of ADD also ``second``, with the operator in ``addition``) and ``output`` are
    tensor indices of the model; ``output_shape`` and
    ``source_shape`` are (height, width, channels). ``weights``: [Cout, kh, kw, Cin] for the
    engine, [kh, kw, C] for the vector unit. ``maximum``: the window's largest operand is taken.
    ``activation_bound``: activations that the engine keeps of each block. ``depthwise``: an output
    channel has weights for one input channel only.
    """

    name: str
    kind: str
    opcode: Opcode
    source: int
    output: int
    source_shape: tuple[int, int, int]
    output_shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    weights: np.ndarray
    bias: np.ndarray
    requantise: Requantise
    source_zero_point: int
    magnitude: bool = False
    maximum: bool = False
    sliding: bool = True
    activation_bound: int = BLOCK
    depthwise: bool = False
    second: int | None = None
    addition: golden.Add | None = None
    condition: Condition | None = None
    judgement: Judgement | None = None

    @property
    def sources(self) -> tuple[int, ...]:
        """Tensors that the layer reads."""
        return (self.source,) if self.second is None else (self.source, self.second)

    @property
    def signed(self) -> bool:
        """Operands are raw signed bytes; otherwise ``x + 128`` as unsigned bytes."""
        return (self.magnitude or self.opcode is Opcode.ADD
                or self.source_zero_point != ZERO_IS_LOWEST)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the layer as the network states it, padded taps included."""
        if self.kind not in MULTIPLYING:
            return 0
        height, width, channels = self.output_shape
        matrix = self.opcode is Opcode.MATRIX and not self.depthwise
        depth = self.source_shape[2] if matrix else 1
        return height * width * channels * depth * int(np.prod(self.kernel))


@dataclass(frozen=True, kw_only=True)
class Join:
    """What makes one tensor of several: ``parts`` lie side by side in the tensor ``whole``, each
    from its corner on, before layer number ``place`` runs."""

    name: str
    whole: int
    parts: tuple[int, ...]
    corners: tuple[Corner, ...]
    place: int


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """``layers`` run on the core, ``host`` after them on the host.

    ``shapes``: (height, width, channels) of every tensor on the core; ``aliases``: tensors that
    are another's bytes under a new shape (RESHAPE); ``orders``: of tensors whose channels are
    sorted, the model's channel for each. ``joins`` make one tensor of several. ``inside`` states
    of a tensor that is part of another where its corner lies in that one: of what a layer reads of
    a larger tensor, and, once ``place_parts`` has settled them, of what joins are made of.
    ``copies``: tensors of the core alone that repeat another. Such tensors have indices below 0.
    ``batch``: inputs of a run, the pixels of its tensors.
    """

    layers: list[LoweredLayer]
    host: list[golden.Layer]
    shapes: dict[int, tuple[int, int, int]]
    aliases: dict[int, int] = field(default_factory=dict)
    orders: dict[int, tuple[int, ...]] = field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    inside: dict[int, tuple[int, Corner]] = field(default_factory=dict)
    copies: dict[int, int] = field(default_factory=dict)
    input: int
    output: int
    batch: int = 1


def lower(network: golden.Network, *, reshape_input: bool = True) -> Lowered:
    """Lower ``network``; raises CompileFault, naming the layer, where the core has no way.
    ``reshape_input``: a RESHAPE ahead of all layers says how the input lies in memory."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise CompileFault(f"{network.name}: a network must have one input and one output, not "
                           f"{len(network.inputs)} and {len(network.outputs)}")
    return _Lowering(network, reshape_input).lowered()


class _Lowering:
    """``last``: the newest tensor on the core, and the layer of the model that it is of."""

    def __init__(self, network: golden.Network, reshape_input: bool):
        self.network = network
        self.reshape_input = reshape_input
        self.entry = network.inputs[0]
        self.layers: list[LoweredLayer] = []
        self.joins: list[Join] = []
        self.aliases: dict[int, int] = {}
        self.shapes = {self.entry: _shape(network.tensors[self.entry])}
        self.device = {self.entry}
        self.inside: dict[int, tuple[int, Corner]] = {}
        self.folded = _folded_pads(network)
        self.last: tuple[int, golden.Layer] | None = None

    def lowered(self) -> Lowered:
        network = self.network
        host: list[golden.Layer] = []
        for layer in network.layers:
            if isinstance(layer, golden.Softmax) or not set(layer.sources) <= self.device:
                host.append(layer)
                continue
            self.device.add(layer.output)
            if isinstance(layer, golden.Reshape):
                self.alias(layer)
            elif isinstance(layer, golden.Concatenation):
                self.join(layer)
            elif isinstance(layer, golden.AveragePool) and any(layer.padding):
                self.padded_pool(layer)
            elif layer.output not in self.folded:
                self.add(self.layer(layer), layer)
        if self.last is None:
            raise CompileFault(f"{network.name}: no layer runs on the core")
        for layer in host:
            if not isinstance(layer, golden.Softmax | golden.Reshape):
                raise CompileFault(f"layer {layer.name} ({layer.kind}) comes after a host "
                                   "operator; only SOFTMAX and RESHAPE may run on the host, at the "
                                   "end")
        result, last = self.last
        ends = {layer.output for layer in host}
        for layer in host:
            for source in set(layer.sources) - ends:
                if self.root(source) != result:
                    raise CompileFault(f"layer {layer.name} ({layer.kind}): the host may only read "
                                       f"the tensor of the core's last layer, {last.name}")
        output = network.outputs[0]
        if output not in ends and self.root(output) != result:
            raise CompileFault(f"layer {last.name} ({last.kind}) comes after the network's output; "
                               "remove it, or make its tensor the output")
        return Lowered(layers=self.layers, host=host, shapes=self.shapes, aliases=self.aliases,
                       joins=tuple(self.joins), inside=self.inside, input=self.entry,
                       output=result)

    def root(self, tensor: int) -> int:
        return self.aliases.get(tensor, tensor)

    def add(self, lowered: LoweredLayer, layer: golden.Layer) -> None:
        self.layers.append(lowered)
        self.shapes[lowered.output] = lowered.output_shape
        self.last = lowered.output, layer

    def alias(self, layer: golden.Layer) -> None:
        root = self.aliases[layer.output] = self.root(layer.sources[0])
        if root == self.entry and not self.layers and self.reshape_input:
            self.shapes[root] = _shape(self.network.tensors[layer.output])
        self.shapes[layer.output] = self.shapes[root]

    def fresh(self, shape: Shape) -> int:
        """A tensor that only the core has."""
        index = min(*self.shapes, 0) - 1
        self.shapes[index] = shape
        return index

    def image(self, layer: golden.Layer, tensor: int) -> Shape:
        """The shape of a tensor of which the layer needs to know rows, columns and channels."""
        shape = self.shapes[self.root(tensor)]
        if shape != _shape(self.network.tensors[tensor]):
            raise CompileFault(f"layer {layer.name} ({layer.kind}): its input is a RESHAPE to "
                               "another height, width or channel count; only a reshape of the "
                               "network's input or to a vector is supported")
        return shape

    def join(self, layer: golden.Concatenation) -> None:
        """Parts side by side; where some do not end with a block of channels, in a tensor in which
        they do, from which the engine puts the channels together."""
        tensors = self.network.tensors
        shape = _shape(tensors[layer.output])
        sizes = [self.image(layer, source) for source in layer.sources]
        axis = layer.axis + 3 - len(tensors[layer.output].shape)
        ends = np.cumsum([-(-size[2] // BLOCK) if axis == 2 else size[axis] for size in sizes])
        corners = np.zeros((len(sizes), 3), int)
        corners[1:, axis] = ends[:-1]
        even = axis != 2 or all(size[2] % BLOCK == 0 for size in sizes[:-1])
        whole = layer.output if even else self.fresh((*shape[:2], int(ends[-1]) * BLOCK))
        self.shapes.setdefault(whole, shape)
        self.joins.append(Join(
            name=layer.name, whole=whole,
            parts=tuple(self.root(tensor) for tensor in layer.sources),
            corners=tuple((int(y), int(x), int(b)) for y, x, b in corners),
            place=len(self.layers)))
        self.last = whole, layer
        if not even:
            channels = np.concatenate([BLOCK * corner[2] + np.arange(size[2])
                                       for corner, size in zip(corners, sizes, strict=True)])
            self.add(LoweredLayer(
                name=layer.name, kind=layer.kind, source=whole, output=layer.output,
                source_shape=self.shapes[whole],
                **placing(layer, self.shapes[whole], channels,
                          tensors[layer.output].zero_point)), layer)

    def padded_pool(self, layer: golden.AveragePool) -> None:
        """Windows at a padded border average fewer pixels: a layer for those of each size."""
        shape = self.image(layer, layer.sources[0])
        output = self.shapes[layer.output] = _shape(self.network.tensors[layer.output])
        rows, columns = (strips(layer, *axis) for axis in zip(
            output[:2], shape[:2], layer.kernel, layer.stride, layer.padding[::2], strict=True))
        parts = []
        for row, column in product(rows, columns):
            seen = (row.reach(layer.stride[0]), column.reach(layer.stride[1]), shape[2])
            made = (row.count, column.count, shape[2])
            source, part = self.fresh(seen), self.fresh(made)
            self.inside[source] = self.root(layer.sources[0]), (row.start, column.start, 0)
            fields = window_fields(replace(layer, kernel=(row.size, column.size),
                                           padding=(0, 0, 0, 0)), seen, made)
            assert fields is not None
            self.layers.append(LoweredLayer(
                name=f"{layer.name} (from {row.first}, {column.first})", kind=layer.kind,
                source=source, output=part, source_shape=seen, **fields))
            parts.append((part, (row.first, column.first, 0)))
        self.joins.append(Join(
            name=layer.name, whole=layer.output, parts=tuple(part for part, _ in parts),
            corners=tuple(corner for _, corner in parts), place=len(self.layers)))
        self.last = layer.output, layer

    def layer(self, layer: golden.Layer) -> LoweredLayer:
        tensors = self.network.tensors
        pad = self.folded.get(layer.sources[0])
        source = self.root((pad or layer).sources[0])
        shape = self.shapes[source]
        common = {"name": layer.name, "kind": layer.kind, "source": source,
                  "output": layer.output, "source_shape": shape}
        match layer:
            case golden.Convolution() | golden.DepthwiseConvolution():
                return self.convolution(layer, common)
            case golden.FullyConnected():
                if int(np.prod(shape)) != layer.weights.shape[1]:
                    raise CompileFault(f"layer {layer.name} ({layer.kind}): weights expect "
                                       f"{layer.weights.shape[1]} inputs, the tensor has "
                                       f"{int(np.prod(shape))}")
                outputs = layer.weights.shape[0]
                return LoweredLayer(
                    **common, opcode=Opcode.MATRIX, output_shape=(1, 1, outputs),
                    kernel=shape[:2], stride=(1, 1), padding=(0, 0),
                    weights=layer.weights.reshape(outputs, *shape), bias=layer.bias,
                    requantise=layer.requantise, source_zero_point=layer.source_zero_point,
                    activation_bound=_activation_bound(layer, shape))
            case golden.Add():
                return _add(layer, self.shapes, self.aliases, common)
        if isinstance(layer, golden.Rescale):
            output = shape
        elif isinstance(layer, golden.Mean):
            image = self.image(layer, layer.sources[0])
            rank = len(tensors[layer.sources[0]].shape)
            output = tuple(1 if axis + rank - 3 in layer.axes else size
                           for axis, size in enumerate(image))
        else:
            self.image(layer, layer.sources[0])
            output = _shape(tensors[layer.output])
        fields = window_fields(layer, shape, output)
        if fields is None:
            raise CompileFault(f"layer {layer.name} ({layer.kind}): the core has no unit for this "
                               "operator")
        return LoweredLayer(**common, **fields)

    def convolution(self, layer: golden.Convolution | golden.DepthwiseConvolution,
                    common: dict) -> LoweredLayer:
        """A PAD in front of it is part of its own padding."""
        padding = (layer.padding[0], layer.padding[2])
        pad = self.folded.get(layer.sources[0])
        if pad is not None:
            padding = (padding[0] + pad.padding[1][0], padding[1] + pad.padding[2][0])
        shape = self.image(layer, (pad or layer).sources[0])
        depthwise = isinstance(layer, golden.DepthwiseConvolution)
        weights = layer.weights
        kernel = weights.shape[:2] if depthwise else weights.shape[1:3]
        multiplier = weights.shape[2] // shape[2] if depthwise else 1
        matrix = not depthwise or max(kernel) > WINDOW or multiplier > 1
        if max(layer.stride) > 2:
            raise CompileFault(f"layer {layer.name} ({layer.kind}): stride must be 1 or 2, "
                               f"not {max(layer.stride)}")
        return LoweredLayer(
            **common, opcode=Opcode.MATRIX if matrix else Opcode.WINDOW,
            output_shape=_shape(self.network.tensors[layer.output]), kernel=tuple(kernel),
            stride=tuple(layer.stride), padding=padding,
            weights=diagonal(layer, weights, multiplier) if matrix and depthwise else weights,
            bias=layer.bias, requantise=layer.requantise,
            source_zero_point=layer.source_zero_point, depthwise=depthwise,
            activation_bound=BLOCK if depthwise else _activation_bound(layer, shape))


def _shape(tensor: golden.Tensor) -> Shape:
    inner = tuple(tensor.shape[1:])
    if len(inner) > 3:
        raise CompileFault(f"tensor {tensor.name}: at most 3 dimensions besides the batch are "
                           f"supported, not {len(inner)}")
    height, width, channels = (1,) * (3 - len(inner)) + inner
    return height, width, channels


def _folded_pads(network: golden.Network) -> dict[int, golden.Pad]:
    """By output, each PAD of rows and columns that only convolutions read whose zero point is its
    value, so that it can be part of theirs."""
    readers: dict[int, list[golden.Layer]] = {}
    for layer in network.layers:
        for source in layer.sources:
            readers.setdefault(source, []).append(layer)
    return {pad.output: pad for pad in network.layers
            if isinstance(pad, golden.Pad) and len(pad.padding) == 4 and not any(pad.padding[3])
            and pad.output not in network.outputs and pad.output in readers
            and all(isinstance(layer, golden.Convolution | golden.DepthwiseConvolution)
                    and layer.source_zero_point == pad.value for layer in readers[pad.output])}


def _activation_bound(layer, shape: tuple[int, int, int]) -> int:
    bound = layer.activation_bound
    if bound != BLOCK and layer.source_zero_point != ZERO_IS_LOWEST:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): activations may be pruned only "
                           f"where their zero point is {ZERO_IS_LOWEST}, so that a dropped one "
                           f"adds nothing, not {layer.source_zero_point}")
    if bound != BLOCK and layer.kind == "FULLY_CONNECTED" and shape[:2] != (1, 1) \
            and shape[2] % BLOCK:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): activations may be pruned only "
                           f"where blocks of {BLOCK} inputs are blocks of channels, not of "
                           f"{shape[2]} channels")
    return bound


def _add(layer: golden.Add, shapes, aliases, common) -> LoweredLayer:
    second = aliases.get(layer.sources[1], layer.sources[1])
    shape = common["source_shape"]
    if shapes[second] != shape:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): both inputs must have one shape, "
                           f"not {shape} and {shapes[second]}")
    none = np.zeros(0, np.int32)
    return LoweredLayer(
        **common, opcode=Opcode.ADD, output_shape=shape, kernel=(1, 1), stride=(1, 1),
        padding=(0, 0), weights=none.astype(np.int8), bias=none,
        requantise=Requantise(multiplier=none, shift=none, zero_point=layer.zero_point,
                              low=layer.low, high=layer.high, rounding=layer.rounding),
        source_zero_point=layer.zero_points[0], second=second, addition=layer)
