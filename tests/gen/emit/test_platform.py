# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""One module per distinct cell, wired completely, with the same bytes every time."""

import gc
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth import Cat, DomainRenamer, Module
from amaranth.back import rtlil
from amaranth.hdl import Fragment
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from systolith.gen.build import accelerator
from systolith.gen.emit.package import leaves_first, split_modules
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.spec import load
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.bus.axi import AxiLite
from systolith.rtl.cell import Cell
from systolith.rtl.delay import DelayCell
from systolith.rtl.engine.decompressor import MaskDecoder
from systolith.rtl.engine.systolic import TpeGrid, TpeRow
from systolith.rtl.pe.tpe import Tpe

from ...rtl.engine.shapes import engine, facts_of

ROOT = Path(__file__).parents[3]
EMIT = """
from systolith.gen.emit.platform import EmittingPlatform
from tests.rtl.engine.shapes import engine
dut = engine("sta-dbb", a=2, b=8, c=2, m=3, n=3)
print(EmittingPlatform("systolith").convert(dut, "systolith_array")[0])
"""


def emit(component, name="systolith_array"):
    return EmittingPlatform("systolith").convert(component, name)


class Register(Cell):
    def __init__(self, width=8, *, domain="sync", name="register"):
        self.domain = domain
        self.name = name
        super().__init__({"i": In(width), "o": Out(width)})

    @property
    def module_name(self):
        return self.name

    def body(self, platform):
        m = Module()
        m.d[self.domain] += self.o.eq(self.i)
        return m


class Inverter(Register):
    pass


class Pair(wiring.Component):
    i: In(8)
    o: Out(16)

    def __init__(self, *cells, wrap=lambda cell: cell):
        self.cells = cells
        self.wrap = wrap
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        for index, cell in enumerate(self.cells):
            m.submodules[f"cell_{index}"] = self.wrap(cell)
            m.d.comb += cell.i.eq(self.i)
        m.d.comb += self.o.eq(Cat(cell.o for cell in self.cells))
        return m


def unconnected(source: str) -> set[tuple[str, str, str]]:
    """(module, instance, input) of inputs that an instance leaves open."""
    modules = split_modules(source)
    inputs = {name: set(re.findall(r"^  input (?:\[[^]]*\] )?(\w+);", text, re.M))
              for name, text in modules.items()}
    missing = set()
    for name, text in modules.items():
        for child, instance, ports in re.findall(
                r"^  (\w+) (\w+) \(\n(.*?)\n  \);", text, re.M | re.S):
            given = set(re.findall(r"^    \.(\w+)\((?!\))", ports, re.M))
            missing |= {(name, instance, port) for port in inputs[child] - given}
    return missing


def instances(source: str) -> int:
    return sum(len(re.findall(r"^  systolith_\w+ \w+ \(", text, re.M))
               for text in split_modules(source).values())


def test_equal_cells_share_a_module():
    source, ports = emit(Pair(Register(), Register()))
    assert list(split_modules(source)) == ["systolith_array", "systolith_register"]
    assert instances(source) == 2
    assert ports == ["i", "o", "clk", "rst"]


def test_cells_of_one_name_and_other_ports_are_refused():
    with pytest.raises(ValueError, match="^Cells of one name must have one class and the same"):
        emit(Pair(Register(), Register(4)))


def test_cells_of_one_name_and_other_classes_are_refused():
    with pytest.raises(ValueError, match="^Cells of one name must have one class and the same"):
        emit(Pair(Register(), Inverter()))


def test_a_second_clock_is_refused():
    with pytest.raises(ValueError) as error:
        emit(Pair(Register(domain="fast")))
    assert str(error.value) == ("Clock and reset of systolith_register must be 'clk' and 'rst', "
                                "not ['fast_clk', 'fast_rst']")


def test_a_second_clock_at_the_top_is_refused():
    with pytest.raises(ValueError, match="^Clock and reset of systolith_array must be"):
        emit(Pair(Register(), wrap=DomainRenamer("fast")))


def test_a_platform_without_cells_elaborates_in_place():
    text = rtlil.convert(Pair(Register(), Register(name="other")))
    assert text.count("\nmodule ") == 3
    assert "systolith" not in text


def test_garbage_collection_is_as_before():
    emit(Pair(Register()))
    assert gc.isenabled()
    with pytest.raises(ValueError):
        emit(Pair(Register(), Register(4)))
    assert gc.isenabled()
    gc.disable()
    try:
        emit(Pair(Register()))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_path_members_are_joined_with_single_underscores():
    class Top(wiring.Component):
        s_axil: In(AxiLite(12))
        irq: Out(1)

        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.irq.eq(self.s_axil.awvalid)
            return m

    _, ports = emit(Top())
    assert {"s_axil_awaddr", "s_axil_rready", "irq", "clk", "rst"} <= set(ports)
    assert all("__" not in port for port in ports)


@pytest.mark.parametrize("shape", [
    {"kind": "sa", "m": 10, "n": 3},
    {"kind": "sta", "a": 2, "b": 4, "c": 2, "m": 2, "n": 3},
    {"kind": "sta-dbb", "a": 2, "b": 8, "c": 2, "m": 3, "n": 2},
], ids=lambda shape: shape["kind"])
def test_engine_is_wired_completely_and_named_readably(shape):
    source, _ = emit(engine(**shape))
    modules = split_modules(source)
    assert instances(source) > len(modules)
    assert not unconnected(source)
    assert len(re.findall(r"^module ", source, re.M)) == len(modules)
    assert all(re.fullmatch(r"systolith_[a-z0-9_]+", name) for name in modules)


def test_whole_accelerator_is_wired_completely():
    source, _ = emit(accelerator(load("demo")), "systolith")
    assert not unconnected(source)


def test_an_open_input_is_seen():
    source, _ = emit(Pair(Register()))
    broken = source.replace("    .clk(clk),\n", "")
    assert broken != source
    assert unconnected(broken) == {("systolith_array", "cell_0", "clk")}


def test_files_are_listed_leaves_first():
    modules = split_modules(emit(accelerator(load("demo")), "systolith")[0])
    order = leaves_first(modules)
    assert sorted(order) == sorted(modules) and order[-1] == "systolith"
    for index, name in enumerate(order):
        used = set(re.findall(r"^  (systolith\w*) \w+ \(", modules[name], re.M))
        assert used <= set(order[:index]), name


def test_same_bytes_in_every_process():
    sources = {subprocess.run([sys.executable, "-c", EMIT], check=True, capture_output=True,
                              cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
               for seed in ("1", "2")}
    assert len(sources) == 1


def cells():
    """Cells over every parameter that could change a body, some of them twice."""
    for taps in (1, 2, 8):
        for bits in (24, 32):
            yield DotProduct(taps=taps, accumulator_bits=bits)
    for nnz in (1, 4, 8):
        yield MaskDecoder(nnz=nnz)
    for width, cycles in ((8, 1), (8, 2), (16, 1), (16, 2)):
        yield DelayCell(width=width, cycles=cycles)
    shapes = [("sa", {}), ("sa", {"m": 3}), ("sa", {"accumulator_bits": 24}), ("sta", {}),
              ("sta", {"b": 2}), ("sta", {"a": 2}), ("sta", {"c": 2}), ("sta", {"b": 8}),
              ("sta-dbb", {"b": 8}), ("sta-dbb", {"b": 8, "nnz": 8}), ("sta", {"n": 3})]
    for kind, shape in shapes:
        facts = facts_of(kind, **shape)
        yield Tpe(facts)
        yield TpeRow(facts)
        for height in (1, 2, 9):
            yield TpeGrid(facts, height)


def bodies_by_name(cells) -> dict[str, set[str]]:
    bodies: dict[str, set[str]] = {}
    for cell in cells:
        text = rtlil.convert(cell, name="cell", emit_src=False)
        bodies.setdefault(cell.module_name, set()).add(text)
    return bodies


def assert_names_tell_bodies(bodies):
    assert [name for name, texts in bodies.items() if len(texts) > 1] == []
    texts = [text for [text] in bodies.values()]
    assert len(set(texts)) == len(texts)


def test_names_are_equal_exactly_when_bodies_are():
    bodies = bodies_by_name(cells())
    assert len(bodies) > 50
    assert_names_tell_bodies(bodies)


@pytest.mark.parametrize("overrides", [
    ("engine.grid={m: 2, n: 2}",),
    ("engine.kind=sa", "engine.grid={m: 8, n: 8}", "vector.lanes=8", "bus.dma=null"),
], ids=["sta-dbb", "sa"])
def test_cells_of_an_accelerator_are_equal_exactly_when_their_names_are(overrides):
    met, sample = Counter(), []

    class Sampler:
        """Keeps the first two cells of every name."""

        def get_cell(self, cell):
            met[cell.module_name] += 1
            if met[cell.module_name] <= 2:
                sample.append(cell)
            return cell.body(self)

    Fragment.get(accelerator(load("demo", overrides)), Sampler())
    assert len(met) > 10
    assert_names_tell_bodies(bodies_by_name(sample))


def test_a_name_that_forgets_a_parameter_is_seen():
    forgetful = [Register(name="same"), Register(domain="comb", name="same")]
    with pytest.raises(AssertionError):
        assert_names_tell_bodies(bodies_by_name(forgetful))


def test_no_wire_is_too_wide_for_the_simulator():
    source, _ = emit(engine("sta", a=4, b=8, c=4, m=4, n=4))
    assert max(int(high) for high in re.findall(r"\[(\d+):0\]", source)) < 65_536
