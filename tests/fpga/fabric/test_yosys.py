# SPDX-License-Identifier: Apache-2.0
import sys

import pytest
from systolith.fpga.fabric.devices import FAMILIES
from systolith.fpga.fabric.harness import area_of
from systolith.fpga.fabric.tools import ToolFault, run_logged
from systolith.fpga.fabric.yosys import CHILD, NETLIST, last_error, synthesise
from systolith.rtl.memory.sram import SramBank

PRODUCTS = """module products(input clk, i, output reg o);
  reg [{most}:0] a, b;
{wires}
  always @(posedge clk) begin
    a <= {{a, i}};
    b <= {{b, a[{most}]}};
    o <= ^{{{total}}};
  end
endmodule
"""


def products(count, width=8):
    """Verilog of ``count`` products of two shift registers."""
    total = ", ".join(f"p{n}" for n in range(count))
    wires = "\n".join(f"  wire signed [{2 * width - 1}:0] p{n} = $signed(a[{n + width - 1}:{n}]) * "
                      f"$signed(b[{n + width - 1}:{n}]);" for n in range(count))
    return PRODUCTS.format(most=count + width - 2, wires=wires, total=total)


@pytest.mark.parametrize("family, depth, brams", [
    ("ecp5", 512, 2), ("gowin", 512, 4), ("xc7", 512, 1), ("ice40", 256, 4)])
def test_a_bank_of_bytes_becomes_block_ram(family, depth, brams):
    area = area_of(SramBank(depth=depth), family)
    assert area["bram"] <= brams
    assert area["ff"] <= 80 and area["lut"] <= 100


def test_dsps_that_there_are_not_become_luts(tmp_path):
    (tmp_path / "a.v").write_text(products(6))
    free = synthesise(["a.v"], "products", FAMILIES["ecp5"], tmp_path)
    bound = synthesise(["a.v"], "products", FAMILIES["ecp5"], tmp_path, dsps=2)
    assert (free.usage["dsp"], free.soft_products) == (6, 0)
    assert (bound.usage["dsp"], bound.soft_products) == (2, 4)
    assert bound.usage["lut"] > free.usage["lut"] + 4 * 60
    assert (tmp_path / NETLIST).exists() and (tmp_path / "yosys.log").exists()


def test_booths_products_are_those_products(tmp_path):
    (tmp_path / "a.v").write_text("""module a(input signed [4:0] a, input signed [3:0] b,
                                               output signed [8:0] o);
  assign o = a * b;
endmodule""")
    (tmp_path / "a.ys").write_text("""read_verilog a.v
copy a soft
booth soft
miter -equiv -make_assert -flatten a soft both
hierarchy -top both
sat -verify -prove-asserts
""")
    done = run_logged("yosys", [sys.executable, str(CHILD), "a.ys"], folder=tmp_path,
                      log=tmp_path / "log")
    assert done.code == 0 and "SUCCESS" in done.text, done.text[-500:]


def test_a_fault_is_one_sentence_and_keeps_the_log(tmp_path):
    (tmp_path / "a.v").write_text("module a(input b; endmodule")
    with pytest.raises(ToolFault, match="^yosys must accept the design, but said: ") as caught:
        synthesise(["a.v"], "a", FAMILIES["ecp5"], tmp_path)
    assert "syntax error" in str(caught.value)
    assert "a.v" in (tmp_path / "yosys.log").read_text()


@pytest.mark.parametrize("log, sentence", [
    ("Info: x\nERROR: no bels\nInfo: y\n", "no bels"),
    ("a.v:3: ERROR: syntax\n", "syntax"),
    ("one\ntwo\n\n", "two"),
    ("", "no word why"),
])
def test_last_error(log, sentence):
    assert last_error(log) == sentence
