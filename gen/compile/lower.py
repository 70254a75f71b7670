# SPDX-License-Identifier: Apache-2.0
"""Lowering: a golden network becomes layers that the core has a unit for, and a host's rest."""

from dataclasses import dataclass, field

import numpy as np

from ...golden import network as golden
from ...golden.dbb import BLOCK
from ...golden.numerics import Requantise, Rounding
from ...rtl.sequencer.descriptor import Opcode
from ...rtl.vector.window import WINDOW
from .fault import CompileFault

__all__ = ["ZERO_IS_LOWEST", "Lowered", "LoweredLayer", "lower"]

ZERO_IS_LOWEST = -128
"""Zero point of tensors behind a ReLU, whose operands are unsigned bytes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LoweredLayer:
    """One layer of the core.

    ``source`` (of ADD also ``second``, with the operator in ``addition``) and ``output`` are
    tensor indices of the model; ``output_shape`` and
    ``source_shape`` are (height, width, channels). ``weights``: [Cout, kh, kw, Cin] for the
    engine, [kh, kw, C] for the vector unit. ``activation_bound``: activations that the engine
    keeps of each block. ``depthwise``: an output channel has weights for its own input channel
    only.
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
    sliding: bool = True
    activation_bound: int = BLOCK
    depthwise: bool = False
    second: int | None = None
    addition: golden.Add | None = None

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
        height, width, channels = self.output_shape
        matrix = self.opcode is Opcode.MATRIX and not self.depthwise
        depth = self.source_shape[2] if matrix else 1
        if self.magnitude or self.opcode is Opcode.ADD:
            return 0
        return height * width * channels * depth * int(np.prod(self.kernel))


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """``layers`` run on the core, ``host`` after them on the host.

    ``shapes``: (height, width, channels) of every tensor on the core; ``aliases``: tensors that
    are another's bytes under a new shape (RESHAPE); ``orders``: of tensors whose channels are
    sorted, the model's channel for each; ``batch``: inputs of a run, the pixels of its tensors.
    """

    layers: list[LoweredLayer]
    host: list[golden.Layer]
    shapes: dict[int, tuple[int, int, int]]
    aliases: dict[int, int] = field(default_factory=dict)
    orders: dict[int, tuple[int, ...]] = field(default_factory=dict)
    input: int
    output: int
    batch: int = 1


def lower(network: golden.Network) -> Lowered:
    """Lower ``network``; raises CompileFault, naming the layer, where the core has no way."""
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise CompileFault(f"{network.name}: a network must have one input and one output, not "
                           f"{len(network.inputs)} and {len(network.outputs)}")
    layers: list[LoweredLayer] = []
    host: list[golden.Layer] = []
    aliases: dict[int, int] = {}
    entry = network.inputs[0]
    shapes = {entry: _shape(network.tensors[entry])}
    device = {entry}
    for layer in network.layers:
        if isinstance(layer, golden.Softmax) or not set(layer.sources) <= device:
            host.append(layer)
            continue
        if isinstance(layer, golden.Reshape):
            source = layer.sources[0]
            root = aliases.get(source, source)
            aliases[layer.output] = root
            if root == entry and not layers:
                shapes[root] = _shape(network.tensors[layer.output])
            shapes[layer.output] = shapes[root]
            device.add(layer.output)
            continue
        lowered = _lower_layer(network, layer, shapes, aliases)
        layers.append(lowered)
        shapes[layer.output] = lowered.output_shape
        device.add(layer.output)
    if not layers:
        raise CompileFault(f"{network.name}: no layer runs on the core")
    for layer in host:
        if not isinstance(layer, golden.Softmax | golden.Reshape):
            raise CompileFault(f"layer {layer.name} ({layer.kind}) comes after a host operator; "
                               "only SOFTMAX and RESHAPE may run on the host, at the end")
    last = layers[-1]
    ends = {layer.output for layer in host}
    for layer in host:
        for source in set(layer.sources) - ends:
            if aliases.get(source, source) != last.output:
                raise CompileFault(f"layer {layer.name} ({layer.kind}): the host may only read the "
                                   f"tensor of the core's last layer, {last.name}")
    output = network.outputs[0]
    if output not in ends and aliases.get(output, output) != last.output:
        raise CompileFault(f"layer {last.name} ({last.kind}) comes after the network's output; "
                           "remove it, or make its tensor the output")
    return Lowered(layers=layers, host=host, shapes=shapes, aliases=aliases, input=entry,
                   output=last.output)


def _shape(tensor: golden.Tensor) -> tuple[int, int, int]:
    inner = tuple(tensor.shape[1:])
    if len(inner) > 3:
        raise CompileFault(f"tensor {tensor.name}: at most 3 dimensions besides the batch are "
                           f"supported, not {len(inner)}")
    height, width, channels = (1,) * (3 - len(inner)) + inner
    return height, width, channels


def _lower_layer(network, layer, shapes, aliases) -> LoweredLayer:
    source = aliases.get(layer.sources[0], layer.sources[0])
    shape = shapes[source]
    common = {"name": layer.name, "kind": layer.kind, "source": source, "output": layer.output,
              "source_shape": shape}
    match layer:
        case golden.Convolution() | golden.DepthwiseConvolution():
            if layer.sources[0] in aliases and shape != _shape(network.tensors[layer.sources[0]]):
                raise CompileFault(f"layer {layer.name} ({layer.kind}): its input is a RESHAPE to "
                                   "another height, width or channel count; only a reshape of the "
                                   "network's input or to a vector is supported")
            depthwise = isinstance(layer, golden.DepthwiseConvolution)
            kernel = layer.weights.shape[:2] if depthwise else layer.weights.shape[1:3]
            matrix = not depthwise or max(kernel) > WINDOW
            if max(layer.stride) > 2:
                raise CompileFault(f"layer {layer.name} ({layer.kind}): stride must be 1 or 2, "
                                   f"not {max(layer.stride)}")
            return LoweredLayer(
                **common, opcode=Opcode.MATRIX if matrix else Opcode.WINDOW,
                output_shape=_shape(network.tensors[layer.output]), kernel=tuple(kernel),
                stride=tuple(layer.stride), padding=(layer.padding[0], layer.padding[2]),
                weights=_diagonal(layer.weights) if matrix and depthwise else layer.weights,
                bias=layer.bias, requantise=layer.requantise,
                source_zero_point=layer.source_zero_point, depthwise=depthwise,
                activation_bound=BLOCK if depthwise else _activation_bound(layer, shape))
        case golden.FullyConnected():
            if int(np.prod(shape)) != layer.weights.shape[1]:
                raise CompileFault(f"layer {layer.name} ({layer.kind}): weights expect "
                                   f"{layer.weights.shape[1]} inputs, the tensor has "
                                   f"{int(np.prod(shape))}")
            outputs = layer.weights.shape[0]
            return LoweredLayer(
                **common, opcode=Opcode.MATRIX, output_shape=(1, 1, outputs), kernel=shape[:2],
                stride=(1, 1), padding=(0, 0), weights=layer.weights.reshape(outputs, *shape),
                bias=layer.bias, requantise=layer.requantise,
                source_zero_point=layer.source_zero_point,
                activation_bound=_activation_bound(layer, shape))
        case golden.AveragePool():
            return _average_pool(network, layer, shape, common)
        case golden.Add():
            return _add(layer, shapes, aliases, common)
    raise CompileFault(f"layer {layer.name} ({layer.kind}): the core has no unit for this "
                       "operator")


def _diagonal(weights: np.ndarray) -> np.ndarray:
    """Depthwise weights [kh, kw, C] as those of a convolution [Cout, kh, kw, Cin]: at most one of
    a block of channels is not zero (VDBB, section 3)."""
    channels = np.arange(weights.shape[2])
    spread = np.zeros((len(channels), *weights.shape), weights.dtype)
    spread[channels, :, :, channels] = weights.transpose(2, 0, 1)
    return spread


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
                              low=layer.low, high=layer.high, rounding=Rounding.DOUBLE),
        source_zero_point=layer.zero_points[0], second=second, addition=layer)


def _average_pool(network, layer, shape, common) -> LoweredLayer:
    height, width, channels = shape
    kernel = tuple(layer.kernel)
    output = _shape(network.tensors[layer.output])
    if any(layer.padding):
        raise CompileFault(f"layer {layer.name} ({layer.kind}): padding must be VALID, since "
                           "windows at a padded border average fewer pixels")
    sliding = max(kernel) <= WINDOW
    if not sliding and (kernel[1] != width or output[1] != 1):
        raise CompileFault(f"layer {layer.name} ({layer.kind}): a window wider than {WINDOW} must "
                           f"span the whole width of {width}, not {kernel[1]}")
    if sliding and max(layer.stride) > 2 and output[:2] != (1, 1):
        raise CompileFault(f"layer {layer.name} ({layer.kind}): stride must be 1 or 2, not "
                           f"{max(layer.stride)}")
    count = kernel[0] * kernel[1]
    multiplier, shift, bias = _reciprocal(count)
    one = np.ones(channels, np.int32)
    return LoweredLayer(
        **common, opcode=Opcode.WINDOW, output_shape=output, kernel=kernel,
        stride=(1, 1) if output[:2] == (1, 1) else tuple(layer.stride), padding=(0, 0),
        weights=np.ones((*(min(k, WINDOW) for k in kernel), channels), np.int8),
        bias=one * bias,
        requantise=Requantise(multiplier=one * np.int32(multiplier),
                              shift=one * np.int32(shift), zero_point=0,
                              low=layer.low, high=layer.high, rounding=Rounding.SINGLE),
        source_zero_point=0, magnitude=True, sliding=sliding)


def _reciprocal(count: int) -> tuple[int, int, int]:
    """Multiplier, shift and bias: ``(v + bias) * multiplier >> (31 + shift)`` rounds ``v / count``.

    Half away from zero, exact for ``0 <= v <= 128 * count``, which is checked for each v.
    """
    if count == 1:  # a multiplier of 1 has no Q31; the largest one gives v for v + 1
        return 2**31 - 1, 0, 1
    shift = max((count - 1).bit_length() - 1, 0)
    multiplier = min(-(-(1 << (31 + shift)) // count), 2**31 - 1)
    v = np.arange(128 * count + count // 2 + 1, dtype=np.int64)
    if not np.array_equal((v * multiplier) >> (31 + shift), v // count):
        raise CompileFault(f"average pool: a window of {count} pixels has no exact reciprocal")
    return multiplier, shift, count // 2
