# SPDX-License-Identifier: Apache-2.0
"""From Verilog to a bitstream: synthesis, place and route until the clock is met, packing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...gen.cli.common import stage
from ...gen.spec import Spec
from ..fabric.devices import Device, Usage, family_of
from ..fabric.fit import lacking, unfit
from ..fabric.idle import hold_rows, idle_period
from ..fabric.nextpnr import TOOLS, Overflow, Route, route
from ..fabric.pack import PACKERS, pack, routed_output
from ..fabric.tools import command
from ..fabric.yosys import NETLIST, Synthesis, synthesise
from .board import Board
from .constraints import constraints

__all__ = ["Implementation", "Unfit", "check_tools", "implement", "place_and_route",
           "synthesise_only"]


class Unfit(ValueError):
    """The design does not fit: one sentence."""


@dataclass(frozen=True)
class Implementation:
    """What became of a design: synthesis, every route, the best of them, and the bitstream."""

    synthesis: Synthesis
    usage: Usage
    routes: tuple[Route, ...] = ()
    best: Route | None = None
    bitstream: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def check_tools(device: Device) -> None:
    """Raises ToolMissing where a tool for the device is."""
    command(TOOLS[device.family])
    command(PACKERS[device.family])


def synthesise_only(device: Device, spec: Spec, sources: Sequence[str], top: str, folder: Path, *,
                    quiet: bool = False) -> Implementation:
    """Synthesise ``top`` of the files ``sources`` in ``folder``. Raises Unfit, ToolFault."""
    with stage(f"synthesise {spec.name} for {device.name}", quiet=quiet):
        built = synthesise(sources, top, family_of(device), folder,
                           dsps=device.capacity["dsp"] if device.nextpnr else None)
    lacks = lacking(built.usage, device)
    if lacks:
        raise Unfit(unfit(lacks, device, family_of(device), spec))
    return Implementation(built, built.usage, seconds={"synthesis": built.seconds})


def implement(board: Board, spec: Spec, sources: Sequence[str], top: str, folder: Path, *,
              clock_mhz: float, seeds: Sequence[int], quiet: bool = False) -> Implementation:
    """As ``synthesise_only``, then route with one seed after another until ``clock_mhz`` is met,
    and pack the best.

    Raises Unfit, ToolMissing, ToolFault; logs stay in ``folder``.
    """
    device, family = board.device, board.family
    made = synthesise_only(device, spec, sources, top, folder, quiet=quiet)
    name, text = constraints(board)
    (folder / name).write_text(text)
    idle = _hold_rows(device, made.usage, top, folder)
    routes = place_and_route(board, spec, folder, name, clock_mhz=clock_mhz, seeds=seeds,
                             quiet=quiet)
    best = max(routes, key=lambda each: each.fmax)
    with stage("pack", quiet=quiet):
        bitstream, packing = pack(device, folder)
    usage = dict(made.usage)
    for bel, (used, _) in best.used.items():
        if bel in family.bels:
            usage[family.bels[bel]] = used
    usage["lut"] -= idle
    return Implementation(made.synthesis, usage, tuple(routes), best, bitstream.name, {
        **made.seconds, **{f"route, seed {each.seed}": each.seconds for each in routes},
        "packing": packing})


def _hold_rows(device: Device, usage: Usage, top: str, folder: Path) -> int:
    """Idle LUTs that the netlist in ``folder`` is given, where the device's wires can run short."""
    period = idle_period(usage["lut"], device.capacity["lut"]) if device.tiles else None
    return hold_rows(folder / NETLIST, top, device.tiles, period) if period else 0


def place_and_route(board: Board, spec: Spec, folder: Path, constraint: str, *,
                    clock_mhz: float, seeds: Sequence[int], quiet: bool) -> list[Route]:
    """Routes, one a seed, until one meets ``clock_mhz``; what the packer reads is the best's."""
    device = board.device
    flag = {"ecp5": ["--lpf", constraint], "ice40": ["--pcf", constraint],
            "gowin": ["--vopt", f"cst={constraint}"]}[device.family]
    option, output = routed_output(device)
    routes: list[Route] = []
    best = 0.0
    for index, seed in enumerate(seeds):
        fresh = folder / f"seed-{seed}-{output}"
        with stage(f"place and route, seed {seed} ({index + 1} of at most {len(seeds)})",
                   quiet=quiet):
            try:
                routes.append(route(
                    board.family, NETLIST,
                    [*device.nextpnr, *board.nextpnr, *flag, option, fresh.name], folder,
                    seed=seed, log=f"nextpnr-{seed}.log", megahertz=clock_mhz))
            except Overflow as fault:
                raise Unfit(unfit(fault.lacks, device, board.family, spec)) from None
        if routes[-1].fmax > best:
            best = routes[-1].fmax
            fresh.replace(folder / output)
        else:
            fresh.unlink()
        if best >= clock_mhz:
            break
    return routes
