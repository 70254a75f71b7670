# SPDX-License-Identifier: Apache-2.0
"""Synthesis of Verilog onto a library's cells, by yosys and abc."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .liberty_writer import mappable, write_liberty
from .library import Library
from .netlist import Netlist, from_json
from .technology import Technology

__all__ = ["SynthesisFault", "synthesise"]

ADDER_PORTS = {"full_adder": ("carry", "sum"),
               "inverting_full_adder": ("carry_n", "sum_n")}
"""Modules of the RTL that stand for full-adder cells, by the end of their name, with outputs."""
FANOUT_BUFFER = "fanout_buffer"
"""End of the name of modules that stand for buffers."""
ADDER_ROUNDS = 8
TIMEOUT = 1800
"""Seconds."""
_MODULE = re.compile(r"^\s*module\s+(\\\S+\s|[A-Za-z_]\w*)", re.M)
_BUFFERS = "buffer -c; topo; stime; upsize; dnsize"


class SynthesisFault(ValueError):
    """Why a design could not be synthesised: one sentence, and the tool's log in ``log``."""

    def __init__(self, sentence: str, log: str = ""):
        super().__init__(sentence)
        self.log = log


@dataclass(frozen=True)
class _Modules:
    """Names of the RTL's modules that are mapped by hand, as they stand in the Verilog."""

    adders: dict[str, str]
    buffers: tuple[str, ...]


def synthesise(verilog: str, top: str, library: Library, technology: Technology, *,
               clock: str = "clk", gate_bits: int | None = None, script: str | None = None,
               buffers: bool | None = None) -> Netlist:
    """The module ``top`` of ``verilog``, flat, on the cells of ``library``.

    Modules whose name ends in ``full_adder`` or ``inverting_full_adder`` (ports a, b, c and
    carry, sum or carry_n, sum_n) become the technology's full adder, with inverters where it has
    the other polarity; one with a constant input or an unread output becomes logic, as does all
    of them where the technology has no such cell. Those that end in ``fanout_buffer`` (i to o)
    become its buffer. Registers with enables of at least ``gate_bits`` bits (default: the
    technology's) are gated.

    ``script``: abc's commands in place of the usual ones. ``buffers``: whether abc buffers and
    sizes; default: the technology's word. Raises SynthesisFault.
    """
    technology.check(library)
    modules = _modules(verilog)
    with tempfile.TemporaryDirectory(prefix="systolith-synthesis-") as name:
        folder = Path(name)
        (folder / "design.v").write_text(verilog)
        (folder / "parts.v").write_text("\n".join(_parts(modules, technology)) + "\n")
        cells = [cell for cell in library.cells.values()
                 if technology.usable(cell) and mappable(cell)
                 or cell.name == technology.flip_flop.cell]
        (folder / "cells.lib").write_text(write_liberty(technology.name, cells))
        (folder / "abc.script").write_text("\n".join(
            [script or "strash; &get -n; &st; &dch; &nf -R 10; &put",
             _BUFFERS if (technology.buffers_in_abc if buffers is None else buffers) else ""]))
        adders = list(modules.adders) if technology.full_adder else []
        (folder / "job.json").write_text(json.dumps({
            "top": top, "rounds": ADDER_ROUNDS, "adders": adders,
            "before": [*_before(top, adders, modules)],
            "after": [*_after(technology, gate_bits)]}))
        _run(folder)
        netlist = from_json((folder / "netlist.json").read_text(), top, clock)
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
    log = folder / "log.txt"
    text = log.read_text(errors="replace") if log.exists() else ""
    if done.returncode or not (folder / "netlist.json").exists():
        whole = text + done.stdout
        said = re.findall(r"^.*?ERROR: (.*)$", whole, re.M)
        if not said:
            said = [whole.strip().splitlines()[-1] if whole.strip() else "no word why"]
        raise SynthesisFault(f"yosys must accept the design, but said: {said[0].strip()[:300]}",
                             whole)


def _modules(verilog: str) -> _Modules:
    adders, buffers = {}, []
    for match in _MODULE.finditer(verilog):
        name = match[1].strip().removeprefix("\\")
        plain = name.rstrip("\\ ")
        if plain.endswith("inverting_full_adder"):
            adders[name] = "inverting_full_adder"
        elif plain.endswith("full_adder"):
            adders[name] = "full_adder"
        elif plain.endswith(FANOUT_BUFFER):
            buffers.append(name)
    return _Modules(adders, tuple(buffers))


def _parts(modules: _Modules, technology: Technology) -> Iterator[str]:
    """Verilog of the maps and of the cells that they place."""
    buffer = technology.buffer
    for name in modules.buffers:
        yield (f"(* techmap_celltype = \"{name}\" *) module \\map${name} (input i, output o);"
               f" {buffer.cell} _TECHMAP_REPLACE_ (.{buffer.input}(i), .{buffer.output}(o));"
               " endmodule")
    adder = technology.full_adder
    if adder is None:
        return
    for name, kind in modules.adders.items():
        carry, total = ADDER_PORTS[kind]
        a, b, c = adder.inputs
        bar = "~" if (kind == "inverting_full_adder") != adder.inverted else ""
        yield (f"(* techmap_celltype = \"{name}\" *) module \\map${name} "
               f"(input a, b, c, output {carry}, {total}); wire co, s;"
               f" {adder.cell} _TECHMAP_REPLACE_ (.{a}(a), .{b}(b), .{c}(c),"
               f" .{adder.carry}(co), .{adder.sum}(s));"
               f" assign {carry} = {bar}co, {total} = {bar}s; endmodule")


def _quoted(name: str) -> str:
    return f"\\{name}"


def _before(top: str, adders: Sequence[str], modules: _Modules) -> Iterator[str]:
    yield "read_verilog -sv design.v"
    yield f"hierarchy -check -top {top}"
    for name in (*adders, *modules.buffers):
        yield f"setattr -mod -set keep_hierarchy 1 {_quoted(name)}"
    yield from ("proc", "setattr -unset init", "flatten", "opt", "opt_clean -purge")


def _after(technology: Technology, gate_bits: int | None) -> Iterator[str]:
    yield from ("alumacc", "share", "opt", "techmap -map parts.v -autoproc")
    yield from ("maccmap -unmap", "opt", "techmap", "opt")
    gate = technology.clock_gate
    yield "dfflegalize -cell $_DFF_P_ x" + (" -cell $_DFFE_PP_ x" if gate else "")
    if gate is not None:
        ties = "".join(f" -tie_lo {pin}" for pin in gate.tie_low)
        yield (f"clockgate -pos {gate.cell} {gate.enable}:{gate.clock}:{gate.output}{ties}"
               f" -min_net_size {gate_bits or gate.bits}")
        yield "dfflegalize -cell $_DFF_P_ x"
    yield "opt"
    yield "dfflibmap -liberty cells.lib"
    yield "opt"
    yield "abc -liberty cells.lib -script abc.script"
    if technology.tie is not None:
        (high, one), (low, zero) = technology.tie.high, technology.tie.low
        yield f"hilomap -singleton -hicell {high} {one} -locell {low} {zero}"
    yield from ("opt_clean -purge", "write_json netlist.json")
