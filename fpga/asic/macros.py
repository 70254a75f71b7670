# SPDX-License-Identifier: Apache-2.0
"""SRAM macros out of Liberty: what a macro map says of them."""

from ...gen.memory.macros import Macro, Ports
from .boolean import truth_table, variables
from .library import Cell, Power

__all__ = ["macro_of"]


def macro_of(cell: Cell, ports: Ports) -> Macro:
    """Words, bits, area, leakage and energies of a macro with such ports.

    A read, or a write, is the internal power of a rising and a falling edge of the clock under the
    condition on enable, write and read pins that it means. Where no table is for it, None.
    """
    return Macro(
        cell=cell.name, words=1 << _width(cell, ports.address), bits=_width(cell, ports.read_data),
        area_um2=cell.area, leakage_nw=cell.leakage,
        read_pj=_clocked(cell, ports, write=0), write_pj=_clocked(cell, ports, write=1))


def _width(cell: Cell, bus: str) -> int:
    count = sum(name.startswith(f"{bus}[") for name in cell.pins)
    if not count:
        raise ValueError(f"{cell.name}: macro must have the bus {bus}")
    return count


def _clocked(cell: Cell, ports: Ports, *, write: int) -> float | None:
    """pJ of a clock cycle in which the macro writes, or reads."""
    levels = {"enable": 1, "write": write, "read": 1 - write}
    pins = {name: level ^ (role in ports.active_low)
            for role, level in levels.items() if (name := getattr(ports, role)) is not None}
    found = [power for power in cell.powers
             if power.pin == ports.clock and _holds(power, pins)]
    if not found:
        return None
    tables = [table for power in found for table in (power.rise, power.fall) if table is not None]
    return round(float(sum(table.values.mean() for table in tables)) / 1e3, 9)  # from fJ


def _holds(power: Power, pins: dict[str, int]) -> bool:
    """Whether a table is for these levels, whatever other pins are."""
    if power.when is None:
        return True
    names = variables(power.when)
    if not set(names) <= set(pins):
        return False
    place = sum(pins[name] << index for index, name in enumerate(names))
    return bool(truth_table(power.when, names) >> place & 1)
