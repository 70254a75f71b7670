# SPDX-License-Identifier: Apache-2.0
"""Layers, and parts of layers, with the places of their operands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .layout import TensorLayout
from .lower import Lowered, LoweredLayer
from .plan import BlockPlan

__all__ = ["Part", "PlacedLayer", "place_layers"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What of a layer runs: ``rows`` and ``channels`` of its result, ``source_rows``; each the
    first, and the one behind the last."""

    rows: tuple[int, int]
    channels: tuple[int, int]
    source_rows: tuple[int, int]

    @classmethod
    def whole(cls, layer: LoweredLayer) -> "Part":
        """All of ``layer``."""
        height, _, channels = layer.output_shape
        return cls(rows=(0, height), channels=(0, channels),
                   source_rows=(0, layer.source_shape[0]))


@dataclass(frozen=True, kw_only=True)
class PlacedLayer:
    """A layer as the core runs it: all of one, or a ``part`` that is cut out as a layer by itself.

    ``second``: of ADD's second operand. ``plan``: of an engine layer's blocks. ``fused``: runs
    with the next layer, which takes its results; ``fed``: so does this one with the layer before.
    Between such two the layout is that of the buffer. ``weight_row``: word of the ring where its
    weights lie, None for weights on chip, which follow one another. ``transfers`` of the run must
    be complete before it begins.
    """

    lowered: LoweredLayer
    part: Part
    plan: BlockPlan | None
    source: TensorLayout
    second: TensorLayout | None
    destination: TensorLayout
    fused: bool = False
    fed: bool = False
    weight_row: int | None = None
    transfers: int = 0


def place_layers(lowered: Lowered, plans: Mapping[int, BlockPlan],
                 layouts: Mapping[int, TensorLayout],
                 fused: Sequence[int] = ()) -> list[PlacedLayer]:
    """Every layer whole, its tensors where ``layouts`` has them; ``fused``: layers that run with
    the next one, by index."""
    return [PlacedLayer(
        lowered=low, part=Part.whole(low), plan=plans.get(low.output), source=layouts[low.source],
        second=None if low.second is None else layouts[low.second],
        destination=layouts[low.output], fused=index in fused, fed=index - 1 in fused)
        for index, low in enumerate(lowered.layers)]
