# SPDX-License-Identifier: Apache-2.0
"""The program image as the compact core reads it.

``Header`` and ``Trailer`` are those of ``rtl/sequencer/descriptor.py``, one at the start of the
program region and one behind the weights. ``Descriptor``s follow the header, ``DESCRIPTOR_WORDS``
words each, no field across words.

A layer's weights are one record a group of ``LANES`` output channels, back to back:

- rows of the requantiser, a byte each with a bit a lane: ``MULTIPLIER_ROWS`` for the bits of the
  multipliers, lowest first, then those that shift a lane's result (``scale_rows``); whole words;
- ``BIAS_WORDS`` words of biases, 32 bits a lane;
- the weights in the order of their use, a byte a lane: by kernel row, kernel column and input
  channel.

Addresses are 64-bit words of the whole memory, modulo its size. A tensor lies pixel by pixel, a
word a block of 8 channels.
"""

from amaranth import signed
from amaranth.lib import data

from ..sequencer.descriptor import HEADER_ROWS, ROW_BITS

__all__ = ["BIAS_WORDS", "DESCRIPTOR_WORDS", "HEADER_WORDS", "MULTIPLIER_ROWS", "WORDS_READ",
           "CompactDescriptor", "row_words"]

HEADER_WORDS = HEADER_ROWS * ROW_BITS // 64
MULTIPLIER_ROWS = 32
BIAS_WORDS = 4

CompactDescriptor = data.StructLayout({
    "magic": 8,                # DESCRIPTOR_MAGIC
    "own_channel": 1,          # a lane takes its own channel only: depthwise, pools
    "single": 1,               # one rounding of the whole product, else gemmlowp's two
    "scale_rows": 6,           # rows that shift: the largest shift of the layer
    "zero_point": signed(8),   # of the result
    "low": signed(8),          # clamp
    "high": signed(8),
    "groups": 8,               # of output channels
    "blocks": 8,               # words that are read for a tap
    "last_channel": 8,         # number of the last channel in the last of them
    # geometry, in pixels
    "out_width": 8,
    "out_height": 8,
    "in_width": 8,
    "in_height": 8,
    "kernel_width": 8,
    "kernel_height": 8,
    "x_start": 8,              # column of the first tap, modulo 256
    "y_start": 8,
    # addresses
    "source": 16,              # of the first tap
    "pixel_x": 16,             # from one output pixel to the next
    "pixel_y": 16,
    "tap_x": 16,               # from the last block of a tap to the first one of the next
    "tap_y": 16,               # from one kernel row to the next
    "destination": 16,
    "destination_x": 16,
    "destination_y": 16,       # from the last pixel of a row to the first one of the next
    "records": 16,             # of the first group's record
    "outside": 16,             # of a word for pixels outside the input
    "stride_x": 4,
    "stride_y": 4,
    "reserved": 24,
    "spare": 64,
})

DESCRIPTOR_WORDS = CompactDescriptor.size // 64
WORDS_READ = DESCRIPTOR_WORDS - 1
"""Words of a descriptor that say something."""


def row_words(scale_rows: int) -> int:
    """Words of a record's rows."""
    return (MULTIPLIER_ROWS + scale_rows + 7) // 8
