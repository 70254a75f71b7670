# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator as RtlSimulator
from systolith.fpga.asic import blocks
from systolith.fpga.asic.blocks import Job, synthesise_blocks
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.hierarchy import Hierarchy
from systolith.fpga.asic.simulation import Simulator
from systolith.fpga.asic.synthesis import SynthesisFault
from systolith.fpga.asic.technology import load_technology
from systolith.gen.emit.asic import AsicPlatform
from systolith.gen.emit.package import split_modules
from systolith.rtl.engine.decompressor import MaskDecoder
from systolith.rtl.postproc.parameters import ParameterRegister

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)


class Control(wiring.Component):
    """Registers with resets, with enables, with both, and a small memory: what controllers have."""

    en: In(2)
    d: In(signed(12))
    total: Out(signed(20))
    kept: Out(12)
    count: Out(5)

    def elaborate(self, platform):
        m = Module()
        last = Signal(12, init=5)
        with m.If(self.en[0]):
            m.d.sync += [self.total.eq(self.total + self.d), last.eq(self.d)]
        with m.Elif(self.en[1]):
            m.d.sync += self.total.eq(self.total ^ last)
        with m.If(self.en.all()):
            m.d.sync += self.kept.eq(last + 3)
        m.d.sync += self.count.eq(self.count + 1)
        return m


def emitted(component, name):
    platform = AsicPlatform("t")
    source, _ = platform.convert(component, name)
    return Hierarchy(name, split_modules(source))


def block(component, name, tmp_path):
    found = emitted(component, name)
    text, children = found.source(name)
    job = Job(name, text, tuple(children), LIBRARY, GATES, None, "area")
    return synthesise_blocks([job], cache=tmp_path)[name]


def ports(component, flow):
    return {"_".join(map(str, path)): (value.as_value() if hasattr(value, "as_value") else value)
            for path, member, value in component.signature.flatten(component)
            if member.flow == flow}


def simulated(component, stimulus, clocked):
    """The RTL's outputs, cycle by cycle, as the netlist's simulator samples them."""
    inputs, outputs = ports(component, In), ports(component, Out)
    found = {name: [] for name in outputs}
    cycles = len(next(iter(stimulus.values())))

    async def bench(ctx):
        for t in range(cycles):
            for name, port in inputs.items():
                bits = stimulus[name][t]
                ctx.set(port.as_unsigned(), int("".join(map(str, bits[::-1])), 2))
            if not clocked:
                await ctx.delay(1e-9)
            for name, port in outputs.items():
                value = ctx.get(port.as_unsigned())
                found[name].append([value >> k & 1 for k in range(len(port))])
            if clocked:
                await ctx.tick()

    simulator = RtlSimulator(component)
    if clocked:
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return {name: np.array(rows, np.uint8) for name, rows in found.items()}


@pytest.mark.parametrize("make, clocked", [
    (Control, True), (lambda: ParameterRegister(width=24), True),
    (lambda: MaskDecoder(nnz=2), False)],
    ids=["control", "parameter register", "mask decoder"])
def test_netlist_of_a_block_equals_its_rtl_on_random_vectors(make, clocked, tmp_path):
    component = make()
    netlist = block(component, "dut", tmp_path).netlist
    source = random.Random(1)
    stimulus = {name: np.array([[source.getrandbits(1) for _ in range(len(port))]
                                for _ in range(200)], np.uint8)
                for name, port in ports(component, In).items()}
    expected = simulated(make(), stimulus, clocked)  # one is elaborated once
    given = dict(stimulus)
    if "rst" in netlist.inputs:  # the netlist starts with a reset, the RTL as reset
        given = {name: np.concatenate([np.zeros((2, bits.shape[1]), np.uint8), bits])
                 for name, bits in stimulus.items()}
        given["rst"] = np.array([1, 1] + [0] * 200, np.uint8)
        got = Simulator(netlist, LIBRARY).run(given)
        skip = 2
    else:
        got = Simulator(netlist, LIBRARY).run(given)
        skip = 0
    for name, rows in expected.items():
        assert np.array_equal(got.outputs[name][skip:], rows), name
    assert rows.any()


def test_registers_with_reset_and_enable_are_gated(tmp_path):
    netlist = block(Control(), "dut", tmp_path).netlist
    gated = [i for i in netlist.instances if i.cell == "DFF" and i.pins["CLK"] != netlist.clock]
    assert len(gated) == 20 + 12 + 12
    assert netlist.count()["DFF"] == len(gated) + 5  # the counter has no enable


def test_block_is_made_once(tmp_path, monkeypatch):
    first = block(Control(), "dut", tmp_path)
    monkeypatch.setattr(blocks, "implement", None)
    again = block(Control(), "dut", tmp_path)
    assert again.netlist.verilog() == first.netlist.verilog()
    assert (again.area, again.period, again.path) == (first.area, first.period, first.path)
    (kept,) = tmp_path.iterdir()
    kept.write_bytes(b"damaged")
    with pytest.raises(TypeError):
        block(Control(), "dut", tmp_path)


def test_key_covers_what_a_result_depends_on():
    job = Job("m", "module m; endmodule", (), LIBRARY, GATES, 100.0)
    keys = {job.key()}
    for change in ({"verilog": "module m(); endmodule"}, {"clock_ps": 200.0},
                   {"script": "area"}, {"children": ("n",)},
                   {"technology": GATES.model_copy(update={"max_slew": 1.0})}):
        keys.add(Job(**{**vars(job), **change}).key())
    assert len(keys) == 6


def test_fault_names_the_block(tmp_path):
    job = Job("broken", "module broken(); nonsense; endmodule", (), LIBRARY, GATES, None)
    with pytest.raises(SynthesisFault, match="^broken: yosys must accept the design"):
        synthesise_blocks([job], cache=tmp_path)
