# SPDX-License-Identifier: Apache-2.0
"""Which descriptors of a matrix layer the compute-in-memory controller can run."""

from amaranth import Const, Value
from amaranth.utils import exact_log2

from ..facts import BLOCK
from ..sequencer.descriptor import covers
from .contract import OPERAND_BITS, MacroParameters
from .fields import MOST_TILES, cim_fields

__all__ = ["groups_of", "runs"]


def groups_of(p: MacroParameters, fields) -> Value:
    """Groups of ``lanes`` channels of a layer's results."""
    lane_bits = exact_log2(p.lanes)
    return ((fields.phases - 1)[:len(fields.phases)] * (fields.adcs >> lane_bits)
            + ((fields.last_adcs + (p.lanes - 1)) >> lane_bits))


def runs(p: MacroParameters, descriptor, *, reloads: bool) -> Value:
    """Whether all tiles lie in the array, bits are 1 ... 8 and the channels are those of the
    destination; weights are loaded only where they are not resident."""
    f = cim_fields(descriptor)
    lane_bits = exact_log2(p.lanes)
    good = ((descriptor.column_tiles <= MOST_TILES)
            & f.phases.any() & f.adcs.any() & f.last_adcs.any() & (f.last_adcs <= f.adcs)
            & ((f.phases == 1) | (f.adcs[:lane_bits] == 0))
            & covers(groups_of(p, f), p.lanes // BLOCK, descriptor.destination_blocks))
    for bits in (f.activation_bits, f.weight_bits):
        good &= bits.any() & (bits <= OPERAND_BITS)
    good &= descriptor.last_channels.any() & (descriptor.last_channels <= BLOCK)
    good &= (f.load_words[0] == 0) if reloads else (f.load_words == 0)
    for index, tile in enumerate(f.tiles[place] for place in range(MOST_TILES)):
        used = Const(1) if index == 0 else descriptor.column_tiles > index
        good &= ~used | ((tile.row < p.rows) & (tile.adc[:lane_bits] == 0)
                         & (tile.adc + f.adcs <= p.adcs) & (tile.phase + f.phases <= p.mux))
    return good
