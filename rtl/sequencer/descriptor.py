# SPDX-License-Identifier: Apache-2.0
"""The program image as the core reads it: header, layer descriptors, weight trailer.

A descriptor row is 128 bits of program memory. An image starts with ``HEADER_ROWS`` rows of
``Header``; ``Descriptor``s of ``DESCRIPTOR_ROWS`` rows follow, one a layer. The row behind the last
weight row is a ``Trailer`` that repeats the image's check sum, so that an image that was loaded
only in part is refused.

Addresses are 64-bit words of an activation bank group, modulo its size, so that an increment may
stand for a step back. ``tap_x``, ``tap_y``, ``destination_x`` and ``destination_y`` hold two
increments that take turns: a tensor read with stride 2 is stored as its even and odd columns (and
rows) apart, so that neighbouring output pixels read neighbouring words.
"""

import enum

from amaranth import signed
from amaranth.lib import data

__all__ = [
    "DESCRIPTOR_MAGIC",
    "DESCRIPTOR_ROWS",
    "HEADER_MAGIC",
    "HEADER_ROWS",
    "IMAGE_VERSION",
    "ROW_BITS",
    "TRAILER_MAGIC",
    "Descriptor",
    "Header",
    "Opcode",
    "Rounding",
    "Trailer",
]

ROW_BITS = 128
HEADER_ROWS = 8
HEADER_MAGIC = 0x53595354
TRAILER_MAGIC = 0x454E4444
DESCRIPTOR_MAGIC = 0xD5
IMAGE_VERSION = 3


class Opcode(enum.IntEnum):
    """What a layer does, and the unit that does it."""

    MATRIX = 1  # engine: convolution, fully connected
    WINDOW = 2  # vector unit: depthwise convolution, average pool
    ADD = 3     # vector unit: element-wise sum of two tensors


class Rounding(enum.IntEnum):
    """How the requantiser rounds."""

    DOUBLE = 0     # Q31 high product rounded, then shifted and rounded (gemmlowp)
    SINGLE = 1     # one rounding of the whole product, half away from zero
    MAGNITUDE = 2  # |sum| plus bias, product truncated, sign restored (average pool)


Header = data.StructLayout({
    "magic": 32,
    "version": 16,
    "layers": 16,
    "spec_hash": 64,
    "check": 32,
    "trailer_row": 32,
    "program_rows": 32,
    "reserved": 32,
})

Trailer = data.StructLayout({"magic": 32, "check": 32})

Descriptor = data.StructLayout({
    "magic": 8,
    "opcode": 4,
    "source_group": 1,
    "destination_group": 1,
    "signed_activations": 1,
    "rounding": 2,
    "sliding": 1,
    "pad_value": 8,
    "split_passes": 1,
    "reserved": 5,
    # requantiser
    "zero_point": signed(8),
    "low": signed(8),
    "high": signed(8),
    # held weights
    "pass_steps": 4,
    "last_channels": 4,
    "parameter_row": 32,
    "weight_row": 32,
    # geometry
    "out_width": 16,
    "out_height": 16,
    "in_width": 16,
    "in_height": 16,
    "kernel_width": 8,
    "kernel_height": 8,
    "pad_x": 8,
    "pad_y": 8,
    "channel_blocks": 16,
    "column_tiles": 16,
    "steps": 4,
    "last_steps": 4,
    "stride_x": 4,
    "stride_y": 4,
    "destination_blocks": 16,
    # source addresses
    "pixel_base": 32,
    "pixel_x": 32,
    "pixel_y": 32,
    "tap_x": data.ArrayLayout(32, 2),
    "tap_y": data.ArrayLayout(32, 2),
    "tap_channel": 32,
    # destination addresses
    "destination_base": 32,
    "destination_x": data.ArrayLayout(32, 2),
    "destination_y": data.ArrayLayout(32, 2),
    "destination_plane": 32,
    # vector unit
    "span": 16,
    "row_groups": 16,
    "row_group_step": 32,
    "second_base": 32,
    "second_group": 1,
    "reserved_2": 31,
    # element-wise sum: the first operand, the second, their sum
    "first_zero_point": signed(8),
    "second_zero_point": signed(8),
    "reserved_3": 16,
    "sum_multipliers": data.ArrayLayout(32, 3),
    "sum_shifts": data.ArrayLayout(5, 3),
    "reserved_4": 17,
})

DESCRIPTOR_ROWS = -(-Descriptor.size // ROW_BITS)
assert Descriptor.size == DESCRIPTOR_ROWS * ROW_BITS and Header.size <= HEADER_ROWS * ROW_BITS
