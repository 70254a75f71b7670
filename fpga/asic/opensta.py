# SPDX-License-Identifier: Apache-2.0
"""The critical path by OpenSTA, where it is installed: a second opinion on timing."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .liberty_syntax import read_text
from .library import Library
from .netlist import Netlist
from .technology import Technology
from .timing import Boundary

__all__ = ["OpenStaFault", "Report", "installed", "report"]

TIMEOUT = 600
"""Seconds."""
_SETUP = re.compile(r"^\s*(-?[\d.]+)\s+(-?[\d.]+)\s+library setup time", re.M)
_ARRIVAL = re.compile(r"^\s*(-?[\d.]+)\s+data arrival time", re.M)

_WIRES = re.compile(r"^\s*default_wire_load\w*\s*:.*$", re.M)
"""A library's default wires, which would come on top of what ``Boundary`` says."""


class OpenStaFault(ValueError):
    """Why OpenSTA gave no figure: one sentence."""


@dataclass(frozen=True)
class Report:
    """``arrival`` of the critical path's data and ``setup`` before the clock edge in ps, whose sum
    is ``period``; ``text`` is OpenSTA's report."""

    arrival: float
    setup: float
    text: str

    @property
    def period(self) -> float:
        return self.arrival + self.setup


def installed() -> bool:
    """Whether OpenSTA's ``sta`` is on the path."""
    return shutil.which("sta") is not None


def report(netlist: Netlist, library: Library, technology: Technology,
           boundary: Boundary) -> Report:
    """OpenSTA's critical path of ``netlist`` on the library's own files.

    ``boundary`` must give ``input_delay``; there are no wires. Raises OpenStaFault.
    """
    if not library.paths:
        raise OpenStaFault(f"library {library.name} must be read from files, not built in")
    if boundary.input_delay is None or boundary.wire_load:
        raise OpenStaFault("a boundary for OpenSTA must have an input_delay and no wires")
    with tempfile.TemporaryDirectory(prefix="systolith-opensta-") as name:
        folder = Path(name)
        (folder / "netlist.v").write_text(netlist.verilog())
        for k, path in enumerate(library.paths):  # it reads neither gzip nor every path
            (folder / f"{k}.lib").write_text(_WIRES.sub("", read_text(Path(path))))
        (folder / "run.tcl").write_text(_script(netlist, library, technology, boundary))
        try:
            done = subprocess.run(["sta", "-no_splash", "-exit", "run.tcl"], cwd=folder,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=TIMEOUT)
        except FileNotFoundError:
            raise OpenStaFault("OpenSTA's sta must be installed (Debian: opensta)") from None
        except subprocess.TimeoutExpired:
            raise OpenStaFault(f"OpenSTA must end within {TIMEOUT} s") from None
    arrival, setup = _ARRIVAL.search(done.stdout), _SETUP.search(done.stdout)
    if arrival is None:
        said = [line for line in done.stdout.splitlines() if "rror" in line] or ["nothing"]
        raise OpenStaFault(f"OpenSTA must report a path, but said: {said[0][:200]}")
    return Report(float(arrival[1]), -float(setup[1]) if setup else 0.0, done.stdout)


def _script(netlist: Netlist, library: Library, technology: Technology,
            boundary: Boundary) -> str:
    clock = next((name for name, nets in netlist.inputs.items() if netlist.clock in nets), None)
    if clock is None:
        raise OpenStaFault(f"netlist {netlist.name} must have a clock")
    inputs = [name for name in netlist.inputs if name != clock]
    flop = library.cells[technology.flip_flop.cell]
    usual = next(flop.pins[pin].capacitance for pin in flop.inputs
                 if flop.flip_flop is not None and pin != flop.flip_flop.clock)
    loads = boundary.output_load
    lines = [f"read_liberty {k}.lib" for k in range(len(library.paths))]
    lines += ["read_verilog netlist.v", f"link_design {netlist.name}",
              "set_cmd_units -time ps -capacitance fF",
              f"create_clock -name clock -period 1000000 [get_ports {{{clock}}}]"]
    for names, kind in ((inputs, "inputs"), (list(netlist.outputs), "outputs")):
        for name in names:
            ports = f"[get_ports {{{name}}}]" if len(
                (netlist.inputs | netlist.outputs)[name]) == 1 else f"[get_ports {{{name}[*]}}]"
            if kind == "inputs":
                lines.append(f"set_input_delay {boundary.input_delay} -clock clock {ports}")
                lines.append(f"set_input_transition {boundary.input_slew or 0.0} {ports}")
            else:
                load = loads.get(name) if isinstance(loads, dict) else loads
                lines.append(f"set_output_delay {boundary.output_delay} -clock clock {ports}")
                lines.append(f"set_load {usual if load is None else load} {ports}")
    lines += ["report_checks -path_delay max -digits 4 -fields {slew capacitance}"]
    return "\n".join(lines) + "\n"
