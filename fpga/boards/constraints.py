# SPDX-License-Identifier: Apache-2.0
"""Pin and clock constraints, in each family's own words."""

from .board import Board

__all__ = ["constraints"]


def constraints(board: Board) -> tuple[str, str]:
    """Name and text of the file that tells nextpnr of the board's pins and its clock."""
    writer = {"ecp5": ("top.lpf", _lpf), "ice40": ("top.pcf", _pcf), "gowin": ("top.cst", _cst)}
    name, write = writer[board.family.name]
    return name, "\n".join(write(board)) + "\n"


def _lpf(board: Board) -> list[str]:
    lines = []
    for port, pin in board.pads.pins.items():
        lines.append(f'LOCATE COMP "{port}" SITE "{pin.site}";')
        lines.append(f'IOBUF PORT "{port}" '
                     + " ".join(f"{key}={value}" for key, value in pin.attributes.items()) + ";")
    return [*lines, f'FREQUENCY PORT "clk" {board.pads.clock_mhz:g} MHZ;']


def _pcf(board: Board) -> list[str]:
    lines = [f"set_io {port} {pin.site}" for port, pin in board.pads.pins.items()]
    return [*lines, f"set_frequency clk {board.pads.clock_mhz:g}"]


def _cst(board: Board) -> list[str]:
    lines = []
    for port, pin in board.pads.pins.items():
        lines.append(f'IO_LOC "{port}" {pin.site};')
        lines.append(f'IO_PORT "{port}" '
                     + " ".join(f"{key}={value}" for key, value in pin.attributes.items()) + ";")
    return lines
