# SPDX-License-Identifier: Apache-2.0
"""Conversions of a layer: of every pixel the row tiles in turn, and of each tile its phases."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .contract import ADC_SHIFT_BITS, OPERAND_BITS, MacroParameters
from .fields import CimFields, TilePlace

__all__ = ["Controller"]


class Controller(wiring.Component):
    """Fires conversions back to back, and starts the read-out of each.

    A row tile moves from the fill buffer to the drivers, is converted in ``phases`` phases, and
    makes room for the next one (AnalogNets and AON-CiM, section 1: layer-serial schedule). ADCs
    that have no column of the layer rest, as do rows without an operand (``RowDrivers``).

    What the macro sees changes only between conversions: in the cycle of ``done``, or while none is
    under way; so too after ``stop``, where a conversion that is under way is waited for until the
    macro is ``ready`` again, and its codes are not read.

    *Timing*: ``move`` in the first cycle in which ``full`` is high and the drivers are free, that
    of the ``done`` of the last phase included; ``fire`` a cycle behind ``move`` or ``done``: one
    conversion every T cycles, T the macro's. It waits while the macro is not ``ready``, while
    ``hold`` is high, and while codes are left to be read that would not be read before the
    earliest ``done``: ``read_left`` must be at most T - 1, T as short as it may be.

    *Parameters*: ``p``, the macro's; ``read_bits``, the width of ``read_left``.

    *Members*: ``start``, ``stop`` (level), ``fields``, ``is_signed``, ``tiles`` (of the layer);
    to the row drivers ``tile_filled``, ``first_row``, ``full``, ``move``; ``hold``; to the macro
    ``phase``, ``adc_enable``, ``operands_signed``, ``activation_bits``, ``weight_bits``,
    ``adc_shift``, ``fire``, ``ready``, ``done``; to the read-out ``read_left`` (cycles),
    ``converted`` (pulse: read), ``group`` (first), ``groups``, ``first_phase``, ``opens`` (the
    pixel's first tile), ``closes`` (its last); ``adcs`` (enabled), ``busy`` (level: a conversion is
    under way), ``stall_operands`` (no tile to convert), ``stall_read`` (codes must be read first),
    ``stall_load`` (weights are being written).
    """

    def __init__(self, p: MacroParameters, *, read_bits: int):
        self.p = p
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "fields": In(CimFields),
            "is_signed": In(1),
            "tiles": In(16),
            "tile_filled": In(1),
            "first_row": Out(ceil_log2(p.rows)),
            "full": In(1),
            "move": Out(1),
            "hold": In(1),
            "phase": Out(ceil_log2(max(p.mux, 2))),
            "adc_enable": Out(p.adcs),
            "operands_signed": Out(1),
            "activation_bits": Out(4),
            "weight_bits": Out(4),
            "adc_shift": Out(ADC_SHIFT_BITS),
            "fire": Out(1),
            "ready": In(1),
            "done": In(1),
            "read_left": In(read_bits),
            "converted": Out(1),
            "group": Out(ceil_log2(max(p.groups, 2))),
            "groups": Out(range(p.groups + 1)),
            "first_phase": Out(1),
            "opens": Out(1),
            "closes": Out(1),
            "adcs": Out(range(p.adcs + 1)),
            "busy": Out(1),
            "stall_operands": Out(1),
            "stall_read": Out(1),
            "stall_load": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        p, f = self.p, self.fields
        lane_bits = exact_log2(p.lanes)
        filling = Signal(range(len(f.tiles)))  # tile that fills up
        coming = Signal(range(len(f.tiles)))   # ... that moves to the drivers next
        place = Signal(TilePlace)
        m.d.comb += [
            self.first_row.eq(Array(tile.row for tile in f.tiles)[filling]),
            place.eq(Array(tile.as_value() for tile in f.tiles)[coming]),
        ]

        pending = Signal()     # a conversion is to be fired
        converting = Signal()  # one is under way, of this layer
        stale = Signal()       # ... of one that was stopped
        last = Signal()        # it is, or will be, the tile's last
        late = Signal()        # codes would be overwritten
        limit = Signal.like(self.read_left)
        step = Signal(5)
        following = Signal(5)
        ends_tile = Signal()
        again = Signal()
        m.d.sync += limit.eq(self._limit())
        m.d.comb += [
            self.converted.eq(converting & self.done & ~self.stop),
            again.eq(self.converted & ~last),
            self.move.eq(self.full & ~stale & ~self.stop
                         & (~(pending | converting) | (self.converted & last))),
            late.eq(self.read_left > limit),
            self.fire.eq(pending & self.ready & ~self.hold & ~late & ~self.stop),
            following.eq(Mux(self.move, 0, step + 1)),
            ends_tile.eq(following == f.phases - 1),
            self.busy.eq(converting | stale),
            self.stall_operands.eq(~pending & ~converting),
            self.stall_read.eq(pending & ~self.hold & late),
            self.stall_load.eq(pending & self.hold),
            self.first_phase.eq(step == 0),
        ]
        with m.If(self.fire):
            m.d.sync += [pending.eq(0), converting.eq(1)]
        with m.If(self.converted):
            m.d.sync += converting.eq(0)
        with m.If(self.move | again):
            m.d.sync += [
                pending.eq(1), step.eq(following), last.eq(ends_tile),
                self.adcs.eq(Mux(ends_tile, f.last_adcs, f.adcs)),
                self.phase.eq(Mux(self.move, place.phase, self.phase + 1)),
            ]
        with m.If(self.move):
            m.d.sync += [
                self.group.eq(place.adc >> lane_bits),
                self.opens.eq(coming == 0),
                self.closes.eq(coming == self.tiles - 1),
                coming.eq(Mux(coming == self.tiles - 1, 0, coming + 1)),
                self.operands_signed.eq(self.is_signed),
                self.activation_bits.eq(f.activation_bits),
                self.weight_bits.eq(f.weight_bits),
                self.adc_shift.eq(f.adc_shift),
            ]
        with m.If(self.tile_filled):
            m.d.sync += filling.eq(Mux(filling == self.tiles - 1, 0, filling + 1))
        with m.If(self.start | self.stop):
            m.d.sync += [pending.eq(0), converting.eq(0), filling.eq(0), coming.eq(0)]
        m.d.sync += stale.eq((self.stop & converting & ~self.done) | (stale & ~self.ready))

        # Groups of ADCs are all on, but for what the last one does not need of its lanes.
        full_groups = self.adcs >> lane_bits
        rest = self.adcs[:lane_bits]
        m.d.comb += self.groups.eq(full_groups + rest.any())
        end = Signal(range(p.groups + 1))
        m.d.comb += end.eq(self.group + full_groups)
        tail = Signal(p.lanes)
        m.d.comb += tail.eq((1 << rest) - 1)
        m.d.comb += self.adc_enable.eq(Cat(
            Mux(begun & (group < end), (1 << p.lanes) - 1,
                Mux(group == end, tail, 0))[:p.lanes]
            for group, begun in enumerate(self._begun())))
        return m

    def _begun(self) -> list:
        """For each group of lanes whether the tile begins with it or before."""
        top = (1 << len(self.group)) - 1  # which everything is at most
        return [Const(1) if group == top else self.group <= group
                for group in range(self.p.groups)]

    def _limit(self):
        """Cycles of reading that may be left when a conversion is fired."""
        p, f = self.p, self.fields
        sizes = [min(max(bits, 1), OPERAND_BITS) for bits in range(1 << len(f.weight_bits))]
        most = (1 << len(self.read_left)) - 1
        return Array(min(p.shortest_cycles(a, w) - 1, most) for a in sizes for w in sizes)[
            Cat(f.weight_bits, f.activation_bits)]
