# SPDX-License-Identifier: Apache-2.0
"""CONCATENATION: whoever computes a part writes it straight into the whole; what cannot be written
there is copied."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...golden.dbb import BLOCK
from ...rtl.sequencer.descriptor import Opcode
from .lower import Join, Lowered, LoweredLayer
from .windows import copying

__all__ = ["core_tensors", "place_parts"]


def place_parts(lowered: Lowered, fused: Sequence[int] = ()) -> tuple[Lowered, list[int]]:
    """``lowered`` with ``inside``, ``copies`` and the layers that copy, and ``fused`` among all
    layers.

    A layer writes into the bank group that it does not read. A part is written in place by the
    layer that computes it, where that is the group of the whole, where the part belongs to no
    other whole, and where no ADD walks over its words as they lie. Any other part is copied from
    the other group, or over the other group.
    """
    if not lowered.joins:
        return lowered, list(fused)
    placing = _Placing(lowered, {lowered.layers[index].output for index in fused})
    together = []
    joins: dict[int, list[Join]] = {}
    for join in lowered.joins:
        joins.setdefault(join.place, []).append(join)
    for place, layer in enumerate(lowered.layers):
        for join in joins.get(place, ()):
            placing.join(join)
        if place in fused:
            together.append(len(placing.layers))
        placing.add(layer)
    for join in joins.get(len(lowered.layers), ()):
        placing.join(join)
    return replace(lowered, layers=placing.layers, shapes=placing.shapes, inside=placing.inside,
                   copies=placing.copies), together


class _Placing:
    """``group``: bank group of each tensor so far, as in ``allocate``."""

    def __init__(self, lowered: Lowered, passing: set[int]):
        self.lowered = lowered
        self.passing = passing
        self.layers: list[LoweredLayer] = []
        self.shapes = dict(lowered.shapes)
        self.inside = dict(lowered.inside)
        self.copies: dict[int, int] = {}
        self.group = {lowered.input: 0}
        # Tensors that have a place of their own, or one inside another.
        self.settled = {lowered.input} | {
            tensor for layer in lowered.layers if layer.opcode is Opcode.ADD
            for tensor in (*layer.sources, layer.output)}

    def add(self, layer: LoweredLayer) -> None:
        if layer.source not in self.group:  # what it reads of a larger tensor
            self.group[layer.source] = self.group[self.inside[layer.source][0]]
        source = self.group[layer.source]
        self.group[layer.output] = source if layer.output in self.passing else 1 - source
        self.layers.append(layer)

    def join(self, join: Join) -> None:
        def copies(group: int) -> int:
            return sum(1 if self.group[part] != group else 2 if part in self.settled else 0
                       for part in join.parts)

        group = min((0, 1), key=copies)
        for part, corner in zip(join.parts, join.corners, strict=True):
            written = part
            if part in self.settled and self.group[part] == group:
                written = self.copy(join, written)
            if self.group[written] != group:
                written = self.copy(join, written)
            self.inside[written] = join.whole, corner
            self.settled.add(written)
        self.group[join.whole] = group

    def copy(self, join: Join, source: int) -> int:
        """A copy of ``source`` in the other group."""
        shape = self.shapes[source]
        output = min(*self.shapes, 0) - 1
        self.shapes[output] = shape
        self.copies[output] = self.copies.get(source, source)
        self.add(LoweredLayer(name=f"{join.name} (copy)", kind="CONCATENATION", source=source,
                              output=output, source_shape=shape, **copying(shape, 0)))
        return output


def core_tensors(lowered: Lowered, tensors: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The input and golden's tensors, [N, ...] by index, and those that only the core has."""
    found = dict(tensors)
    count = len(tensors[lowered.input])
    for join in lowered.joins:
        if join.whole in found:
            continue
        # Its parts begin with blocks of channels; what lies between is never used.
        whole = found[join.whole] = np.zeros((count, *lowered.shapes[join.whole]), np.int8)
        for part, (_, _, block) in zip(join.parts, join.corners, strict=True):
            channels = lowered.shapes[part][2]
            whole[..., BLOCK * block:BLOCK * block + channels] = tensors[part].reshape(
                *whole.shape[:3], channels)
    found |= {copy: tensors[source] for copy, source in lowered.copies.items()}
    for index, (whole, (row, column, block)) in lowered.inside.items():
        if index not in found:
            height, width, channels = lowered.shapes[index]
            found[index] = found[whole].reshape(count, *lowered.shapes[whole])[
                :, row:row + height, column:column + width,
                BLOCK * block:BLOCK * block + channels]
    return found
