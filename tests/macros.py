# SPDX-License-Identifier: Apache-2.0
"""Behavioural models of SRAM macros."""

from systolith.gen.emit.sram import macro_pins
from systolith.gen.memory import Macro, MacroMap

__all__ = ["models", "sg13g2_model"]


def sg13g2_model(words: int, bits: int, cell: str) -> str:
    """IHP's single-port macro as its Liberty file states it: on the rising edge of A_CLK, A_MEN
    and A_WEN write the bits of A_BM, A_MEN and A_REN read; A_DOUT holds. Whoever reads and writes
    at once, enables the self test or ties A_DLY low gets rubbish. Counts what it does."""
    line, word = (words - 1).bit_length() - 1, bits - 1
    return f"""
module {cell}(
  input A_CLK, input A_MEN, input A_WEN, input A_REN, input A_DLY,
  input [{line}:0] A_ADDR, input [{word}:0] A_DIN, input [{word}:0] A_BM,
  output reg [{word}:0] A_DOUT,
  input A_BIST_CLK, input A_BIST_EN, input A_BIST_MEN, input A_BIST_WEN, input A_BIST_REN,
  input [{line}:0] A_BIST_ADDR, input [{word}:0] A_BIST_DIN, input [{word}:0] A_BIST_BM);
  reg [{bits - 1}:0] storage [{words - 1}:0];
  reg [31:0] reads = 0, writes = 0;
  wire tied = A_DLY & ~A_BIST_EN & ~A_BIST_MEN & ~A_BIST_WEN & ~A_BIST_REN & ~A_BIST_CLK
    & ~|A_BIST_ADDR & ~|A_BIST_DIN & ~|A_BIST_BM;
  always @(posedge A_CLK) begin
    if (A_MEN & A_WEN & ~A_REN & tied) begin
      storage[A_ADDR] <= (A_DIN & A_BM) | (storage[A_ADDR] & ~A_BM);
      writes <= writes + 1;
    end
    if (A_MEN & A_REN & ~A_WEN & tied) begin
      A_DOUT <= storage[A_ADDR];
      reads <= reads + 1;
    end
    if (~tied | (A_REN & A_WEN) | (~A_MEN & (A_WEN | A_REN))) A_DOUT <= {{{bits}{{1'b1}}}};
  end
endmodule
"""


def models(available: MacroMap) -> str:
    """Every macro of a map of any interface, as ``Ports`` describes it."""
    return "".join(_model(available, macro) for macro in available.macro)


def _model(available: MacroMap, macro: Macro) -> str:
    ports = available.ports
    assert ports is not None

    def level(role: str) -> str:
        name = getattr(ports, role)
        return f"~{name}" if role in ports.active_low else name

    enable = level("enable") if ports.enable else "1'b1"
    read = level("read") if ports.read else f"~({level('write')})"
    mask = [f"{level('mask')}[{bit // ports.mask_bits}]" if ports.mask else "1'b1"
            for bit in range(macro.bits)]
    pins = ", ".join(f"{'input' if is_input else 'output reg'} [{width - 1}:0] {name}"
                     for name, width, is_input in macro_pins(available, macro.words, macro.bits))
    lose = "" if ports.holds else f"else {ports.read_data} <= ~{ports.read_data};"
    # A bit of an inverted vector cannot be selected in an expression.
    mask = [text.replace(f"~{ports.mask}[", f"~ {ports.mask}[") for text in mask]
    return f"""
module {macro.cell}({pins});
  reg [{macro.bits - 1}:0] storage [{macro.words - 1}:0];
  wire [{macro.bits - 1}:0] chosen = {{{", ".join(reversed(mask))}}};
  always @(posedge {ports.clock}) begin
    if (({enable}) & ({level('write')}))
      storage[{ports.address}] <= ({ports.write_data} & chosen)
        | (storage[{ports.address}] & ~chosen);
    if (({enable}) & ({read})) {ports.read_data} <= storage[{ports.address}];
    {lose}
  end
endmodule
"""
