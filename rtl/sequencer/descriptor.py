# SPDX-License-Identifier: Apache-2.0
"""The program image as the core reads it: header, layer descriptors, weight trailer.

A descriptor row is 128 bits of program memory. An image starts with ``HEADER_ROWS`` rows of
``Header``; ``Descriptor``s of ``DESCRIPTOR_ROWS`` rows follow, one a layer, and where the input
comes in two slots once more for slot 1. What is loaded last
ends with a ``Trailer`` that repeats the image's check sum, so that an image that was loaded only in
part is refused: the row behind the last one of on-chip weights, or, of weights in external memory,
of the program. A layer of the engine has its blocks listed in schedule memory
(``rtl/operand/schedule.py``).

Addresses are 64-bit words of an activation bank group, modulo its size, so that an increment may
stand for a step back. ``tap_x``, ``tap_y``, ``destination_x`` and ``destination_y`` hold two
increments that take turns: a tensor read with stride 2 is stored as its even and odd columns (and
rows) apart, so that neighbouring output pixels read neighbouring words.
"""

import enum

from amaranth import Value, signed
from amaranth.lib import data

__all__ = [
    "DESCRIPTOR_MAGIC",
    "DESCRIPTOR_ROWS",
    "FLAGS",
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
    "covers",
    "joins",
]

ROW_BITS = 128
HEADER_ROWS = 8
HEADER_MAGIC = 0x53595354
TRAILER_MAGIC = 0x454E4444
DESCRIPTOR_MAGIC = 0xD5
IMAGE_VERSION = 6
FLAGS = 16
"""Flags on which layers may depend."""


class Opcode(enum.IntEnum):
    """What a layer does, and the unit that does it."""

    MATRIX = 1  # engine: convolution, fully connected
    WINDOW = 2  # vector unit: depthwise convolution, pools, copies
    ADD = 3     # vector unit: element-wise sum of two tensors


class Rounding(enum.IntEnum):
    """How the requantiser rounds."""

    DOUBLE = 0     # Q31 high product rounded, then shifted and rounded (gemmlowp)
    SINGLE = 1     # one rounding of the whole product, half away from zero
    MAGNITUDE = 2  # |sum| plus bias, product truncated, sign restored (average pool)
    FLOAT = 3      # to 24 significant bits, then to an integer, both half to even (float32)


Header = data.StructLayout({
    "magic": 32,
    "version": 16,
    "layers": 16,
    "spec_hash": 64,
    "check": 32,
    "trailer_row": 32,
    "program_rows": 32,
    "transfer_row": 32,   # of the first transfer, from the program base on
    "transfers": 16,
    "slot_rows": 16,      # from the descriptors to those for frames in slot 1, if there are any
})

Trailer = data.StructLayout({"magic": 32, "check": 32})

Descriptor = data.StructLayout({
    "magic": 8,                # DESCRIPTOR_MAGIC
    "opcode": 4,
    "source_group": 1,         # bank groups; they differ, but for ADD
    "destination_group": 1,
    "signed_activations": 1,   # operands are raw int8, otherwise x + 128 as unsigned bytes
    "rounding": 2,
    "sliding": 1,              # WINDOW: windows overlap along a row; else they are cut in threes
    "pad_value": 8,            # operand of a pixel outside the input
    "split_passes": 1,         # held weights: passes share out a block's positions
    "fused": 1,                # WINDOW: runs with the next layer, which takes its results
    "maximum": 1,              # WINDOW: the largest operand of each window, not a sum of products
    "conditional": 1,          # the layer runs only if flag ``condition`` is ``condition_value``
    "condition_value": 1,
    "judges": 1,               # flag ``judged`` becomes whether a result is above ``threshold``
    # requantiser
    "zero_point": signed(8),   # of the result
    "low": signed(8),          # clamp
    "high": signed(8),
    # held weights
    "pass_steps": 4,           # steps of a pass: activations that a block of weights meets
    "last_channels": 4,        # channels of the source's last block
    "parameter_row": 32,       # of the layer's requantiser parameters, from the program base on
    "weight_row": 32,          # of the layer's first weights, from the weight base on
    # geometry, in pixels
    "out_width": 16,           # ADD: groups of words that the vector unit takes at once
    "out_height": 16,
    "in_width": 16,
    "in_height": 16,
    "kernel_width": 8,
    "kernel_height": 8,
    "pad_x": 8,                # left
    "pad_y": 8,                # top
    "channel_blocks": 16,      # of the source
    "column_tiles": 16,        # tiles of output channels: the array's columns, or vector lanes
    "condition": 4,
    "judged": 4,
    "stride_x": 4,
    "stride_y": 4,
    "destination_blocks": 16,  # channel blocks of a result pixel
    # source addresses
    "pixel_base": 32,          # of output pixel (0, 0) at tap (0, 0)
    "pixel_x": 32,             # from one output pixel to the next
    "pixel_y": 32,
    "tap_x": data.ArrayLayout(32, 2),  # from one tap to the next
    "tap_y": data.ArrayLayout(32, 2),
    "tap_channel": 32,         # from one channel block to the next
    # destination addresses
    "destination_base": 32,
    "destination_x": data.ArrayLayout(32, 2),
    "destination_y": data.ArrayLayout(32, 2),
    "destination_plane": 32,   # from one channel block to the next
    # vector unit
    "span": 16,                # WINDOW: window columns read for a row of output pixels
    "row_groups": 8,           # kernel rows in threes
    "threshold": signed(8),    # of a layer that judges
    "row_group_step": 32,      # from one three to the next; ADD: FLOAT adds it to the first
    "second_base": 32,         # ADD: the second operand's first word
    "second_group": 1,
    "schedule_row": 31,        # MATRIX: of the layer's first entry, from the schedule base on
    # element-wise sum: the first operand, the second, their sum
    "first_zero_point": signed(8),
    "second_zero_point": signed(8),
    "row_tiles": 16,           # MATRIX: tiles of output pixels: the array's rows
    "sum_multipliers": data.ArrayLayout(32, 3),
    "sum_shifts": data.ArrayLayout(5, 3),
    "transfers": 16,           # of the run, that must be complete before the layer begins
    "reserved_3": 1,
})

DESCRIPTOR_ROWS = -(-Descriptor.size // ROW_BITS)
assert Descriptor.size == DESCRIPTOR_ROWS * ROW_BITS and Header.size <= HEADER_ROWS * ROW_BITS


def covers(tiles: Value, blocks: int, destination_blocks: Value) -> Value:
    """Whether ``tiles`` of ``blocks`` channel blocks each are just enough."""
    capacity = tiles * blocks
    return (capacity >= destination_blocks) & (capacity < destination_blocks + blocks)


def joins(vector, matrix, blocks: int) -> Value:
    """Whether the vector unit's layer makes what the engine's takes, it fits the buffer, and
    what is read lies apart from what is written."""
    return ((vector.source_group != matrix.destination_group)
            & (vector.out_width == matrix.out_width) & (vector.out_height == matrix.out_height)
            & vector.sliding & (vector.destination_blocks == matrix.channel_blocks)
            & (matrix.channel_blocks <= blocks)
            & (matrix.kernel_width == 1) & (matrix.kernel_height == 1))
