# SPDX-License-Identifier: Apache-2.0
"""A simulated board: a ``BoardShell`` in Verilator at the end of a pseudo-terminal."""

import json
import socket
import tempfile
import threading
from functools import cache
from pathlib import Path
from typing import Literal

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..gen.build import accelerator, arithmetic
from ..gen.emit.platform import EmittingPlatform
from ..gen.spec import Spec
from ..rtl.board.shell import BoardShell
from .run import generator_hash
from .simulator import Processes, SimulationFault, Simulator, build, recall

__all__ = ["BAUD", "DIVISOR", "SimulatedBoard", "WiredBoard", "board_simulator"]

TOP = "systolith_board"
BAUD = 1_000_000
DIVISOR = 4
"""Cycles of a bit: few, since a simulated cycle takes its time."""
PIECE_BITS = 320
PATIENCE = 120.0


class WiredBoard(wiring.Component):
    """A board shell whose ``rx`` is played from pieces of up to ``PIECE_BITS`` levels, so that the
    test bench need not wake up for every bit. A reset of the board is none of the line.

    *Timing*: two cycles after ``turn`` changed, the first level of ``levels`` is on the line, the
    others follow every ``DIVISOR`` cycles, then it is idle.

    *Parameters*: ``shell``.

    *Members*: ``levels``, lowest first, above them ones; ``turn``; ``tx``, ``busy``, ``failed`` of
    the shell.
    """

    def __init__(self, shell: BoardShell):
        self.shell = shell
        super().__init__({"levels": In(PIECE_BITS), "turn": In(1), "tx": Out(1), "busy": Out(1),
                          "failed": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.shell = shell = self.shell
        turned = Signal(reset_less=True)
        left = Signal(range(DIVISOR), reset_less=True)
        line = Signal(PIECE_BITS, reset_less=True, init=-1)
        m.d.sync += [turned.eq(self.turn), left.eq(left - 1)]
        with m.If(turned != self.turn):
            m.d.sync += [line.eq(self.levels), left.eq(DIVISOR - 1)]
        with m.Elif(left == 0):
            m.d.sync += [line.eq((line >> 1) | 1 << PIECE_BITS - 1), left.eq(DIVISOR - 1)]
        m.d.comb += [shell.rx.eq(line[0]), self.tx.eq(shell.tx), self.busy.eq(shell.busy),
                     self.failed.eq(shell.failed)]
        return m


@cache
def board_simulator(spec: Spec) -> Simulator:
    """The Verilator model of the board shell with ``spec``'s accelerator, from the cache or built
    now."""
    def make() -> Simulator:
        shell = BoardShell(accelerator(spec), clock_hz=DIVISOR * BAUD, baud=BAUD)
        source, ports = EmittingPlatform("systolith", arithmetic(spec)).convert(
            WiredBoard(shell), TOP)
        return build(source, top=TOP, ports=ports)

    origin = f"{spec.hash:016x} {spec.arithmetic} {DIVISOR} {PIECE_BITS} {generator_hash()}"
    return recall(origin, TOP, make)


class SimulatedBoard:
    """A board of ``spec`` at ``port``, a pseudo-terminal, while the context lasts.

    Any baud rate does. ``inject`` makes faults. SimulationFault at the end where the simulation
    failed, or at the beginning where it does not start.
    """

    def __init__(self, spec: Spec):
        self.spec = spec
        self.port = ""
        self._processes = Processes()
        self._fault: SimulationFault | None = None

    def __enter__(self) -> "SimulatedBoard":
        model = board_simulator(self.spec)
        self._folder = tempfile.TemporaryDirectory(prefix="systolith-")
        folder = Path(self._folder.name)
        self._thread = threading.Thread(target=self._simulate, args=(model, folder), daemon=True)
        job = folder / "board.json"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "control"))
            listener.listen()
            listener.settimeout(0.5)
            job.write_text(json.dumps({
                "control": str(folder / "control"), "divisor": DIVISOR, "piece": PIECE_BITS}))
            self._thread.start()
            self._control = self._accept(listener).makefile("rw")
        self.port = json.loads(self._control.readline())["port"]
        return self

    def _accept(self, listener: socket.socket) -> socket.socket:
        for _ in range(int(PATIENCE / 0.5)):
            try:
                connection, _ = listener.accept()
                return connection
            except TimeoutError:
                if not self._thread.is_alive():
                    break
        self.__exit__()
        raise SimulationFault("the simulated board did not start")

    def _simulate(self, model: Simulator, folder: Path) -> None:
        try:
            model.run("systolith.verif.benches.board", job=folder / "board.json", work=folder,
                      processes=self._processes)
        except SimulationFault as fault:
            self._fault = fault

    def __exit__(self, *_) -> None:
        if hasattr(self, "_control"):
            self._order({"kind": "stop"})
            self._control.close()
            self._thread.join(PATIENCE)
        self._processes.stop()
        self._thread.join()
        self._folder.cleanup()
        if self._fault is not None:
            raise self._fault

    def inject(self, kind: Literal["flip", "drop", "reset"], *, after: int = 0,
               toward: Literal["board", "host"] = "board", mask: int = 0x10) -> None:
        """Once ``after`` more bytes have gone ``toward`` an end: flip the next one's bits in
        ``mask``, drop it, or reset the board in the midst of it."""
        self._order({"kind": kind, "after": after, "toward": toward, "mask": mask})

    def _order(self, order: dict) -> None:
        try:
            self._control.write(json.dumps(order) + "\n")
            self._control.flush()
            self._control.readline()
        except OSError:  # the simulation ended; its fault tells why
            pass
