# SPDX-License-Identifier: Apache-2.0
"""A network on a board: the host library over a pseudo-terminal to the simulated board."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from systolith.fpga.host.board import Board
from systolith.fpga.host.faults import BoardReset, Garbled, HostFault, NoAnswer, WrongBitstream
from systolith.fpga.host.link import Link
from systolith.fpga.host.session import Compiled, compile_model, load_image, run_on_board
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.report import Report
from systolith.gen.spec import load
from systolith.verif.board import SimulatedBoard

from .table import Result, Section

__all__ = ["SECTIONS"]

SAMPLES = 5
TIMEOUT = 10.0
CLEAR = "a clear error, then = golden"
SPECS = {"kws-edge": "kws_dbb4_ft.tflite", "kws-vdbb": "kws_ref_model.tflite"}


def uart_keyword_spotting(networks: Path) -> Iterator[Result]:
    """Real samples, and every fault on the way with a run behind it."""
    for name, model in SPECS.items():
        spec = load(name, ["bus.dma=null"])
        compiled = compile_model(spec, networks / model, quiet=True)
        inputs = load_inputs(networks / "kws_public100.npz", compiled.network)

        def infer(link: Link, compiled: Compiled = compiled, inputs=inputs,
                  count: int = 1) -> Report:
            return run_on_board(Board(link), compiled, inputs.first(count), seconds=600,
                                quiet=True)

        with SimulatedBoard(spec) as board:
            with Link(board.port, timeout=TIMEOUT) as link:
                report = infer(link, count=SAMPLES)
                yield (f"{model} on a board of {name}: outputs, cycles and counters",
                       f"{SAMPLES} samples", report.mismatch or f"{SAMPLES} = golden",
                       bool(report.bit_exact))
                for kind in ("flip", "drop"):
                    repeated = link.repeated
                    for toward in ("board", "host"):
                        board.inject(kind, after=300, toward=toward)
                    exact = infer(link).bit_exact
                    yield (f"{name}: a byte {kind}ped each way, repeated", "= golden",
                           f"{link.repeated - repeated} repetitions",
                           bool(exact) and link.repeated > repeated)
                board.inject("reset", after=3000)
                told = _told(lambda link=link, compiled=compiled: load_image(
                    Board(link), compiled, quiet=True), BoardReset)
                yield (f"{name}: a board that is reset while an image is loaded", CLEAR,
                       told or "no error", bool(told and infer(link).bit_exact))
            with Link(board.port, timeout=TIMEOUT, retries=0) as link:
                yield from _faults(name, board, link, compiled, lambda: infer(link))


def _faults(name: str, board: SimulatedBoard, link: Link, compiled: Compiled,
            infer: Callable[[], Report]) -> Iterator[Result]:
    """Each fault ends in a clear error, without repetition, and a run after it is exact."""
    other = load(name, ["bus.dma=null", "memory.activations=32 KiB"])
    for kind, what in (("flip", "garbled"), ("drop", "dropped")):
        for toward in ("board", "host"):
            board.inject(kind, after=300, toward=toward)
            told = _told(infer, Garbled, NoAnswer)
            yield (f"{name}: a {what} byte toward the {toward}", CLEAR, told or "no error",
                   bool(told and infer().bit_exact))
    told = _told(lambda: load_image(Board(link), replace(compiled, spec=other), quiet=True),
                 WrongBitstream)
    yield (f"{name}: a wrong bitstream", CLEAR, told or "no error",
           bool(told and infer().bit_exact))


def _told(use: Callable[[], object], *faults: type[HostFault]) -> str | None:
    """What one of ``faults`` says that ``use`` ends in; None if it ends well."""
    try:
        use()
    except faults as raised:
        return str(raised)
    return None


SECTIONS: tuple[Section, ...] = ((uart_keyword_spotting, True),)
