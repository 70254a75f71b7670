# SPDX-License-Identifier: Apache-2.0
"""Place and route by nextpnr, and what its report says."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .devices import Family
from .tools import ToolFault, run
from .yosys import last_error

__all__ = ["TOOLS", "Overflow", "Route", "route", "utilisation"]

TOOLS = {"ecp5": "nextpnr-ecp5", "ice40": "nextpnr-ice40", "gowin": "nextpnr-himbaechel"}
_LINE = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+\d+%", re.M)


@dataclass(frozen=True)
class Route:
    """A routed design: Fmax in MHz by clock, (used, available) by kind of BEL, seconds."""

    seed: int
    clocks: Mapping[str, float]
    used: Mapping[str, tuple[int, int]]
    seconds: float

    @property
    def fmax(self) -> float:
        """MHz of the slowest clock."""
        return min(self.clocks.values())


class Overflow(ToolFault):
    """The device has too little: (needed, available) by resource in ``lacks``."""

    def __init__(self, lacks: Mapping[str, tuple[int, int]], log: str):
        super().__init__("design must fit the device", log)
        self.lacks = lacks


def route(family: Family, netlist: str, arguments: Sequence[object], folder: Path, *,
          seed: int, log: str = "nextpnr.log", megahertz: float | None = None) -> Route:
    """Place and route ``netlist`` in ``folder``; a missed clock is no fault.

    ``arguments``: device, constraints and output, files by names in ``folder``: tools of YoWASP
    see no other. Raises Overflow, ToolMissing, ToolFault.
    """
    report = folder / f"{log}.json"
    report.unlink(missing_ok=True)
    frequency = [] if megahertz is None else ["--freq", megahertz]
    done = run(TOOLS[family.name], [
        "--json", netlist, "--report", report.name, "--seed", seed, "--timing-allow-fail",
        *frequency, *arguments], folder=folder, log=folder / log)
    if done.code or not report.exists():
        lacks = {family.bels.get(bel, bel): pair for bel, pair in utilisation(done.text).items()
                 if pair[0] > pair[1]}
        if lacks:
            raise Overflow(lacks, done.text)
        raise ToolFault(f"{TOOLS[family.name]} must place and route the design, but said: "
                        f"{last_error(done.text)}", done.text)
    document = json.loads(report.read_text())
    report.unlink()
    clocks = {name: entry["achieved"] for name, entry in document["fmax"].items()}
    if not clocks:
        raise ToolFault(f"{TOOLS[family.name]} must find a clock, but reports none", done.text)
    used = {name: (entry["used"], entry["available"])
            for name, entry in document["utilization"].items()}
    return Route(seed, clocks, used, done.seconds)


def utilisation(log: str) -> dict[str, tuple[int, int]]:
    """(used, available) by kind of BEL, as nextpnr's log has it, also of what does not fit."""
    return {kind: (int(used), int(available)) for kind, used, available in _LINE.findall(log)}
