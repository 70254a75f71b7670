# SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.hierarchy import Hierarchy, emit, kind_of, part_of
from systolith.fpga.asic.synthesis import synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.gen.memory import memories_of
from systolith.gen.spec import load

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)

REGISTER = """
module word_register(clk, rst, en, d, q);
  input clk;
  input rst;
  input en;
  input [7:0] d;
  output [7:0] q;
  reg [7:0] q;
  always @(posedge clk) if (rst) q <= 0; else if (en) q <= d;
endmodule
"""
PAIR = """
module pair(clk, rst, en, d, q);
  input clk;
  input rst;
  input [1:0] en;
  input [7:0] d;
  output [15:0] q;
  word_register low (
    .clk(clk), .rst(rst), .en(en[0]), .d(d), .q(q[7:0])
  );
  word_register \\high$1  (
    .clk(clk), .rst(rst), .en(en[1]), .d(d), .q(q[15:8])
  );
endmodule
"""
TOP = """
module design(clk, rst, en, d, sum);
  input clk;
  input rst;
  input [3:0] en;
  input [15:0] d;
  output [8:0] sum;
  wire [15:0] a, b;
  pair left (
    .clk(clk), .rst(rst), .en(en[1:0]), .d(d[7:0]), .q(a)
  );
  pair right (
    .clk(clk), .rst(rst), .en(en[3:2]), .d(d[15:8]), .q(b)
  );
  assign sum = a[7:0] + b[15:8] ^ {1'b0, a[15:8] & b[7:0]};
endmodule
"""
DESIGN = Hierarchy("design", {"design": TOP, "pair": PAIR, "word_register": REGISTER})


def mapped(module):
    text, children = DESIGN.source(module)
    return synthesise(text, module, LIBRARY, GATES, children=children)


def test_instances_are_counted_through_the_hierarchy():
    assert DESIGN.instances == {"design": 1, "pair": 2, "word_register": 4}
    assert DESIGN.blocks == {("top", "design"): 1, ("top", "pair"): 2, ("top", "word_register"): 4}


def test_blocks_times_instances_are_the_flat_design():
    parts = {module: mapped(module) for _, module in DESIGN.blocks}
    flat = synthesise("".join(DESIGN.modules.values()), "design", LIBRARY, GATES)
    total = Counter()
    for (_, module), count in DESIGN.blocks.items():
        for cell, number in parts[module].count().items():
            total[cell] += count * number
    assert total["DFF"] == flat.count()["DFF"] == 32
    assert total["CLOCK_GATE"] == flat.count()["CLOCK_GATE"] == 4
    area = sum(LIBRARY.cells[cell].area * number for cell, number in total.items())
    # Blocks of a byte: each inverts the reset for itself.
    assert area == pytest.approx(flat.area(LIBRARY), rel=0.1)


def test_children_stay_instances():
    netlist = mapped("pair")
    assert not netlist.instances
    assert {kind for kind, _ in netlist.children.values()} == {"word_register"}
    assert {clock for _, clock in netlist.children.values()} == {"clk"}
    assert netlist.verilog().count("word_register ") == 2
    assert netlist.outputs["low.d"] == netlist.inputs["d"]
    assert netlist.outputs["q"][:8] == netlist.inputs["low.q"]


def test_whole_accelerator_is_covered():
    spec = load("demo")
    found = emit(spec, GATES)
    tpes = [(part, count) for (part, module), count in found.blocks.items() if "_tpe_" in module]
    assert tpes == [("engine", spec.engine.grid.m * spec.engine.grid.n)]
    lanes = {part: count for (part, module), count in found.blocks.items()
             if module.endswith("requantiser")}
    assert lanes == {"vector unit": spec.vector.lanes, "post-processor": 8}
    from systolith.gen.build import parameters
    banks = Counter()
    for kind in memories_of(parameters(spec)):
        banks[f"systolith_{kind.module}"] += kind.count
    assert banks == {module: count for module, count in found.instances.items()
                     if module in found.black_boxes}
    # Nothing is forgotten and nothing counted twice: each module is a block or merged into one.
    texts = [found.source(module)[0] for module in found.own]
    for module in found.modules:
        if module not in found.black_boxes:
            bodies = [text for text in texts
                      if module in found.modules and found.modules[module] in text]
            assert bodies, module
            assert module not in found.own or len(bodies) == 1


@pytest.mark.parametrize("path, part", [
    ("core.engine.grid.row_0", "engine"), ("core.vector.lane_3", "vector unit"), ("dma", "buses"),
    ("core.fetch.gather", "operands"), ("", "top"), ("unknown", "top")])
def test_part_of_a_path(path, part):
    assert part_of(path) == part


@pytest.mark.parametrize(("module", "kind"), [
    ("systolith", "top"), ("systolith_core_fetch_im2col", "core_fetch_im2col"),
    ("systolith_im2col_row_12", "im2col_row"), ("systolith_mask_decoder_nnz4", "mask_decoder"),
    ("systolith_post_lane_2_acc24_float", "post_lane"), ("systolith_delay_1x128", "delay"),
    ("systolith_requantiser_float", "requantiser_float"),
    ("systolith_tpe_vdbb_4x8x4_acc24", "tpe")])
def test_kinds_of_blocks(module, kind):
    assert kind_of(module) == kind
