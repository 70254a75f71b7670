# SPDX-License-Identifier: Apache-2.0
"""Verilog of small tensor PEs with explicit carry-save trees, as the RTL writes them."""

MODULES = """
module inverting_full_adder (input a, b, c, output carry, sum);
  assign carry = ~((a & b) | (b & c) | (a & c));
  assign sum = ~(a ^ b ^ c);
endmodule
module fanout_buffer (input i, output o);
  assign o = i;
endmodule
"""


class _Tree:
    """Columns of bits, each (arrival in adders, name, inverted?), reduced to two rows."""

    def __init__(self, prefix: str, width: int):
        self.prefix, self.width = prefix, width
        self.columns = [[] for _ in range(width)]
        self.lines = []
        self.count = 0

    def wire(self) -> str:
        self.count += 1
        name = f"{self.prefix}_{self.count}"
        self.lines.append(f"  wire {name};")
        return name

    def put(self, column: int, expression: str, inverted: bool, arrival: int = 0) -> None:
        if column < self.width:
            name = self.wire()
            self.lines.append(f"  assign {name} = {expression};")
            self.columns[column].append((arrival, name, inverted))

    def reduce(self) -> tuple[list[str], list[str]]:
        rows: tuple[list[str], list[str]] = ([], [])
        for k in range(self.width):
            column = self.columns[k]
            while len(column) > 2:
                column.sort()
                kinds = [[bit for bit in column if bit[2] == kind] for kind in (False, True)]
                three = min((kind[:3] for kind in kinds if len(kind) > 2),
                            key=lambda bits: bits[2][0], default=None)
                if three is None:  # two and one, or two and two: invert one
                    arrival, name, kind = min(kinds, key=len)[0]
                    column.remove((arrival, name, kind))
                    self.put(k, f"~{name}", not kind, arrival)
                    continue
                for bit in three:
                    column.remove(bit)
                carry, total = self.wire(), self.wire()
                names = ", ".join(f".{p}({bit[1]})" for p, bit in zip("abc", three, strict=True))
                self.lines.append(f"  inverting_full_adder {carry}_fa ({names}, "
                                  f".carry({carry}), .sum({total}));")
                arrival, inverted = three[2][0] + 1, not three[0][2]
                column.append((arrival, total, inverted))
                if k + 1 < self.width:
                    self.columns[k + 1].append((arrival, carry, inverted))
            for row, bit in zip(rows, column + [None, None], strict=False):
                row.append("1'b0" if bit is None else ("~" if bit[2] else "") + bit[1])
        return rows


def tpe(a: int, b: int, c: int, *, width: int = 32, bits: int = 8) -> str:
    """A tensor PE: a·c accumulators, each of a signed dot product of b Baugh-Wooley products.

    Operands are passed on, registers gated by ``valid``; results are read out in place.
    """
    text = [(f"module tpe (input clk, valid, first, shift, "
             f"input [{a * b * bits - 1}:0] i_a, input [{c * b * bits - 1}:0] i_w, "
             f"input [{a * c * width - 1}:0] i_acc, output reg [{a * b * bits - 1}:0] o_a, "
             f"output reg [{c * b * bits - 1}:0] o_w, output reg [{a * c * width - 1}:0] o_acc, "
             "output reg o_valid, o_first);"),
            "  always @(posedge clk) begin o_valid <= valid; o_first <= first; end",
            "  always @(posedge clk) if (valid) begin o_a <= i_a; o_w <= i_w; end",
            "  wire keep = ~o_first & ~shift;"]
    for row in range(a):
        for column in range(c):
            text += _dot(row, column, b, c, width, bits)
    return MODULES + "\n".join([*text, "endmodule"]) + "\n"


def _dot(row: int, column: int, b: int, c: int, width: int, bits: int) -> list[str]:
    at = (row * c + column) * width
    tree = _Tree(f"t{row}_{column}", width)
    constant, top = 0, bits - 1
    for k in range(b):
        x, w = (row * b + k) * bits, (column * b + k) * bits
        for i in range(bits):
            for j in range(bits):
                both = f"o_a[{x + i}] & o_w[{w + j}]"
                # the top row and column count negatively: complemented, with a constant
                flip = (i == top) != (j == top)
                tree.put(i + j, f"~({both})", not flip)
        constant += (1 << bits) - (1 << 2 * bits - 1)
    for k in range(width):
        tree.put(k, f"~((o_acc[{at + k}] & keep) | (i_acc[{at + k}] & shift))", True)
    constant %= 1 << width
    for k in range(width):
        if constant >> k & 1:
            tree.columns[k].append((-1, "1'b1", False))
    rows = tree.reduce()
    x, y = ("{" + ", ".join(reversed(side)) + "}" for side in rows)
    return [*tree.lines,
            f"  wire [{width - 1}:0] s{row}_{column} = {x} + {y};",
            (f"  always @(posedge clk) if (o_valid | shift) o_acc[{at} +: {width}] "
             f"<= s{row}_{column};")]


def reference(acc: int, first: int, xs: list[int], ws: list[int], width: int = 32) -> int:
    """What an accumulator holds after one step."""
    return ((0 if first else acc) + sum(x * w for x, w in zip(xs, ws, strict=True))) % (1 << width)
