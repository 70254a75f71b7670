# SPDX-License-Identifier: Apache-2.0
"""Batches: several inputs in one run, side by side as the pixels of a row."""

from dataclasses import replace

from ...rtl.sequencer.descriptor import Opcode
from .fault import CompileFault
from .lower import Lowered, LoweredLayer

__all__ = ["MAX_BATCH", "batched"]

MAX_BATCH = 1024


def batched(lowered: Lowered, count: int) -> Lowered:
    """``lowered`` for ``count`` inputs a run: pixel k of every tensor belongs to input k.

    A fully connected layer becomes a 1x1 convolution over them, which fills the array's rows.
    Raises CompileFault where a layer looks at more than one pixel.
    """
    if not 1 <= count <= MAX_BATCH:
        raise CompileFault(f"--batch must be 1 to {MAX_BATCH}, not {count}")
    if count == 1:
        return lowered
    for layer in lowered.layers:
        if layer.opcode is Opcode.WINDOW or any(
                shape[:2] != (1, 1) for shape in (layer.source_shape, layer.output_shape)):
            raise CompileFault(
                f"layer {layer.name} ({layer.kind}): --batch needs a network whose layers are all "
                "FULLY_CONNECTED or ADD of vectors, so that inputs can be pixels; leave it out")

    def widened(layer: LoweredLayer) -> LoweredLayer:
        return replace(layer, source_shape=(1, count, layer.source_shape[2]),
                       output_shape=(1, count, layer.output_shape[2]))

    return replace(lowered, batch=count, layers=[widened(layer) for layer in lowered.layers],
                   shapes={tensor: (1, count, shape[2])
                           for tensor, shape in lowered.shapes.items()})
