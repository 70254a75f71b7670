# SPDX-License-Identifier: Apache-2.0
"""Where the elements of a tensor lie in the compact core's memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ....rtl.compact.parameters import CompactParameters
from ..allocate import check_activations, lifetimes
from ..layout import TensorLayout
from ..lower import Lowered

__all__ = ["PixelLayout", "allocate"]


@dataclass(frozen=True, kw_only=True)
class PixelLayout(TensorLayout):
    """A tensor pixel by pixel: ``address(y, x, b) = base + y * pitch + x * step + b``, in 64-bit
    words, for channel block ``b``."""

    step: int

    @classmethod
    def dense(cls, height: int, width: int, channels: int) -> "PixelLayout":
        """Without gaps."""
        blocks = -(-channels // 8)
        return cls(height=height, width=width, channels=channels, step=blocks,
                   pitch=width * blocks, plane=1)

    @property
    def words(self) -> int:
        """64-bit words from the first element's to the last's."""
        return (self.height - 1) * self.pitch + (self.width - 1) * self.step + self.blocks

    def addresses(self) -> np.ndarray:
        """Word addresses, shape (height, width, blocks)."""
        y, x, b = np.ogrid[:self.height, :self.width, :self.blocks]
        return self.base + y * self.pitch + x * self.step + b

    def corner(self, pad_y: int, pad_x: int) -> int:
        """Address of block 0 at row ``-pad_y``, column ``-pad_x`` (may be negative)."""
        return self.base - pad_y * self.pitch - pad_x * self.step

    def part(self, shape: tuple[int, int, int], corner: tuple[int, int, int]) -> "PixelLayout":
        """A tensor of ``shape`` (height, width, channels) in this one, from ``corner`` (row,
        column, channel block) on."""
        (height, width, channels), (row, column, block) = shape, corner
        return replace(self, height=height, width=width, channels=channels,
                       base=self.corner(-row, -column) + block)


def allocate(lowered: Lowered, p: CompactParameters) -> Mapping[int, PixelLayout]:
    """Layout of every tensor, by index. Tensors share words where they do not live at the same time
    (first fit, in order of birth); parts lie in their whole. Raises CompileFault with the memory
    that would be needed."""
    lives = lifetimes(lowered)
    layouts: dict[int, PixelLayout] = {}
    for index in sorted(lives.born, key=lives.born.__getitem__):
        layout = PixelLayout.dense(*lowered.shapes[index])
        base = 0
        for other in sorted((other for name, other in layouts.items()
                             if lives.death[name] >= lives.born[index]),
                            key=lambda other: other.base):
            if base + layout.words <= other.base:
                break
            base = max(base, other.base + other.words)
        layouts[index] = replace(layout, base=base)
    check_activations(max(layout.base + layout.words for layout in layouts.values()), p)
    return layouts | {index: layouts[root].part(lowered.shapes[index], corner)
                      for index, (root, corner) in lives.places.items() if index != root}
