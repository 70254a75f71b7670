# SPDX-License-Identifier: Apache-2.0
"""Networks for cores without a vector unit: its layers as convolutions of the engine."""

from dataclasses import replace

import numpy as np

from ...rtl.sequencer.descriptor import Opcode
from .fault import CompileFault
from .lower import Lowered, LoweredLayer
from .windows import diagonal

__all__ = ["as_convolution", "on_engine"]


def on_engine(lowered: Lowered) -> Lowered:
    """``lowered`` with every layer on the engine: a depthwise layer or a window's sum as a
    convolution in which an output channel has weights for one input channel (VDBB, section 3).

    Raises CompileFault for a layer that is none.
    """
    return replace(lowered, layers=[as_convolution(layer) for layer in lowered.layers])


def as_convolution(layer: LoweredLayer) -> LoweredLayer:
    """A layer of the vector unit as a convolution; others as they are. Raises CompileFault for one
    that is none."""
    if layer.opcode is Opcode.MATRIX:
        return layer
    if layer.opcode is Opcode.ADD or layer.maximum:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): it needs a vector unit; set "
                           "vector.lanes to 8 or more")
    weights = layer.weights
    if not layer.sliding:  # equal weights, of which three by three stand for all
        weights = np.broadcast_to(weights[0, 0], (*layer.kernel, weights.shape[2]))
    return replace(layer, opcode=Opcode.MATRIX, depthwise=True, sliding=True,
                   weights=diagonal(layer, weights))
