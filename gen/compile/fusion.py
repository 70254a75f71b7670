# SPDX-License-Identifier: Apache-2.0
"""Fused layers: the engine takes the results of a depthwise convolution, or of another sliding
window, as they come."""

from collections import Counter

from ...golden.dbb import BLOCK
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from .lower import Lowered, LoweredLayer

__all__ = ["fusible_layers"]


def fusible_layers(lowered: Lowered, p: AcceleratorParameters) -> list[int]:
    """Indices of layers that can run together with the next one: a sliding window whose tensor
    only the next layer, a 1x1 convolution, reads, and whose channels the buffer holds."""
    readers = Counter(source for layer in lowered.layers for source in layer.sources)
    readers.update(part for join in lowered.joins for part in join.parts)
    readers.update(whole for whole, _ in lowered.inside.values())
    return [index for index, (first, second) in enumerate(
                zip(lowered.layers, lowered.layers[1:], strict=False))
            if _joins(first, second, p) and readers[first.output] == 1
            and first.output not in lowered.aliases.values()]


def _joins(first: LoweredLayer, second: LoweredLayer, p: AcceleratorParameters) -> bool:
    return (first.opcode is Opcode.WINDOW and second.opcode is Opcode.MATRIX
            and first.condition == second.condition and first.judgement is None
            and first.sliding and second.source == first.output
            and second.source_shape == first.output_shape
            and second.kernel == second.stride == (1, 1) and second.padding == (0, 0)
            and -(-second.source_shape[2] // BLOCK) <= p.fused_blocks)
