# SPDX-License-Identifier: Apache-2.0
"""Verilog as gates: values of every input combination, and what is no netlist."""

import numpy as np
import pytest
from systolith.verif.formal.netlist import every_input, read_netlists, unpacked

HALF = """module half(input a, b, output s, c); assign s = a ^ b; assign c = a & b; endmodule
"""
SMALL = HALF + """module small(input [3:0] x, input signed [2:0] y, input e, output [5:0] o, q,
                               output one);
  wire s, c;
  half half(.a(x[0]), .b(e), .s(s), .c(c));
  assign o = {x, 1'b1} + (e ? 4'd9 : x) + {5'b0, c};
  assign q = y + $signed(~x[2:0]);
  assign one = s ~^ (|x);
endmodule
"""


def test_every_input():
    netlist = read_netlists({"small": SMALL})["small"]
    x, y, e = (netlist.inputs[name] for name in "xye")
    values = every_input([*x, *y, *e])
    outputs = {name: netlist.evaluate(values, nets) for name, nets in netlist.outputs.items()}
    case = np.arange(256)

    def number(nets):
        return sum(unpacked(net, 256).astype(int) << index for index, net in enumerate(nets))

    def as_signed(value):
        return value - (value >> 2 << 3)

    v_x, v_y, v_e = case & 15, case >> 4 & 7, case >> 7
    plain = (v_x << 1 | 1) + np.where(v_e, 9, v_x) + (v_x & v_e & 1)
    np.testing.assert_array_equal(number(outputs["o"]), plain % 64)
    np.testing.assert_array_equal(number(outputs["q"]),
                                  (as_signed(v_y) + as_signed(7 - (v_x & 7))) % 64)
    np.testing.assert_array_equal(number(outputs["one"]), 1 - ((v_x & 1 ^ v_e) ^ (v_x > 0)))


def test_support_and_cone():
    netlist = read_netlists({"small": SMALL})["small"]
    support = netlist.support()
    assert support[netlist.outputs["one"][0]] == {*netlist.inputs["x"], *netlist.inputs["e"]}
    assert support[netlist.outputs["q"][0]] == {*netlist.inputs["x"][:3], *netlist.inputs["y"]}
    cone = list(netlist.cone(netlist.outputs["one"]))
    assert any(cell.kind == "half" for cell in cone)
    assert not any(cell.kind == "$add" for cell in cone)


@pytest.mark.parametrize("count", [1, 5, 6, 7, 9])
def test_few_and_many_variables(count):
    values = every_input(range(count))
    cases = np.stack([unpacked(values[net], 1 << count) for net in range(count)], 1)
    assert cases.tolist() == [[k >> i & 1 for i in range(count)] for k in range(1 << count)]


@pytest.mark.parametrize(("body", "message"), [
    ("wire w; assign w = ~(w & i); assign o = w;", "^Cells must not form a loop$"),
    ("wire w; assign o = i & w;", "^Nets that are read must be driven$"),
    ("assign o = 1'bx;", "^Nets must have a value, not"),
])
def test_no_netlist(body, message):
    with pytest.raises(ValueError, match=message):
        read_netlists({"t": f"module t(input i, output o); {body} endmodule"})


def test_cells_without_meaning_here():
    netlist = read_netlists({"t": "module t(input [1:0] i, output [3:0] o); assign o = i * i; "
                                  "endmodule"})["t"]
    with pytest.raises(ValueError, match=r"^Cell must be a gate, an adder or an instance, not "
                                         r"'\$mul'$"):
        netlist.evaluate(every_input(netlist.inputs["i"]), netlist.outputs["o"])


def test_no_verilog():
    with pytest.raises(RuntimeError, match="(?s)^yosys failed: .*syntax error"):
        read_netlists({"t": "module t(; endmodule"})
