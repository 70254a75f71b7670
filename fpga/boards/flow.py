# SPDX-License-Identifier: Apache-2.0
"""What ``systolith synth --board`` and ``--target`` of an FPGA do: from arguments to files."""

import json as json_module
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ...gen.build import accelerator, arithmetic
from ...gen.cli.common import (
    InputFault,
    atomic_directory,
    print_json,
    print_overridden,
    stage,
)
from ...gen.emit.package import TOP as CORE
from ...gen.emit.platform import EmittingPlatform
from ...gen.spec import Spec, load
from ...rtl.board.shell import BoardShell
from ..fabric.devices import DEVICES, FAMILIES, TARGET_DEVICES, Device
from ..fabric.tools import ToolFault, ToolMissing
from ..vivado import VIVADO_BOARDS, VivadoFault, write_vivado_project
from .board import BOARDS, Board
from .implement import Implementation, Unfit, check_tools, implement, synthesise_only
from .pll import PllFault
from .report import document, show
from .top import SHELL, TOP, BoardTop, clock_of

__all__ = ["BAUD", "FLOW_FAULTS", "TARGETS", "Design", "Failure", "Request", "design_of", "run"]

FLOW_FAULTS = (ToolMissing, PllFault, VivadoFault)
"""Faults of input or set-up."""
TARGETS = tuple(FAMILIES)
BAUD = 1_000_000
VIVADO = "vivado"
"""Folder of the project for what nextpnr does not know."""


class Failure(Exception):
    """The flow ran and the design does not hold: one sentence."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The command's arguments, as the user gave them; ``board`` or else ``target``."""

    spec: str
    overrides: tuple[str, ...] = ()
    board: str | None = None
    target: str | None = None
    seed: int = 1
    tries: int = 4
    baud: int = BAUD
    output: Path | None = None
    force: bool = False
    json: bool = False


@dataclass(frozen=True)
class Design:
    """Verilog by file name, the top's name, and the core's clock."""

    sources: dict[str, str]
    top: str
    clock_mhz: float


def run(request: Request) -> bool:
    """Synthesise, route, pack, print and write; whether the clock is met.

    Raises Failure where the design does not fit or a tool broke down: what there is of logs has
    been written by then.
    """
    board, device = _board(request), _device(request)
    spec = load(request.spec, request.overrides)
    if board is not None:
        if request.output is None:
            raise InputFault("--board needs --output DIR, for the bitstream")
        if board.routable:
            check_tools(device)
    folder = (tempfile.TemporaryDirectory(prefix="systolith-synth-") if request.output is None
              else atomic_directory(request.output, "synth", force=request.force))
    failure = None
    with folder as written:
        work = Path(written)
        design = design_of(board, spec, baud=request.baud, quiet=request.json)
        for name, text in design.sources.items():
            (work / name).write_text(text)
        if board is not None and board.name in VIVADO_BOARDS:
            (work / VIVADO).mkdir()
            with stage(f"write the Vivado project of {spec.name}", quiet=request.json):
                write_vivado_project(spec, board.name, work / VIVADO, baud=request.baud)
        try:
            made = _build(request, board, device, spec, design, work)
        except (Unfit, ToolFault) as fault:
            failure = str(fault)
            told: dict = {"spec": spec.name, "device": device.name, "error": failure}
        else:
            told = document(spec, device, board, made, asked_mhz=spec.target.clock_mhz,
                            clock_mhz=design.clock_mhz, baud=request.baud,
                            vivado=VIVADO if (work / VIVADO).exists() else None)
        (work / "report.json").write_text(json_module.dumps(told, indent=2) + "\n")
    if failure is not None:
        raise Failure(failure + ("" if request.output is None else f" (logs: {request.output})"))
    if request.json:
        print_json(told)
    else:
        print_overridden(spec, request.overrides)
        show(told)
    return told["met"] is not False


def _board(request: Request) -> Board | None:
    if request.board is None:
        return None
    if request.board not in BOARDS:
        raise InputFault(f"--board must be one of {', '.join(BOARDS)}, not {request.board!r}")
    return BOARDS[request.board]


def _device(request: Request) -> Device:
    if request.board is not None:
        return BOARDS[request.board].device
    return DEVICES[TARGET_DEVICES[str(request.target)]]


def design_of(board: Board | None, spec: Spec, *, baud: int = BAUD, quiet: bool = False) -> Design:
    """The core, or where the board has a serial line the shell around it, with the board's top
    where that is to be routed. Raises InputFault, PllFault."""
    platform = EmittingPlatform(CORE, arithmetic(spec))
    core = accelerator(spec)
    if board is None or not board.has_pads:
        with stage(f"emit {spec.name}", quiet=quiet):
            text, _ = platform.convert(core, CORE)
        return Design({f"{CORE}.v": text}, CORE, spec.target.clock_mhz)
    clock_mhz, setting = (clock_of(board, spec.target.clock_mhz) if board.routable
                          else (spec.target.clock_mhz, None))
    try:
        shell = BoardShell(core, clock_hz=round(clock_mhz * 1e6), baud=baud)
    except ValueError as fault:
        raise InputFault(f"{spec.name} on {board.name}: {fault}") from None
    with stage(f"emit {spec.name}", quiet=quiet):
        text, _ = platform.convert(shell, SHELL)
    sources = {f"{SHELL}.v": text}
    if not board.routable:
        return Design(sources, SHELL, clock_mhz)
    return Design(sources | {f"{TOP}.v": BoardTop(board, setting).verilog()}, TOP, clock_mhz)


def _build(request: Request, board: Board | None, device: Device, spec: Spec, design: Design,
           work: Path) -> Implementation:
    if board is None or not board.routable:
        return synthesise_only(device, spec, list(design.sources), design.top, work,
                               quiet=request.json)
    return implement(board, spec, list(design.sources), design.top, work,
                     clock_mhz=max(design.clock_mhz, spec.target.clock_mhz),
                     seeds=range(request.seed, request.seed + request.tries),
                     quiet=request.json)
