# SPDX-License-Identifier: Apache-2.0
"""Emission for an ASIC: memories are black boxes, or macros of the technology."""

from amaranth.hdl import Elaboratable, Fragment
from amaranth.lib.memory import Memory

from ...rtl.arith.arithmetic import Arithmetic
from ...rtl.cell import Cell
from ...rtl.memory.sram import SramBank
from ...rtl.parameters import AcceleratorParameters
from ..memory import Composition, MacroMap, compose, memories_of
from .platform import EmittingPlatform, ports_of
from .sram import MacroBank, macro_pins

__all__ = ["MAX_QUEUE", "AsicPlatform", "describe_memories"]

MAX_QUEUE = 16
"""Words of a queue."""
CONTRACT = {
    "clock": "rising edge of clk; no reset",
    "write": "where enable and write are high, the bytes of write_data whose bit of write_mask is "
             "high; the others stay",
    "read": "where enable is high and write is low, read_data shows the word one cycle later and "
            "holds it until the next read, whatever is written",
    "address": "below the number of words; no such port where there is one word",
    "contents": "not defined before a word is written",
}
"""What a bank does, for whoever replaces it."""


class AsicPlatform(EmittingPlatform):
    """As ``EmittingPlatform``; every ``SramBank`` becomes a black box, or with ``macros`` a bank of
    them, which then are the black boxes, or of registers where that takes less area.

    Such a bank has the ports of ``SramBank`` (``address`` only where there is more than one word)
    and ``clk``. Other memories than those of queues are refused: ValueError.
    """

    # A combinational process in Verilog would need a variable with an initial value.
    PROCESSES = "proc -norom"
    # What is left is parallel_case, without which a multiplexer reads as a chain of priorities.
    WRITING = ("attrmap -remove full_case -remove unused_bits\n"
               "attrmap -modattr -remove generator -remove top -remove cells_not_processed\n"
               "write_verilog -")
    single_port = True

    def __init__(self, prefix: str, macros: MacroMap | None = None,
                 arithmetic: Arithmetic | None = None):
        super().__init__(prefix, arithmetic)
        self.macros = macros

    def convert_cell(self, cell: Cell, name: str, ports: dict) -> tuple[str, set[str]]:
        if not isinstance(cell, SramBank):
            return super().convert_cell(cell, name, ports)
        if self.macros is None:
            pins = [("clk", 1, True)]
            pins += [(pin, len(value), value is not cell.read_data)
                     for pin, (value, _) in ports.items()]
            return self.declare(name, pins), {"clk"}
        bank = compose(self.macros, cell.depth, cell.width)
        if not isinstance(bank, Composition):
            return self.convert_body(Fragment.get(cell.body(None), None), name, ports)
        for macro in {part.macro for row in bank.rows for part in row.slices}:
            if macro.cell not in self.modules:
                self.modules[macro.cell] = self.declare(
                    macro.cell, macro_pins(self.macros, macro.words, macro.bits))
        made = MacroBank(bank, self.macros)
        text, _ = self.convert_body(made, name, ports_of(made))
        return text, {"clk"}

    def get_memory(self, memory: Memory) -> Elaboratable | Fragment:
        """Amaranth asks for every memory that is none of a bank: queues stay flip-flops, since they
        are small and show a word in the cycle in which it is asked for."""
        queue = all(port.domain == "comb" for port in memory.read_ports)
        if not queue or memory.depth > MAX_QUEUE:
            raise ValueError(f"Memories of an ASIC must be SRAM banks, or queues of at most "
                             f"{MAX_QUEUE} words, not {memory.depth} words")
        return memory.elaborate(None)


def describe_memories(prefix: str, p: AcceleratorParameters, macros: MacroMap | None) -> dict:
    """What ``memories.json`` says: each distinct memory, who has it, what it is made of.

    Areas in um2, energies in pJ, of one instance; None where ``macros`` do not say, or there are
    none.
    """
    modules: dict[str, dict] = {}
    for kind in memories_of(p):
        name = f"{prefix}_{kind.module}"
        entry = modules.setdefault(name, {
            "module": name, "words": kind.words, "bits": kind.bits, "mask_bits": 8,
            "instances": 0, "memories": {}})
        entry["instances"] += kind.count
        entry["memories"][kind.name] = kind.count
        if macros is not None:
            bank = compose(macros, kind.words, kind.bits)
            entry |= {"macros": bank.macros, "registers": not bank.macros,
                      "unused_bits": bank.unused_bits, "area_um2": bank.area_um2,
                      "read_pj": bank.read_pj, "write_pj": bank.write_pj}
            if isinstance(bank, Composition):
                entry["rows"] = [{"first_word": row.first, "words": row.words, "macros": [
                    {"cell": part.macro.cell, "first_bit": part.first, "bits": part.bits}
                    for part in row.slices]} for row in bank.rows]
    return {"contract": CONTRACT, "macros": None if macros is None else {
                "name": macros.name, "source": macros.source},
            "memories": [modules[name] for name in sorted(modules)]}
