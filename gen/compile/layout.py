# SPDX-License-Identifier: Apache-2.0
"""Where the elements of a tensor lie in an activation bank group."""

from dataclasses import dataclass, replace

import numpy as np

from ...golden.dbb import BLOCK
from ...rtl.frames.handoff import SlotLayout

__all__ = ["TensorLayout", "shape_words"]


def shape_words(shape: tuple[int, int, int]) -> int:
    """64-bit words that a tensor of ``(height, width, channels)`` fills, in any layout."""
    height, width, channels = shape
    return height * width * -(-channels // BLOCK)


@dataclass(frozen=True, kw_only=True)
class TensorLayout:
    """Word addresses of a ``height x width x channels`` tensor; a word is a block of channels.

    ``address(y, x, b) = base + b * plane + (y % split) * phase_y + (x % split) * phase_x
    + (y // split) * pitch + x // split`` for channel block ``b``. ``split`` 2 keeps even and odd
    rows and columns apart, for a reader of stride 2. All in 64-bit words. Channel k in memory is
    the model's channel ``order[k]``, or k where there is no ``order``.
    """

    height: int
    width: int
    channels: int
    split: int = 1
    pitch: int
    phase_x: int = 0
    phase_y: int = 0
    plane: int
    group: int = 0
    base: int = 0
    order: tuple[int, ...] = ()

    @classmethod
    def plan(cls, height: int, width: int, channels: int, *, split: int = 1,
             extra_pitch: int = 0) -> "TensorLayout":
        """The densest layout with an odd plane, widened by the extra words asked for."""
        pitch = -(-width // split) + extra_pitch
        phase = -(-height // split) * pitch
        plane = phase * split * split
        return cls(height=height, width=width, channels=channels, split=split, pitch=pitch,
                   phase_x=phase if split == 2 else 0, phase_y=2 * phase if split == 2 else 0,
                   plane=plane | 1)

    @classmethod
    def of_slot(cls, slots: SlotLayout) -> "TensorLayout":
        """The layout of slot 0."""
        split = 1 if slots.step_x == (1, 1) else 2
        return cls(height=slots.height, width=slots.width, channels=slots.channels, split=split,
                   pitch=sum(slots.step_y) * split // 2,
                   phase_x=slots.step_x[0] * (split - 1), phase_y=slots.step_y[0] * (split - 1),
                   plane=slots.plane)

    @property
    def blocks(self) -> int:
        """Channel blocks of 8, the last one padded."""
        return -(-self.channels // BLOCK)

    @property
    def words(self) -> int:
        """64-bit words from the first element's to the last's."""
        ends = [(y % self.split) * self.phase_y + (x % self.split) * self.phase_x
                + (y // self.split) * self.pitch + x // self.split
                for y in range(max(self.height - 2, 0), self.height)
                for x in range(max(self.width - 2, 0), self.width)]
        return (self.blocks - 1) * self.plane + max(ends) + 1

    def word_groups(self, count: int) -> int:
        """Groups of ``count`` words that cover the tensor as it lies."""
        return -(-self.words // count)

    def addresses(self) -> np.ndarray:
        """Word addresses, shape (height, width, blocks)."""
        y, x, b = np.ogrid[:self.height, :self.width, :self.blocks]
        s = self.split
        return (self.base + b * self.plane + (y % s) * self.phase_y + (x % s) * self.phase_x
                + (y // s) * self.pitch + x // s)

    @property
    def steps_x(self) -> tuple[int, int]:
        """Address increments from an even and from an odd column to the next."""
        return (self.phase_x, 1 - self.phase_x) if self.split == 2 else (1, 1)

    @property
    def steps_y(self) -> tuple[int, int]:
        """Address increments from an even and from an odd row to the next."""
        if self.split == 2:
            return (self.phase_y, self.pitch - self.phase_y)
        return (self.pitch, self.pitch)

    def corner(self, pad_y: int, pad_x: int) -> int:
        """Address of block 0 at row ``-pad_y``, column ``-pad_x`` (may be negative)."""
        s = self.split
        return (self.base + (-pad_y % s) * self.phase_y + (-pad_x % s) * self.phase_x
                + (-pad_y // s) * self.pitch + -pad_x // s)

    def part(self, shape: tuple[int, int, int], corner: tuple[int, int, int]) -> "TensorLayout":
        """A tensor of ``shape`` (height, width, channels) in this one, from ``corner`` (row,
        column, channel block) on; row and column are even where rows and columns are split."""
        (height, width, channels), (row, column, block) = shape, corner
        return replace(self, height=height, width=width, channels=channels,
                       base=self.corner(-row, -column) + block * self.plane)

    def arrange(self, values: np.ndarray) -> np.ndarray:
        """``values`` [..., channels] of the model in the order of memory."""
        return values[..., self.order] if self.order else values

    def restore(self, values: np.ndarray) -> np.ndarray:
        """``values`` [..., channels] of the memory in the model's order."""
        return values[..., np.argsort(self.order)] if self.order else values

    def pack(self, values: np.ndarray) -> dict[int, int]:
        """64-bit words by address, of an int8 array (height, width, channels); pads are 0."""
        padded = np.zeros((self.height, self.width, self.blocks * BLOCK), np.int8)
        padded[..., :self.channels] = self.arrange(values)
        words = np.ascontiguousarray(padded).view("<u8")
        return dict(zip(self.addresses().ravel().tolist(), words.ravel().tolist(), strict=True))

    def unpack(self, words: np.ndarray) -> np.ndarray:
        """The int8 tensor from ``words``, a uint64 array of the whole bank group."""
        blocks = np.ascontiguousarray(words[self.addresses()]).view(np.int8)
        return self.restore(blocks.reshape(self.height, self.width, -1)[..., :self.channels])
