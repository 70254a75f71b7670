# SPDX-License-Identifier: Apache-2.0
"""The comparison as files: data for machines, and a plot."""

import dataclasses
import json
from pathlib import Path
from statistics import median

from .arrays import Measured
from .bench import Bench
from .measure import Row
from .peers import CFU_TILE, PEERS
from .plot import draw
from .tables import labels

__all__ = ["as_dict", "write"]


def write(bench: Bench, folder: Path) -> None:
    """``fpga.json``, and if there are times ``fpga.png`` and ``fpga.svg``."""
    (folder / "fpga.json").write_text(json.dumps(as_dict(bench), indent=2) + "\n")
    if labels(bench):
        draw(bench, folder / "fpga.png")
        draw(bench, folder / "fpga.svg")


def as_dict(bench: Bench) -> dict:
    """Plain data: resources as counted, MHz, milliseconds; all networks are unmodified."""
    return {
        "networks": "unmodified", "seeds": list(bench.seeds),
        "specs": [_row(row) for row in bench.rows],
        "peers": [dataclasses.asdict(peer) for peer in PEERS],
        "arrays": [_array(each) for each in bench.arrays],
        "pairs": [{"dense": _array(each.dense), "blocks": _array(each.blocks),
                   "lut_ratio": round(each.value, 4)} for each in bench.ratios],
        "cfu_tile": CFU_TILE,
    }


def _row(row: Row) -> dict:
    return {
        "spec": row.spec, "board": row.board, "device": row.device, "family": row.family,
        "declared_mhz": row.declared_mhz, "unfit": row.unfit,
        "usage": {name: {"used": used, "available": row.capacity.get(name)}
                  for name, used in row.usage.items()},
        "products_in_luts": row.products_in_luts,
        "fmax_mhz": list(row.fmax), "parts_fmax_mhz": {
            name: {"median": median(fmax), "seeds": list(fmax)}
            for name, fmax in row.parts.items()},
        "clock_mhz": row.clock, "routed": bool(row.fmax),
        "inferences": [dataclasses.asdict(each) | {"milliseconds": each.milliseconds(row.clock)}
                       for each in row.inferences],
    }


def _array(each: Measured) -> dict:
    array = each.array
    return {"array": array.name, "macs": array.macs, "pipelined": array.pipelined,
            "dsps": array.dsps, "products": "rows" if array.rows else "inferred",
            "lut": each.lut, "ff": each.ff, "dsp": each.dsp}
