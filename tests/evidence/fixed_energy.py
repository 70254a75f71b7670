# SPDX-License-Identifier: Apache-2.0
"""A fixed-weight front end against programmable engines: TOPS/W on ASAP7, line buffers counted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .photograph import photograph
from .table import Result, Section

__all__ = ["SECTIONS"]

LAYERS = 7
"""Through the third pointwise layer."""
SIZE = 96


def fixed_energy(networks: Path, pdk: Path) -> Iterator[Result]:
    """``systolith bench fixed`` of the visual wake words network."""
    liberty = sorted((pdk / "asap7").glob("*.lib.gz"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "person.npz", input=photograph(SIZE)[None])
        done = subprocess.run(
            [sys.executable, "-m", "systolith.gen.cli", "bench", "fixed",
             "--network", str(networks / "vww_96_int8.tflite"),
             "--input", str(folder / "person.npz"), f"--layers={LAYERS}", "--effort=0",
             "--set=memory.weights=224 KiB", *(f"--liberty={path}" for path in liberty),
             "-o", str(folder / "found")], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"bench fixed ended with {done.returncode}: {done.stderr.strip()}")
        assert {path.name for path in (folder / "found").iterdir()} >= {
            "fixed.json", "fixed.png", "fixed.svg"}
        found = json.loads((folder / "found" / "fixed.json").read_text())
    yield from _results(found)


def _results(found: dict) -> Iterator[Result]:
    compared = [layer["compared"] for layer in found["layers"]]
    yield (f"{len(compared)} fixed layers' netlists equal golden", "all", f"{sum(compared)} pixels",
           len(compared) == LAYERS and min(compared) > 0)
    for layer in found["layers"]:
        area = layer["cell_area"] + layer["memory_area"]
        each = 1e6 * layer["nj"] / layer["macs"]
        yield (f"{layer['name']}: area, energy of a frame", "recorded",
               f"{area:,.0f} um2, {layer['nj']:.2f} nJ, {each:.1f} fJ a MAC", True)
    front, engine = (found[f"{side}_tops_per_watt"] for side in ("front_end", "baseline"))
    yield (f"TOPS/W, front end over {found['baseline']}",
           f">= {found['goal']:g} (floor {found['floor']:g})",
           f"{front:.2f} over {engine:.2f}: {found['ratio']:.2f}", found["ratio"] >= found["goal"])
    for split in found["splits"]:
        yield (f"whole network, fixed up to {split['last']}, rest on {split['engine']}",
               "recorded", f"{split['total']:,.1f} nJ, {split['gain']:.2f} times less", True)


SECTIONS: tuple[Section, ...] = ((fixed_energy, "pdk"),)
