# SPDX-License-Identifier: Apache-2.0
"""The digital macro in a technology's cells: a column, and what all columns share."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth.lib import wiring

from ....gen.emit.asic import AsicPlatform
from ....gen.emit.package import split_modules
from ....gen.emit.platform import EmittingPlatform
from ....gen.memory import Composition, MacroMap, compose
from ....gen.memory.compose import RegisterBank
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.cim.contract import OPERAND_BITS, MacroParameters
from ....rtl.cim.digital import DigitalMacro
from ....rtl.cim.rows import RowGroup
from ....rtl.facts import BLOCK, EngineFacts
from ....rtl.pe.tpe import Tpe
from ..blocks import Block, Job, synthesise_blocks
from ..hierarchy import Hierarchy
from ..library import Library
from ..ppa.designs import OWN
from ..technology import Technology

__all__ = ["Cells", "MacroBlocks", "macro_blocks", "tpe_block"]

TOP = "cim"
Bank = Composition | RegisterBank


@dataclass(frozen=True)
class Cells:
    """What everything is made of, for a clock of ``clock_ps``."""

    library: Library
    technology: Technology
    macros: MacroMap
    clock_ps: float

    def synthesised(self, module: str, verilog: str, children: tuple[str, ...] = ()) -> Block:
        """``module`` of ``verilog``. Raises SynthesisFault."""
        job = Job(module, verilog, children, self.library, self.technology, self.clock_ps)
        return synthesise_blocks([job])[module]


@dataclass(frozen=True, kw_only=True)
class MacroBlocks:
    """A macro ``p``. ``column``: an ADC's adder tree and accumulators; ``shared``: control, planes
    of operands for all rows, the read-out and the decoder of the write port; ``drivers``: those of
    eight rows, with the operands that fill up.

    ``storage``: a column's cells, a memory of a word for every plane of its weights;
    ``flip_flops``: the same in flip-flops, where their cost is known.
    """

    p: MacroParameters
    column: Block
    shared: Block
    drivers: Block
    storage: Bank
    flip_flops: RegisterBank | None

    @property
    def area(self) -> float:
        """um2 of an ADC, with its part of what is shared."""
        return self.logic + self.storage.area_um2

    @property
    def logic(self) -> float:
        """um2 of an ADC but for its storage."""
        return self.column.area + (self.shared.area + self.drivers_area) / self.p.adcs

    @property
    def drivers_area(self) -> float:
        """um2 of all row drivers."""
        return self.p.rows // BLOCK * self.drivers.area

    def macs_a_cycle(self, activation_bits: int = OPERAND_BITS,
                     weight_bits: int = OPERAND_BITS) -> float:
        """Of an ADC, all rows in use, without early stop."""
        return self.p.rows / self.p.conversion_cycles(activation_bits, weight_bits)


def macro_blocks(p: MacroParameters, cells: Cells,
                 ended: Callable[[str], None] = lambda name: None) -> MacroBlocks:
    """Synthesise the macro: adder trees of the technology's full adders, cells as memories are,
    which are black boxes. ``ended`` hears of each block. Raises SynthesisFault."""
    adder = cells.technology.full_adder
    arithmetic = Arithmetic(inverting=adder is not None and adder.inverted)

    def modules(component: wiring.Component) -> Hierarchy:
        source, _ = AsicPlatform(TOP, None, arithmetic).convert(component, TOP)
        return Hierarchy(TOP, split_modules(source))

    def block(hierarchy: Hierarchy, module: str = TOP) -> Block:
        text, children = hierarchy.source(module)
        made = cells.synthesised(module, text, tuple(children))
        ended(module)
        return made

    macro = modules(DigitalMacro(p))
    column = next(name for name in macro.own if "digital_column" in name)
    words, registers = p.mux * OPERAND_BITS, cells.macros.registers
    return MacroBlocks(
        p=p, column=block(macro, column), shared=block(macro),
        drivers=block(modules(RowGroup(groups=p.rows // BLOCK))),
        storage=compose(cells.macros, words, p.rows),
        flip_flops=None if registers is None else RegisterBank(words, p.rows, registers))


def tpe_block(facts: EngineFacts, cells: Cells) -> Block:
    """A TPE, built as ``bench ppa`` does for least energy."""
    platform = EmittingPlatform("ppa", OWN.arithmetic(cells.technology))
    return cells.synthesised("top", platform.convert(Tpe(facts), "top")[0])
