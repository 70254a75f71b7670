# SPDX-License-Identifier: Apache-2.0
"""The boards: pins and clocks from amaranth-boards, where it has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from amaranth.build import Pins, Resource, Subsignal

from ..fabric.devices import DEVICES, Device, Family, family_of
from .pll import Ecp5Pll, GowinPll, Ice40Pll, Pll

__all__ = ["BOARDS", "PINS", "Board", "Pads", "Pin", "board"]

PINS = ("clk", "rx", "tx", "busy", "failed")
"""Ports of a board's top."""


@dataclass(frozen=True)
class Pin:
    """A pin of the package; ``inverted``: low means 1. ``attributes`` as its constraints have
    them."""

    site: str
    inverted: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pads:
    """Pins by port (``PINS``), and the rate of the clock, MHz."""

    pins: Mapping[str, Pin]
    clock_mhz: float


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board: its device, how nextpnr and the packer are told of it, its PLL, how a bitstream
    gets onto it, and where its pins are from: (module, class) of amaranth-boards, or ``own``.

    A board with neither has its processor's ports ahead of the core, as Zynq boards do.
    """

    name: str
    device_name: str
    part: str
    nextpnr: Sequence[str] = ()
    pll: Pll | None = None
    load: str = ""
    platform: tuple[str, str] | None = None
    own: Pads | None = None

    @property
    def device(self) -> Device:
        """The device."""
        return DEVICES[self.device_name]

    @property
    def family(self) -> Family:
        """The device's family."""
        return family_of(self.device)

    @property
    def has_pads(self) -> bool:
        """Whether a UART of the board reaches the fabric."""
        return self.own is not None or self.platform is not None

    @property
    def routable(self) -> bool:
        """Whether nextpnr knows the device."""
        return bool(self.device.nextpnr)

    @property
    def pads(self) -> Pads:
        """The pins."""
        if self.own is not None:
            return self.own
        if self.platform is None:
            raise ValueError(f"{self.name} must have a UART on pins of the fabric: it has none")
        return _pads(*self.platform)


@cache
def _pads(module: str, name: str) -> Pads:
    """What amaranth-boards says of a board."""
    platform = getattr(import_module(f"amaranth_boards.{module}"), name)
    resources = {(each.name, each.number): each for each in platform.resources}
    clock = resources[platform.default_clk, 0]
    uart = resources["uart", 0]
    pins = {"clk": _pin(clock), "rx": _pin(uart, "rx"), "tx": _pin(uart, "tx"),
            "busy": _pin(resources["led", 0]), "failed": _pin(resources["led", 1])}
    return Pads(pins, clock.clock.frequency / 1e6)


def _pin(resource: Resource, sub: str | None = None) -> Pin:
    attributes = dict(resource.attrs)
    ios = resource.ios
    if sub is not None:
        found = next(io for io in ios if isinstance(io, Subsignal) and io.name == sub)
        attributes |= found.attrs
        ios = found.ios
    pins = next(io for io in ios if isinstance(io, Pins))
    plain = {key: str(value) for key, value in attributes.items() if not callable(value)}
    return Pin(pins.names[0], pins.invert, plain)




_33 = {"IO_TYPE": "LVCMOS33"}

BOARDS = {each.name: each for each in (
    Board(name="ulx3s", device_name="LFE5U-85F", part="LFE5U-85F-6BG381C",
          nextpnr=("--package", "CABGA381", "--speed", "6"), pll=Ecp5Pll(),
          load="openFPGALoader -b ulx3s", platform=("ulx3s", "ULX3S_85F_Platform")),
    Board(name="icebreaker", device_name="iCE40UP5K", part="iCE40UP5K-SG48", pll=Ice40Pll(),
          load="openFPGALoader -b ice40_generic",
          platform=("icebreaker", "ICEBreakerPlatform")),
    Board(name="tang-nano-9k", device_name="GW1NR-9", part="GW1NR-LV9QN88PC6/I5",
          pll=GowinPll(device="GW1NR-9C", slowest=400.0, fastest=1200.0),
          load="openFPGALoader -b tangnano9k",
          platform=("tang_nano_9k", "TangNano9kPlatform")),
    # amaranth-boards has no Tang Nano 20K: pins as litex-boards' sipeed_tang_nano_20k.py.
    Board(name="tang-nano-20k", device_name="GW2AR-18", part="GW2AR-LV18QN88C8/I7",
          pll=GowinPll(device="GW2AR-18C", slowest=500.0, fastest=1250.0),
          load="openFPGALoader -b tangnano20k",
          own=Pads({"clk": Pin("4", attributes=_33), "rx": Pin("70", attributes=_33),
                    "tx": Pin("69", attributes=_33),
                    "busy": Pin("15", inverted=True, attributes=_33),
                    "failed": Pin("16", inverted=True, attributes=_33)}, 27.0)),
    Board(name="arty-a7", device_name="XC7A35T", part="xc7a35ticsg324-1L",
          platform=("arty_a7", "ArtyA7_35Platform")),
    Board(name="zybo-z7", device_name="XC7Z010", part="xc7z010clg400-1"),
    Board(name="pynq-z2", device_name="XC7Z020", part="xc7z020clg400-1"),
)}


def board(name: str) -> Board:
    """The board called ``name``. Raises KeyError."""
    return BOARDS[name]
