# SPDX-License-Identifier: Apache-2.0
"""The schedule of a layer as the core reads it: an entry for each block that is issued."""

import numpy as np

from ...rtl.operand.schedule import KERNEL_BITS, WORD_BITS, entry_layout
from ...rtl.parameters import AcceleratorParameters
from .fault import CompileFault
from .layout import TensorLayout
from .lower import LoweredLayer
from .plan import BlockPlan
from .reads import tap_offsets

__all__ = ["row_tiles", "schedule_words"]


def row_tiles(layer: LoweredLayer, p: AcceleratorParameters) -> int:
    """Tiles of output pixels of an engine layer."""
    height, width, _ = layer.output_shape
    return -(-height * width // p.facts.rows)


def schedule_words(layer: LoweredLayer, plan: BlockPlan, layout: TensorLayout,
                   p: AcceleratorParameters) -> np.ndarray:
    """The schedule of ``layer`` reading ``layout``, uint64 words; the last may have room left."""
    across, down = tap_offsets(layer, layout)
    place = int(_leaves_input(layer, layout))
    structure = entry_layout(p.address_width)
    entries = []
    for tile in plan.tiles:
        for issued in tile:
            fields = {
                "last": issued is tile[-1],
                "tail": issued.block == layout.blocks - 1,
                "near": issued.near,
                "far": issued.far,
                "steps": issued.steps - 1,
                "kx": place * issued.kx,
                "ky": place * issued.ky,
                "tap": (issued.block * layout.plane + across[issued.kx] + down[issued.ky])
                % (1 << p.address_width),
            }
            entries.append(sum(int(value) << structure[name].offset
                               for name, value in fields.items()))
    bits = WORD_BITS // p.schedule_entries
    spare = -len(entries) % p.schedule_entries
    packed = np.array(entries + [0] * spare, f"<u{bits // 8}")
    return packed.view("<u8").astype(np.uint64)


def _leaves_input(layer: LoweredLayer, layout: TensorLayout) -> bool:
    """Whether a tap may be outside the input; raises CompileFault where its kernel is too large."""
    spans = [(count - 1) * stride + kernel for count, stride, kernel in zip(
        layer.output_shape, layer.stride, layer.kernel, strict=False)]
    if not any(layer.padding) and spans[0] <= layout.height and spans[1] <= layout.width:
        return False
    if max(layer.kernel) > 1 << KERNEL_BITS:
        raise CompileFault(
            f"layer {layer.name} ({layer.kind}): a kernel that leaves the input must be at most "
            f"{1 << KERNEL_BITS}x{1 << KERNEL_BITS}, not {layer.kernel[0]}x{layer.kernel[1]}")
    return True
