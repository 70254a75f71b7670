# SPDX-License-Identifier: Apache-2.0
"""The digital macro: compute in memory with adder trees, exact."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from .contract import OPERAND_BITS, WRITE_WEIGHTS, MacroParameters, MacroSignature
from .digital_column import DigitalColumn, PlaneStep

__all__ = ["DigitalMacro"]


class DigitalMacro(wiring.Component):
    """A macro of ordinary logic: one ``DigitalColumn`` for every ADC.

    A code is ``sum(operand * weight)`` over the enabled rows, of the low ``activation_bits`` and
    ``weight_bits``, modulo ``2**code_bits``: whoever places layers sees to it that sums fit.
    ``adc_shift`` is of no effect.

    Of ``early_stop``: planes of operands that are copies of the sign in all enabled rows, or zero
    in unsigned ones, are left out (FORMS, section 3, where a fragment's are).

    With a ``fragment``, columns are sign-grouped: see ``DigitalColumn``. The signal ``sign_fault``,
    beside the ports, is high from the write on that broke the rule of one sign, or wrote -128,
    until a reset; of fragments whose first row is written first it is exact.

    *Timing*: a conversion takes ``activation_bits * weight_bits + DIGITAL_OVERHEAD`` cycles, with
    a ``fragment`` those of one bit less, if there is one; with
    ``early_stop`` the longest operand's bits count, at least 1. A weight is taken in every cycle in
    which no conversion is under way. Behind a reset, ``mux`` cycles (with ``adjacent`` at most 2)
    clear all weights, through the write port's own wires; then the macro is ready.

    *Parameters*: ``p``, the array's.

    *Members*: ``write``, ``row_data``, ``row_enable``, ``adc_enable``, ``phase``, ``is_signed``,
    ``activation_bits``, ``weight_bits``, ``adc_shift``, ``fire``, ``ready``, ``done``,
    ``read_enable``, ``read_group``, ``codes`` (see MacroSignature).
    """

    def __init__(self, p: MacroParameters):
        if p.timing:
            raise ValueError(f"Digital macro must have no timing but its own, not {p.timing!r}")
        self.parameters = p
        self.sign_fault = Signal()
        super().__init__(MacroSignature(p).flip())

    def column(self) -> DigitalColumn:
        """What every ADC is."""
        p = self.parameters
        return DigitalColumn(rows=p.rows, mux=p.mux, code_bits=p.code_bits,
                             together=min(p.mux, WRITE_WEIGHTS) if p.adjacent else 1,
                             fragment=p.fragment)

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        columns = [self.column() for _ in range(p.adcs)]
        for adc, column in enumerate(columns):
            m.submodules[f"column_{adc}"] = column
        busy = Signal()
        clearing = self._write(m, columns, busy)
        m.d.comb += self.ready.eq(~clearing & ~busy)

        # Of magnitudes there is a plane less than of weights, but one.
        top_weight = self.weight_bits - 1
        if p.fragment:
            top_weight = Mux(self.weight_bits > 1, self.weight_bits - 2, 0)
            m.d.sync += self.sign_fault.eq(
                self.sign_fault | self._lowest() | Cat(column.fault for column in columns).any())
        needed = self._needed(m) if p.early_stop else self.activation_bits
        top = Signal(range(OPERAND_BITS))            # plane of operands with which all begin
        operand_plane = Signal(range(OPERAND_BITS))
        weight_plane = Signal(range(OPERAND_BITS))
        running = Signal()                           # planes meet in this cycle
        ending = Signal()                            # they did in the last one, for the last time
        step = Signal(PlaneStep)
        start = Signal()
        chosen = Signal(range(OPERAND_BITS))         # plane of weights that meets operands next
        first_weight = Signal()
        m.d.comb += [
            start.eq(self.fire & self.ready),
            chosen.eq(Mux(busy, weight_plane - 1, top_weight)),
            step.active.eq(running),
            step.first.eq(operand_plane == top),
            step.negative.eq(step.first & self.is_signed),
            step.last.eq(operand_plane == 0),
            step.first_weight.eq(first_weight),
            step.negative_weight.eq(first_weight & (not p.fragment)),
            self.done.eq(ending),
        ]
        turn = running & step.last & (weight_plane != 0)
        m.d.sync += ending.eq(running & step.last & (weight_plane == 0))
        with m.If(start):
            m.d.sync += [busy.eq(1), running.eq(1), top.eq(needed - 1),
                         operand_plane.eq(needed - 1), weight_plane.eq(top_weight),
                         first_weight.eq(1)]
        with m.If(running):
            m.d.sync += operand_plane.eq(operand_plane - 1)
            with m.If(step.last):
                m.d.sync += [operand_plane.eq(top), weight_plane.eq(chosen), first_weight.eq(0),
                             running.eq(weight_plane != 0)]
        with m.If(self.done):
            m.d.sync += busy.eq(0)

        operands = Signal(p.rows)
        m.d.comb += operands.eq(self.row_enable & Cat(
            octet.bit_select(operand_plane, 1) for octet in self.row_data))
        for adc, column in enumerate(columns):
            m.d.comb += [
                column.load.eq(start | turn), column.plane.eq(chosen),
                column.operands.eq(operands), column.step.eq(step),
                column.latch.eq(self.done), column.enable.eq(self.adc_enable[adc])]
        self._read(m, columns)
        return m

    def _write(self, m: Module, columns: list[DigitalColumn], busy: Signal) -> Signal:
        """Weights go to their columns, behind a reset zeros to all, one word of a column's memories
        a cycle; returns whether that is so."""
        p = self.parameters
        together = columns[0].together
        word = self.write.payload
        clearing = Signal(init=1)
        cleared = Signal(range(max(p.mux, 2)))  # phase
        with m.If(clearing):
            m.d.sync += [cleared.eq(cleared + together),
                         clearing.eq(cleared != p.mux - together)]
        m.d.comb += self.write.ready.eq(~clearing & ~busy)
        taken = self.write.valid & self.write.ready

        # Where the first of a group's columns lies: p.column(adc, phase) == WRITE_WEIGHTS * group.
        adcs, phase = WRITE_WEIGHTS // together, Signal(range(max(p.mux, 2)))
        places = p.adcs // adcs  # groups of a phase
        place = Signal(range(max(places, 2)))
        if p.adjacent and together == p.mux:
            m.d.comb += place.eq(word.group)
        elif p.adjacent:
            m.d.comb += [place.eq(word.group >> 1), phase.eq(word.group[0] << 3)]
        else:
            m.d.comb += place.eq(word.group)
            for index in range(1, p.mux):
                with m.If(word.group >= index * places):
                    m.d.comb += [place.eq(word.group - index * places), phase.eq(index)]
        rows, chosen = Signal(p.rows), Signal(places)
        m.d.comb += [rows.eq(Mux(clearing, ~0, 1 << word.row)),
                     chosen.eq(Mux(clearing, ~0, taken << place))]
        for adc, column in enumerate(columns):
            first = adc % adcs * together
            m.d.comb += [
                column.write.eq(chosen[adc // adcs]), column.write_rows.eq(rows),
                column.column.eq(Mux(taken, phase, Mux(clearing, cleared, self.phase)))]
            for index in range(together):
                weight = word.weights[first + index]
                if p.fragment:
                    weight = Cat(abs(weight)[:OPERAND_BITS - 1], weight < 0)
                m.d.comb += column.weights[index].eq(Mux(clearing, 0, weight))
        return clearing

    def _lowest(self) -> Value:
        """A weight is written whose magnitude is too long."""
        word = self.write.payload
        return self.write.valid & self.write.ready & Cat(
            weight == -1 << OPERAND_BITS - 1 for weight in word.weights).any()

    def _needed(self, m: Module) -> Signal:
        """Planes of operands that are not copies of the sign or zero in all enabled rows."""
        needed = Signal(4)
        m.d.comb += needed.eq(1)
        for bit in range(1, OPERAND_BITS):
            # In two's complement a plane is needed where it differs from the one below it.
            differs = Cat(octet[bit] ^ (octet[bit - 1] & self.is_signed)
                          for octet in self.row_data) & self.row_enable
            with m.If(differs.any() & (bit < self.activation_bits)):
                m.d.comb += needed.eq(bit + 1)
        return needed

    def _read(self, m: Module, columns: list[DigitalColumn]) -> None:
        p = self.parameters
        groups = [Cat(column.code for column in columns[first:first + p.lanes])
                  for first in range(0, p.adcs, p.lanes)]
        with m.If(self.read_enable):
            m.d.sync += self.codes.as_value().eq(Array(groups)[self.read_group])
