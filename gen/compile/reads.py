# SPDX-License-Identifier: Apache-2.0
"""What a layer reads, where, and in how many cycles: a gather request costs what its fullest bank
holds of it."""

import numpy as np

from ...rtl.parameters import AcceleratorParameters
from ...rtl.vector.window import WINDOW
from .layout import TensorLayout
from .lower import LoweredLayer

__all__ = ["by_tile", "matrix_fetched", "matrix_inside", "matrix_reads", "source_increments",
           "tap_offsets", "tile_pixels", "tiled_window_inside", "tiled_window_reads",
           "window_inside", "window_patterns", "window_places", "window_reads", "window_total"]


def source_increments(layer: LoweredLayer, layout: TensorLayout) -> dict:
    """Address increments of ``layer`` reading ``layout``, as the descriptor states them."""
    pad_y, pad_x = layer.padding
    steps_x, steps_y = layout.steps_x, layout.steps_y
    scale_y, scale_x = (stride // layout.split for stride in layer.stride)
    return {
        "pixel_base": layout.corner(pad_y, pad_x),
        "pixel_x": scale_x,
        "pixel_y": scale_y * layout.pitch,
        "tap_x": (steps_x[pad_x % 2], steps_x[1 - pad_x % 2]),
        "tap_y": (steps_y[pad_y % 2], steps_y[1 - pad_y % 2]),
        "tap_channel": layout.plane,
    }


def tap_offsets(layer: LoweredLayer, layout: TensorLayout) -> tuple[np.ndarray, np.ndarray]:
    """Words from tap 0 to each tap of a row, and of a column, of the kernel."""
    inc = source_increments(layer, layout)
    return _offsets(layer.kernel[1], inc["tap_x"]), _offsets(layer.kernel[0], inc["tap_y"])


def _offsets(count: int, steps: tuple[int, int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([steps[i % 2] for i in range(count - 1)])]).astype(int)


def _fullest(banks: np.ndarray, inside: np.ndarray, count: int) -> np.ndarray:
    """Most words in one bank, over the last axis; at least 1."""
    hits = (banks[..., None] == np.arange(count)) & inside[..., None]
    return np.maximum(hits.sum(-2).max(-1), 1)


def tile_pixels(layer: LoweredLayer, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Output row, column and presence of the pixel of every array row, tile after tile."""
    height, width, _ = layer.output_shape
    oy, ox = (axis.ravel() for axis in np.mgrid[:height, :width])
    tiles = -(-oy.size // rows)
    spare = tiles * rows - oy.size
    valid = np.pad(np.ones(oy.size, bool), (0, spare))
    return np.pad(oy, (0, spare)), np.pad(ox, (0, spare)), valid


def matrix_inside(layer: LoweredLayer, layout: TensorLayout,
                  p: AcceleratorParameters) -> np.ndarray:
    """Which array rows want a word for each tap, shape (tiles, kh, kw, rows).

    The same for every channel block and every column tile.
    """
    (kh, kw), (stride_y, stride_x), (pad_y, pad_x) = layer.kernel, layer.stride, layer.padding
    oy, ox, valid = (axis.reshape(-1, 1, 1, p.facts.rows)
                     for axis in tile_pixels(layer, p.facts.rows))
    ix = ox * stride_x - pad_x + np.arange(kw)[:, None]
    iy = oy * stride_y - pad_y + np.arange(kh)[:, None, None]
    return valid & (ix >= 0) & (ix < layout.width) & (iy >= 0) & (iy < layout.height)


def matrix_fetched(layer: LoweredLayer, layout: TensorLayout,
                   p: AcceleratorParameters) -> np.ndarray:
    """Of ``matrix_inside`` the words that are read: [0] by blocks with words of their own, [1] by
    shared ones, whose other words come from a neighbour's earlier tap."""
    rows = p.facts.rows
    _, ox, valid = (axis.reshape(-1, 1, 1, rows) for axis in tile_pixels(layer, rows))
    joined = np.zeros(valid.shape, bool)  # the next row's pixel is the right-hand neighbour
    joined[..., :-1] = (valid & (ox != 0))[..., 1:]
    inside = matrix_inside(layer, layout, p)
    return np.stack([inside, inside & ~joined])


def matrix_reads(layer: LoweredLayer, layout: TensorLayout,
                 p: AcceleratorParameters) -> np.ndarray:
    """Read cycles of every gather request, shape (2, tiles, kh, kw, pieces).

    [0] of blocks with words of their own, [1] of shared ones. The same for every channel block
    and every column tile.
    """
    inc = source_increments(layer, layout)
    kh, kw = layer.kernel
    rows, lanes = p.facts.rows, p.matrix_lanes
    oy, ox, _ = tile_pixels(layer, rows)
    fetched = matrix_fetched(layer, layout, p)
    tiles = fetched.shape[1]
    pixel = inc["pixel_base"] + oy * inc["pixel_y"] + ox * inc["pixel_x"]
    tap_x, tap_y = tap_offsets(layer, layout)
    costs = np.empty((2, tiles, kh, kw, rows // lanes), int)
    shape = (tiles, rows // lanes, lanes)
    for kx in range(kw):
        for ky in range(kh):
            banks = (pixel + tap_x[kx] + tap_y[ky]) % p.banks
            costs[:, :, ky, kx] = _fullest(np.broadcast_to(banks.reshape(shape), (2, *shape)),
                                           fetched[:, :, ky, kx].reshape(2, *shape), p.banks)
    return costs


def window_places(layer: LoweredLayer, layout: TensorLayout, p: AcceleratorParameters
                  ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source row, column and channel block of every word of every window column, inside or not,
    and its kernel row.

    They broadcast to (channel groups, output rows, row groups, span, ``WINDOW``, vector blocks).
    """
    (kh, kw), (stride_y, stride_x), (pad_y, pad_x) = layer.kernel, layer.stride, layer.padding
    height, width, _ = layer.output_shape
    row_groups = 1 if layer.sliding else -(-kh // WINDOW)
    span = kw + (width - 1) * stride_x if layer.sliding else kw
    groups = -(-layout.blocks // p.vector_blocks)
    g, oy, rg, j, dy, b = np.ogrid[:groups, :height, :row_groups, :span, :WINDOW,
                                   :p.vector_blocks]
    kernel_row = rg * WINDOW + dy
    return oy * stride_y - pad_y + kernel_row, j - pad_x, g * p.vector_blocks + b, kernel_row


def window_inside(layer: LoweredLayer, layout: TensorLayout,
                  p: AcceleratorParameters) -> np.ndarray:
    """Which lanes read a word for each window column.

    Shape (channel groups, output rows, row groups, span, ``WINDOW`` * vector blocks).
    """
    y, x, block, kernel_row = window_places(layer, layout, p)
    inside = ((y >= 0) & (y < layout.height) & (x >= 0) & (x < layout.width)
              & (kernel_row < layer.kernel[0]) & (block < layout.blocks))
    return inside.reshape(*inside.shape[:4], WINDOW * p.vector_blocks)


def window_reads(layer: LoweredLayer, layout: TensorLayout,
                 p: AcceleratorParameters) -> np.ndarray:
    """Read cycles of every window column, shape (channel groups, output rows, row groups, span)."""
    return _column_reads(layer, layout, window_inside(layer, layout, p), p)


def window_patterns(layer: LoweredLayer, layout: TensorLayout,
                    p: AcceleratorParameters) -> tuple[np.ndarray, np.ndarray]:
    """Of all columns of ``window_inside`` those that differ, [patterns, lanes], and how often each
    occurs: the same for every pitch and plane of ``layout``."""
    lanes = WINDOW * p.vector_blocks
    columns = window_inside(layer, layout, p).reshape(-1, lanes)
    _, first, counts = np.unique(np.packbits(columns, axis=1), axis=0, return_index=True,
                                 return_counts=True)
    return columns[first], counts


def window_total(layer: LoweredLayer, layout: TensorLayout,
                 patterns: tuple[np.ndarray, np.ndarray], p: AcceleratorParameters) -> int:
    """The sum of ``window_reads``, by ``window_patterns``."""
    columns, counts = patterns
    return int(_column_reads(layer, layout, columns, p) @ counts)


def _column_reads(layer: LoweredLayer, layout: TensorLayout, inside: np.ndarray,
                  p: AcceleratorParameters) -> np.ndarray:
    """Read cycles of columns, of whose lanes those ``inside`` [..., lanes] read."""
    inc = source_increments(layer, layout)
    offsets = (_offsets(WINDOW, inc["tap_y"])[:, None]
               + np.arange(p.vector_blocks) * inc["tap_channel"])
    return _fullest(np.broadcast_to((offsets % p.banks).ravel(), inside.shape), inside, p.banks)


def tiled_window_inside(layer: LoweredLayer, layout: TensorLayout,
                        p: AcceleratorParameters) -> list[list[np.ndarray]]:
    """As ``window_inside``, of windows that start anew in every tile of the array: for each tile
    and channel group an array (columns, lanes)."""
    return by_tile(layer, window_inside(layer, layout, p), p)


def tiled_window_reads(layer: LoweredLayer, layout: TensorLayout,
                       p: AcceleratorParameters) -> list[list[np.ndarray]]:
    """As ``window_reads``: for each tile and channel group the columns' read cycles."""
    return by_tile(layer, window_reads(layer, layout, p), p)


def by_tile(layer: LoweredLayer, columns: np.ndarray,
            p: AcceleratorParameters) -> list[list[np.ndarray]]:
    """Columns (groups, output rows, 1, span, ...) of a sliding window, tile by tile of the array:
    for each tile and channel group an array (columns, ...)."""
    height, width, _ = layer.output_shape
    stride, kernel, rows = layer.stride[1], layer.kernel[1], p.facts.rows
    tiles = []
    for start in range(0, height * width, rows):
        end = min(start + rows, height * width)
        segments = [(y, max(start - y * width, 0), min(end - y * width, width))
                    for y in range(start // width, -(-end // width))]
        tiles.append([np.concatenate([
            group[y, 0, first * stride:(last - 1) * stride + kernel]
            for y, first, last in segments]) for group in columns])
    return tiles
