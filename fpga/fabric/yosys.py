# SPDX-License-Identifier: Apache-2.0
"""Synthesis for FPGAs by yosys, as pyosys brings it: native code of a pinned version."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .devices import Family, Usage
from .products import in_luts, products_of
from .tools import ToolFault, run_logged

__all__ = ["NETLIST", "Synthesis", "last_error", "synthesise"]

CHILD = Path(__file__).with_name("yosys_child.py")
NETLIST = "netlist.json"
PRODUCTS, FLAT, SELECTION, CELLS = "products.json", "flat.il", "products.sel", "cells.json"


@dataclass(frozen=True)
class Synthesis:
    """A netlist's cells by type, what they take, seconds of run time, and how many products are
    in LUTs for want of DSPs."""

    cells: dict[str, int] = field(repr=False)
    usage: Usage
    seconds: float
    soft_products: int = 0


def synthesise(sources: Sequence[str], top: str, family: Family, folder: Path, *,
               dsps: float | None = None) -> Synthesis:
    """Netlist ``netlist.json`` of the module ``top`` of the files ``sources`` in ``folder``, there,
    and ``yosys.log``.

    Products that take more than ``dsps`` DSPs go into LUTs, by Booth's recoding. Raises ToolFault.
    """
    read = [*(f"read_verilog -sv {source}" for source in sources), f"hierarchy -top {top}"]
    seconds = 0.0
    soft: list[str] = []
    if dsps is not None:
        seconds = _run([*read, "proc", "flatten", "opt -nodffe -nosdff", "wreduce", "opt_clean",
                        f"json -o {PRODUCTS} t:$mul", f"write_rtlil {FLAT}"], "flatten", folder)
        products = products_of((folder / PRODUCTS).read_text(), top)
        soft = [each.name for each in in_luts(products, family, dsps)]
        (folder / SELECTION).write_text("".join(f"{top}/{name}\n" for name in soft))
        read = [f"read_rtlil {FLAT}"]
        if soft:
            read += [f"select -read {SELECTION}", "booth", "select -clear"]
    seconds += _run([*read, f"{family.synthesis} -top {top}", f"tee -q -o {CELLS} stat -json",
                     f"write_json {NETLIST}"], "yosys", folder)
    cells = json.loads((folder / CELLS).read_text())["design"]["num_cells_by_type"]
    for name in (PRODUCTS, FLAT, SELECTION, CELLS):
        (folder / name).unlink(missing_ok=True)
    return Synthesis(cells, family.count(cells), seconds, len(soft))


def _run(commands: Sequence[str], name: str, folder: Path) -> float:
    """Seconds that yosys took for ``commands``; its log is ``<name>.log``. Raises ToolFault."""
    script = folder / f"{name}.ys"
    script.write_text("\n".join(commands) + "\n")
    done = run_logged("yosys", [sys.executable, str(CHILD), script.name], folder=folder,
                      log=folder / f"{name}.log")
    if done.code or "ERROR: " in done.text:
        raise ToolFault(f"yosys must accept the design, but said: {last_error(done.text)}",
                        done.text)
    return done.seconds


def last_error(log: str) -> str:
    """The last line of ``log`` that speaks of an error, or else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    said = [match[1] for line in lines if (match := re.search(r"\bERROR: (.*)", line))]
    return ((said or lines)[-1] if lines else "no word why")[:300]
