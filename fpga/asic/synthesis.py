# SPDX-License-Identifier: Apache-2.0
"""Synthesis of Verilog onto a library's cells, by yosys and abc."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from .liberty_writer import mappable, write_liberty
from .library import Library
from .netlist import Netlist, from_json
from .technology import FullAdder, Technology

__all__ = ["SCRIPTS", "SynthesisFault", "synthesise"]

PARTS = {"inverting_full_adder": "full_adder", "full_adder": "full_adder",
         "inverting_half_adder": "half_adder", "half_adder": "half_adder",
         "inverting_selector": "selector", "fanout_buffer": "buffer"}
"""Modules of the RTL that stand for cells, by the end of their name: the technology's part."""
RIPPLE_BITS = 12
"""Sums of at most so many bits ripple through full-adder cells."""
ADDER_ROUNDS = 8
ENABLED = ("$_DFF_P_", "$_DFFE_PP_", "$_SDFFCE_PP0P_", "$_SDFFCE_PP1P_")
"""Flip-flops with an enable that goes ahead of their reset, if they have both."""
SCRIPTS = {
    "flow": "strash; &get -n; &st; &dch; &nf -R 10; &put",
    "area": "strash; dch; amap -m",
    "depth": "strash; &get -n; &st; &if -g -K 6; &dch; &nf; &put",
}
"""abc's commands by what they favour: area flow; area alone; few levels at first."""
TIMEOUT = 1800
"""Seconds."""
_MODULE = re.compile(r"^\s*module\s+(\\\S+\s|[A-Za-z_]\w*)", re.M)
_NAME = re.compile(r"[A-Za-z_][\w.$]*")
"""Names that may stand in a command of yosys."""


class SynthesisFault(ValueError):
    """Why a design could not be synthesised: one sentence, and the tool's log in ``log``."""

    def __init__(self, sentence: str, log: str = ""):
        super().__init__(sentence)
        self.log = log


def synthesise(verilog: str, top: str, library: Library, technology: Technology, *,
               clock: str = "clk", script: str = "flow",
               children: Collection[str] = ()) -> Netlist:
    """The module ``top`` of ``verilog`` on the cells of ``library``, flat but for instances of the
    modules ``children``, which stay what they are.

    Modules whose names end as ``PARTS`` (``rtl/arith``) become the technology's cells, with
    inverters where its adders have the other polarity; one with a constant input or an unread
    output becomes logic, as do all where the technology has no such cell. Registers with enables
    of at least as many bits as the technology says are gated. Nothing is buffered or sized yet.

    ``script``: a name of ``SCRIPTS``. Raises SynthesisFault.
    """
    technology.check(library)
    modules = _modules(verilog)
    for name in (top, *modules):
        if not _NAME.fullmatch(name):
            raise SynthesisFault(f"a module's name must be letters, digits, _, . and $, "
                                 f"not {name[:60]!r}")
    with tempfile.TemporaryDirectory(prefix="systolith-synthesis-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        parts = {name: kind for name, kind in modules.items()
                 if getattr(technology, PARTS[kind]) is not None}
        (folder / "parts.v").write_text("\n".join(_parts(parts, technology)) + "\n")
        cells = [cell for cell in library.cells.values()
                 if technology.usable(cell) and mappable(cell)
                 or cell.name == technology.flip_flop.cell]
        (folder / "cells.lib").write_text(write_liberty(technology.name, cells))
        (folder / "abc.script").write_text(SCRIPTS[script] + "\n")
        (folder / "job.json").write_text(json.dumps({
            "top": top, "rounds": ADDER_ROUNDS,
            "adders": [name for name, kind in parts.items() if PARTS[kind] != "buffer"],
            "before": [*_before(top, parts, [name for name in children if name in
                                             _names(verilog)])],
            "after": [*_after(technology)]}))
        _run(folder)
        netlist = from_json((folder / "netlist.json").read_text(), top, clock, children)
    netlist.check(library)
    return netlist


def _run(folder: Path) -> None:
    """Yosys ends its process on a fault, so it has one of its own."""
    try:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("yosys_child.py"), folder], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise SynthesisFault(f"synthesis must end within {TIMEOUT} s") from None
    if done.returncode < 0:
        raise SynthesisFault("yosys must be let run to its end, but was stopped by signal "
                             f"{-done.returncode}: is there memory enough?", done.stdout)
    log = folder / "log.txt"
    text = log.read_text(errors="replace") if log.exists() else ""
    if done.returncode or not (folder / "netlist.json").exists():
        whole = text + done.stdout
        said = re.findall(r"^.*?ERROR: (.*)$", whole, re.M)
        if not said:
            said = [whole.strip().splitlines()[-1] if whole.strip() else "no word why"]
        raise SynthesisFault(f"yosys must accept the design, but said: {said[0].strip()[:300]}",
                             whole)


def _modules(verilog: str) -> dict[str, str]:
    """Names of modules that stand for cells, as they are in the Verilog, with their kind."""
    found = {}
    for match in _MODULE.finditer(verilog):
        name = match[1].strip().removeprefix("\\")
        kind = next((kind for kind in PARTS if name.endswith(kind)), None)
        if kind is not None:
            found[name] = kind
    return found


def _parts(modules: Mapping[str, str], technology: Technology) -> Iterator[str]:
    """Verilog of the maps onto the technology's cells."""
    for name, kind in modules.items():
        part = getattr(technology, PARTS[kind])
        match PARTS[kind]:
            case "buffer":
                ports, pins, after = "input i, output o", {part.input: "i", part.output: "o"}, ""
            case "selector":
                ports, after = "input [2:0] bits, choice, output o", ""
                pins = {part.output: "o"}
                for index in range(3):
                    pins[part.inputs[2 * index]] = f"bits[{index}]"
                    pins[part.inputs[2 * index + 1]] = f"choice[{index}]"
            case _:
                inputs = "abc"[:len(part.inputs)]
                bar = "~" if kind.startswith("inverting") != part.inverted else ""
                ports = f"input {', '.join(inputs)}, output carry, sum"
                pins = dict(zip(part.inputs, inputs, strict=True)) | {
                    part.carry: "co", part.sum: "s"}
                after = f" wire co, s; assign carry = {bar}co, sum = {bar}s;"
        connections = ", ".join(f".{pin}({net})" for pin, net in pins.items())
        yield (f"(* techmap_celltype = \"{name}\" *) module \\map${name} ({ports});{after}"
               f" {part.cell} _TECHMAP_REPLACE_ ({connections}); endmodule")
    if technology.full_adder is not None:
        yield _ripple(technology.full_adder)


def _ripple(adder: FullAdder) -> str:
    """A map of narrow sums onto a chain of full adders: smallest, and fast enough in front of a
    tree."""
    bar = "~" if adder.inverted else ""
    a, b, c = adder.inputs
    return f"""
(* techmap_celltype = "$alu" *)
module map_ripple (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 1, B_WIDTH = 1, Y_WIDTH = 1;
  parameter _TECHMAP_CONSTMSK_BI_ = 0, _TECHMAP_CONSTVAL_BI_ = 0;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  input CI, BI;
  output [Y_WIDTH-1:0] X, Y, CO;
  wire _TECHMAP_FAIL_ = Y_WIDTH > {RIPPLE_BITS} || !_TECHMAP_CONSTMSK_BI_ || _TECHMAP_CONSTVAL_BI_;
  wire [Y_WIDTH-1:0] AA, BB;
  wire [Y_WIDTH:0] carry;
  generate
    if (A_WIDTH == 0) assign AA = 0;
    else \\$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) a (.A(A), .Y(AA));
    if (B_WIDTH == 0) assign BB = 0;
    else \\$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) b (.A(B), .Y(BB));
  endgenerate
  assign X = AA ^ BB, CO = carry[Y_WIDTH:1], carry[0] = CI;
  genvar i;
  generate for (i = 0; i < Y_WIDTH; i = i + 1) begin : bits
    if (i == 0) begin
      assign carry[1] = AA[0] & BB[0] | CI & (AA[0] | BB[0]), Y[0] = AA[0] ^ BB[0] ^ CI;
    end else begin
      wire co, s;
      {adder.cell} adder (.{a}(AA[i]), .{b}(BB[i]), .{c}(carry[i]), .{adder.carry}(co),
                          .{adder.sum}(s));
      assign carry[i+1] = {bar}co, Y[i] = {bar}s;
    end
  end endgenerate
endmodule
"""


def _names(verilog: str) -> set[str]:
    return {match[1].strip().removeprefix("\\") for match in _MODULE.finditer(verilog)}


def _before(top: str, parts: Iterable[str], children: Iterable[str]) -> Iterator[str]:
    yield "read_verilog -sv design.v"
    yield f"hierarchy -check -top {top}"
    for name in children:
        yield f"blackbox \\{name}"
        yield f"setattr -mod -set keep 1 \\{name}"
    for name in parts:
        yield f"setattr -mod -set keep_hierarchy 1 \\{name}"
    yield from ("proc", "setattr -unset init", "flatten", "opt", "memory",
                "opt", "opt_clean -purge")


def _after(technology: Technology) -> Iterator[str]:
    yield from ("alumacc", "share", "opt", "techmap -map parts.v -autoproc")
    yield from ("maccmap -unmap", "opt", "techmap", "opt")
    gate = technology.clock_gate
    if gate is None:
        yield "dfflegalize -cell $_DFF_P_ x"
    else:
        # A reset that goes ahead of an enable is one that needs it, of en | rst: then the reset
        # may become data while the enable stays, to gate the clock.
        yield ("dfflegalize " + " ".join(f"-cell {cell} x" for cell in ENABLED)
               + " t:$_SDFFE_*")
        yield from ("dffunmap -srst-only", "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x",
                    "opt_expr", "opt_merge", "opt_clean")
        ties = "".join(f" -tie_lo {pin}" for pin in gate.tie_low)
        yield (f"clockgate -pos {gate.cell} {gate.enable}:{gate.clock}:{gate.output}{ties}"
               f" -min_net_size {gate.bits}")
        yield "dfflegalize -cell $_DFF_P_ x"
    yield "opt"
    yield "dfflibmap -liberty cells.lib"
    yield "opt"
    yield "abc -liberty cells.lib -script abc.script"
    if technology.tie is not None:
        (high, one), (low, zero) = technology.tie.high, technology.tie.low
        yield f"hilomap -singleton -hicell {high} {one} -locell {low} {zero}"
    yield from ("opt_clean -purge", "write_json netlist.json")
