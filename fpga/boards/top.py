# SPDX-License-Identifier: Apache-2.0
"""What is around the core on a board: its clock, its reset, pins the right way up."""

from amaranth import Cat, ClockDomain, ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .board import PINS, Board
from .pll import Setting

__all__ = ["SHELL", "TOP", "BoardTop", "PowerOnReset", "clock_of"]

TOP = "top"
SHELL = "systolith_board"
"""Module of the shell: ports of ``PINS``, and ``rst``."""
RESET_CYCLES = 255


def clock_of(board: Board, megahertz: float) -> tuple[float, Setting | None]:
    """The core's clock in MHz and how the PLL makes it: none where it is the board's own.

    Raises PllFault.
    """
    source = board.pads.clock_mhz
    if megahertz == source or board.pll is None:
        return source, None
    setting = board.pll.setting(source, megahertz)
    return setting.output, setting


class PowerOnReset(wiring.Component):
    """The reset of what has no other: its registers start at 0 when the device is configured.

    *Timing*: ``reset`` is high until 255 cycles after ``locked``, which may be asynchronous, has
    gone high; it comes back three cycles after ``locked`` has gone low.

    *Members*: ``locked``, ``reset``.
    """

    locked: In(1)
    reset: Out(1)

    def elaborate(self, platform) -> Module:
        m = Module()
        lock, running = Signal(2), Signal()
        held = Signal(range(RESET_CYCLES + 1))
        m.d.sync += [lock.eq(Cat(self.locked, lock)), running.eq(held == RESET_CYCLES)]
        with m.If(~lock[1]):
            m.d.sync += held.eq(0)
        with m.Elif(held != RESET_CYCLES):
            m.d.sync += held.eq(held + 1)
        m.d.comb += self.reset.eq(~running)
        return m


class BoardTop(Elaboratable):
    """The shell on a board.

    *Timing*: one clock; the shell's reset is a ``PowerOnReset`` behind the PLL's lock.

    *Parameters*: ``board``; ``setting`` of its PLL, or None: the shell runs at the board's clock.

    *Members*: ``clk``, ``rx``, ``tx``, ``busy``, ``failed``, as pins of the board.
    """

    def __init__(self, board: Board, setting: Setting | None):
        self.board = board
        self.setting = setting
        self.ports = {name: Signal(name=name) for name in PINS}

    def elaborate(self, platform) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync", reset_less=True)
        pins = self.board.pads.pins
        clock, locked = Signal(), Signal()
        if self.setting is None:
            m.d.comb += [clock.eq(self.ports["clk"]), locked.eq(1)]
        else:
            m.submodules.pll = self.board.pll.instance(self.setting, self.ports["clk"], clock,
                                                       locked)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.power_on = power_on = PowerOnReset()
        m.d.comb += power_on.locked.eq(locked)
        inner = {name: Signal(name=f"shell_{name}") for name in PINS if name != "clk"}
        for name, signal in inner.items():
            outer = self.ports[name]
            flip = int(pins[name].inverted)
            m.d.comb += signal.eq(outer ^ flip) if name == "rx" else outer.eq(signal ^ flip)
        m.submodules.shell = Instance(
            SHELL, i_clk=clock, i_rst=power_on.reset, i_rx=inner["rx"],
            **{f"o_{name}": inner[name] for name in ("tx", "busy", "failed")})
        return m

    def verilog(self) -> str:
        """Verilog of the module ``top``."""
        return verilog.convert(self, name=TOP, ports=list(self.ports.values()), emit_src=False,
                               strip_internal_attrs=True)
