# SPDX-License-Identifier: Apache-2.0
"""How fast a part of an accelerator is by itself: placed and routed between registers."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...gen.emit.platform import EmittingPlatform, ports_of
from .devices import FAMILIES, Usage
from .nextpnr import route
from .yosys import NETLIST, synthesise

__all__ = ["ARGUMENTS", "Harness", "Routed", "area_of", "routed"]

TOP = "harness"
PART = "part"
ARGUMENTS = ("--85k", "--package", "CABGA756", "--speed", "6", "--lpf-allow-unconstrained")
"""What nextpnr-ecp5 is told: the slowest ECP5-85F, in its largest package."""
GOAL = 200.0
"""MHz that nextpnr is asked for, above what parts reach, so that it does not rest."""


class Harness(wiring.Component):
    """``part`` between registers, on three pins: no path of it begins or ends at a pin.

    ``input[i] <= shift[i] ^ shift[i + 1]``, ``output[i] <= part's``,
    ``collect[i] <= collect[i - 1] ^ output[i]``: any input can be shifted in, every output is seen
    at ``o``, and no net of the harness has more than three readers or a LUT of more than two
    inputs in its way.

    *Timing*: one clock; the part's reset is its own, from a register.

    *Parameters*: ``part``, a component whose ports are its signature's.

    *Members*: ``i``, ``o``.
    """

    def __init__(self, part: wiring.Component):
        self.part = part
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.part = self.part
        ports = ports_of(self.part)
        inputs = [value for value, flow in ports.values() if flow.value == "input"]
        outputs = [value for value, flow in ports.values() if flow.value == "output"]
        width = sum(map(len, inputs))
        shift = Signal(width + 1, reset_less=True)
        held = Signal(width, reset_less=True)
        m.d.sync += [shift.eq((shift << 1) | self.i), held.eq(shift ^ (shift >> 1))]
        start = 0
        for value in inputs:
            m.d.comb += value.eq(held[start:start + len(value)])
            start += len(value)
        total = sum(map(len, outputs))
        seen = Signal(total, reset_less=True)
        collect = Signal(total, reset_less=True)
        start = 0
        for value in outputs:
            m.d.sync += seen[start:start + len(value)].eq(value)
            start += len(value)
        m.d.sync += collect.eq((collect << 1) ^ seen)
        m.d.comb += self.o.eq(collect[-1])
        return m


@dataclass(frozen=True)
class Routed:
    """A part, routed: ``area`` of it alone as yosys counts, Fmax in MHz of every seed, seconds of
    synthesis with the harness and of all routes."""

    area: Usage
    fmax: tuple[float, ...]
    synthesis_seconds: float
    route_seconds: float

    @property
    def median(self) -> float:
        """MHz."""
        return median(self.fmax)


def area_of(part: wiring.Component, family: str = "ecp5", *,
            platform: EmittingPlatform | None = None, flags: str = "") -> Usage:
    """What ``part`` alone takes in ``family``, by yosys, whose synthesis is given ``flags`` as
    well. Raises ToolFault."""
    with tempfile.TemporaryDirectory(prefix="systolith-part-") as name:
        folder = Path(name)
        text, _ = (platform or EmittingPlatform(PART)).convert(part, PART)
        (folder / "part.v").write_text(text)
        chosen = FAMILIES[family]
        chosen = replace(chosen, synthesis=f"{chosen.synthesis} {flags}".strip())
        return synthesise(["part.v"], PART, chosen, folder).usage


def routed(make: Callable[[], wiring.Component], *, seeds: Sequence[int] = (1, 2, 3),
           goal: float = GOAL, keep: Path | None = None,
           done: Callable[[], None] = lambda: None,
           platform: Callable[[], EmittingPlatform] = lambda: EmittingPlatform(PART)) -> Routed:
    """Area and Fmax on the slowest ECP5-85F of the part that ``make`` makes, route by route.

    ``goal``: the clock that nextpnr is asked for, MHz; ``keep``: a folder for Verilog, netlist and
    logs; ``done`` is called after synthesis and after every route; ``platform`` makes what the
    part is emitted by. Raises ToolMissing, ToolFault.
    """
    with tempfile.TemporaryDirectory(prefix="systolith-harness-") as name:
        folder = keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        area = area_of(make(), platform=platform())
        text, _ = platform().convert(Harness(make()), TOP)
        (folder / "harness.v").write_text(text)
        built = synthesise(["harness.v"], TOP, FAMILIES["ecp5"], folder)
        done()
        routes = []
        for seed in seeds:
            routes.append(route(FAMILIES["ecp5"], NETLIST, ARGUMENTS, folder, seed=seed,
                                log=f"nextpnr-{seed}.log", megahertz=goal))
            done()
    return Routed(area, tuple(each.fmax for each in routes), built.seconds,
                  sum(each.seconds for each in routes))
