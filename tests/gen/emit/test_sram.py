# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Banks of macros in Verilator, with models of the macros, against ``SramBank``'s contract."""

import json
import re

import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from systolith.gen.build import parameters
from systolith.gen.emit.asic import AsicPlatform
from systolith.gen.emit.sram import MacroBank
from systolith.gen.memory import MacroMap, compose, load_map, memories_of
from systolith.gen.spec import load
from systolith.rtl.memory.sram import SramBank
from systolith.verif.simulator import SimulationFault, build

from ...macros import models, sg13g2_model

NAMED = [(kind.words, kind.bits) for name in ("demo", "kws-edge", "tinyml-vdbb",
                                              "tinyml-vdbb-external")
         for kind in memories_of(parameters(load(name)))]
ODD = [(1, 64), (2, 64), (63, 64), (65, 64), (320, 64), (1025, 64), (3000, 64), (5000, 64),
       (7, 8), (100, 72), (600, 128), (5000, 32)]
SMALL = [(1, 64), (5, 64), (16, 32), (17, 64), (24, 64), (41, 64)]


class Banks(wiring.Component):
    """Banks side by side, their ports numbered."""

    def __init__(self, shapes):
        self.banks = [SramBank(depth=words, width=bits) for words, bits in shapes]
        super().__init__({f"{name}_{index}": member if name != "read_data" else Out(bank.width)
                          for index, bank in enumerate(self.banks)
                          for name, member in bank.signature.members.items()})

    def elaborate(self, platform):
        m = Module()
        for index, bank in enumerate(self.banks):
            m.submodules[f"bank_{index}"] = bank
            for name, member in bank.signature.members.items():
                inner, outer = getattr(bank, name), getattr(self, f"{name}_{index}")
                m.d.comb += outer.eq(inner) if member.flow == Out else inner.eq(outer)
        return m


def emitted(shapes, available) -> tuple[str, list[str]]:
    platform = AsicPlatform("systolith", available)
    source, ports = platform.convert(Banks(shapes), "banks")
    return source[:source.index("(* blackbox")], ports


def simulate(tmp_path, shapes, available, model, *, cycles=1500, change=lambda source: source):
    source, ports = emitted(shapes, available)
    simulator = build(change(source) + model, top="banks", ports=ports)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"seed": 1, "cycles": cycles, "banks": shapes}))
    simulator.run("tests.gen.emit.bank_bench", job=job, work=tmp_path / "work")


def sg13g2_models() -> str:
    return "".join(sg13g2_model(macro.words, macro.bits, macro.cell)
                   for macro in load_map("sg13g2").macro)


def test_banks_of_sg13g2_do_what_an_sram_bank_does(tmp_path):
    shapes = sorted({*NAMED, *ODD})
    available = load_map("sg13g2")
    kinds = {len(getattr(compose(available, *shape), "rows", ())) for shape in shapes}
    assert kinds >= {0, 1, 2, 3, 8}  # registers, and stacks
    simulate(tmp_path, shapes, available.model_copy(update={"registers": None}), sg13g2_models())


@pytest.mark.parametrize("fault", [
    (r"\.A_BM\(\{ [^;]*?\}\)", ".A_BM('1)"), (r"\.A_DLY\(1'h1\)", ".A_DLY(1'h0)"),
    (r"\.A_BIST_BM\(64'h0+\)", ".A_BIST_BM(64'h1)"),
    (r"(?m)^    shown <= .*$", "    shown <= 0;"),
    (r"\.A_WEN\((\w+)\)", r".A_WEN(write)"),
], ids=["mask", "delay", "self test", "row", "enable"])
def test_a_fault_in_a_bank_is_seen(tmp_path, fault):
    def change(source):
        broken = re.sub(*fault, source)
        assert broken != source
        return broken

    with pytest.raises(SimulationFault, match="AssertionError|failed"):
        simulate(tmp_path, [(320, 64)], load_map("sg13g2"), sg13g2_models(), cycles=300,
                 change=change)


def small_map(**changes) -> MacroMap:
    """Macros of 4 to 16 words with ports of another kind."""
    ports = {"clock": "clk0", "enable": "csb", "write": "web", "address": "addr",
             "write_data": "din", "read_data": "dout", "mask": "wmask", "mask_bits": 8,
             "active_low": ["enable", "write"], "holds": True} | changes
    macro = [{"cell": f"ram_{words}x{bits}", "words": words, "bits": bits,
              "area_um2": 100.0 + words * bits}
             for words, bits in ((4, 64), (16, 32), (16, 40), (12, 8))]
    return MacroMap.model_validate({"name": "small", "source": "a test", "ports": ports,
                                    "ties": {"single": {"sleep": 0, "power": 1}}, "macro": macro})


@pytest.mark.parametrize("changes", [
    {}, {"holds": False}, {"mask_bits": 1}, {"mask_bits": 1, "active_low": ["mask", "write"]},
    {"mask": None}, {"enable": None, "read": "re", "active_low": ["read"]},
    {"read": "re", "active_low": []},
], ids=["bytes", "does not hold", "bits", "inverted mask", "no mask", "no enable", "read pin"])
def test_other_interfaces(tmp_path, changes):
    available = small_map(**changes)
    simulate(tmp_path, SMALL, available, models(available), cycles=800)


def test_ports_of_a_bank_are_those_of_what_it_replaces():
    available = load_map("sg13g2")
    for words, bits in ((1, 64), (100, 32)):
        bank = compose(available.model_copy(update={"registers": None}), words, bits)
        expected = SramBank(depth=words, width=bits).signature.members
        assert dict(MacroBank(bank, available).signature.members) == {
            "clk": In(1), **dict(expected)}
