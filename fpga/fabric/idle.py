# SPDX-License-Identifier: Apache-2.0
"""Idle rows of logic, where the wires of a large design find room.

A placer that knows no congestion packs logic as closely as it goes, in whichever corner: crossbars
on a third of a device cannot be routed then. Cells that do nothing hold every n-th row, so that
the design lies among them.
"""

import json
from math import ceil
from pathlib import Path

from .devices import LogicTiles

__all__ = ["hold_rows", "idle_period"]

LEAST = 0.2
"""Of a device's LUTs: smaller designs find wires anyway."""
FULL = 0.68
"""Most LUTs, idle ones among them: nextpnr's placer fills 70 % of a region."""
CLOSEST = 3


def idle_period(used: float, capacity: float) -> int | None:
    """Of how many rows one can be idle, where a design uses ``used`` LUTs of ``capacity``; None
    where it needs no idle rows, or leaves no room for enough of them to matter."""
    share = used / capacity
    if not LEAST <= share < FULL:
        return None
    period = max(CLOSEST, ceil(1 / (FULL - share)))
    return period if period <= 2 * CLOSEST else None


def hold_rows(netlist: Path, top: str, tiles: LogicTiles, period: int) -> int:
    """Add idle cells on every ``period``-th row to the module ``top`` of ``netlist`` (yosys' JSON);
    how many."""
    document = json.loads(netlist.read_text())
    rows = [row for row in tiles.rows if row not in tiles.others][::period]
    idle = {f"idle_{column}_{row}_{lut}": {
        "type": tiles.cell, "parameters": {}, "attributes": {"BEL": f"X{column}/Y{row}/{lut}"},
        "port_directions": {}, "connections": {}}
        for row in rows for column in tiles.columns for lut in tiles.luts}
    document["modules"][top]["cells"] |= idle
    netlist.write_text(json.dumps(document))
    return len(idle)
