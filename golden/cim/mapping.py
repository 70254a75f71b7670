# SPDX-License-Identifier: Apache-2.0
"""Where the layers of a network lie in a compute-in-memory array, and how they are converted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

__all__ = ["ArrayShape", "LayerMapping", "TilePlace"]


@dataclass(frozen=True, kw_only=True)
class ArrayShape:
    """An array of ``rows x columns`` cells, ``mux`` columns to an ADC: neighbours if ``adjacent``,
    otherwise those that lie ``columns / mux`` apart (AnalogNets and AON-CiM, section 2)."""

    rows: int
    columns: int
    mux: int
    adjacent: bool = False

    @property
    def adcs(self) -> int:
        """Read-out channels."""
        return self.columns // self.mux

    def column(self, adc: int, phase: int) -> int:
        """The column that ``adc`` reads in ``phase``."""
        return adc * self.mux + phase if self.adjacent else phase * self.adcs + adc


@dataclass(frozen=True)
class TilePlace:
    """A row tile: from ``row`` on ``height`` rows, first ``adc`` and ``phase``."""

    row: int
    height: int
    adc: int
    phase: int


@dataclass(frozen=True, kw_only=True)
class LayerMapping:
    """A layer of ``channels`` outputs on the array; sums of all ``tiles`` are added.

    Rows of the layer's weights are in the order of channel block (8 channels), kernel row, kernel
    column, channel in the block; the tiles cut them. Channel k is in phase ``k // adcs`` and ADC
    ``k % adcs``, both from a tile's first on; ``phases`` conversions a tile and pixel.
    ``activation_bits``, ``weight_bits``: 1 ... 8; ``adc_shift``: a code is its sum over
    ``2**adc_shift``; ``scale``, ``scale_shift``: a code becomes ``code * scale / 2**scale_shift``.
    """

    tiles: tuple[TilePlace, ...]
    channels: int
    adcs: int
    phases: int
    activation_bits: int = 8
    weight_bits: int = 8
    adc_shift: int = 0
    scale: int = 1
    scale_shift: int = 0

    @property
    def cuts(self) -> Iterator[tuple[int, int]]:
        """First and last row (excluded) of each tile in the layer's own order."""
        return pairwise(accumulate((tile.height for tile in self.tiles), initial=0))

    @property
    def conversions(self) -> int:
        """Of a pixel."""
        return len(self.tiles) * self.phases
