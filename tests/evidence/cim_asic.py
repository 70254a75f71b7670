# SPDX-License-Identifier: Apache-2.0
"""The digital macro on ASAP7 beside VDBB's TPE, by one command."""

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

ROWS = 1024


def cim_asic(networks: Path, pdk: Path) -> Iterator[Result]:
    """``systolith bench cim`` of ResNet8's layer of most rows."""
    liberty = sorted((pdk / "asap7").glob("*.lib.gz"))
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "picture.npz", input=photograph(32)[None])
        done = subprocess.run(
            [sys.executable, "-m", "systolith.gen.cli", "bench", "cim", f"--rows={ROWS}",
             "--network", str(networks / "pretrainedResnet_quant.tflite"),
             "--input", str(folder / "picture.npz"),
             "--set=memory.activations=65 KiB", "--set=memory.weights=128 KiB",
             *(f"--liberty={path}" for path in liberty), "-o", str(folder / "found")],
            capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"bench cim ended with {done.returncode}: {done.stderr.strip()}")
        found = json.loads((folder / "found" / "cim.json").read_text())
    yield from _results(found)


def _results(found: dict) -> Iterator[Result]:
    yield ("digital macro on ASAP7: clock, before layout", f"<= {found['clock_ps']:g} ps",
           ", ".join(f"{name} {period:.0f} ps" for name, period in found["periods"].items()),
           found["met"])
    areas, throughput, _ = found["tables"]
    whole = areas["rows"][-1]
    yield ("an ADC: um2, um2 a weight, um2 a MAC a cycle", "recorded",
           f"{whole['um2']:,.0f}, {whole['um2_a_weight']:.2f}, {whole['um2_a_mac_a_cycle']:.0f}",
           True)
    for row in throughput["rows"]:
        yield (f"{row['design']}, equal throughput and weights: um2 of logic, of weights",
               "recorded", f"{row['logic_um2']:,.0f}, {row['weights_um2']:,.0f}", True)
    for run in found["runs"]:
        codes = [each["compared"] for each in run["macro"]]
        yield (f"{run['layer']}: netlists equal golden", "all",
               f"{sum(codes)} codes, {run['tpe']['compared']} sums",
               min(run["tpe"]["compared"], *codes) > 0)
        yield (f"{run['layer']}: fJ a MAC of vdbb, reads of weights included", "recorded",
               f"{run['tpe']['total']:.1f}", True)
        for each in run["macro"]:
            bits = f"{each['activation_bits']}x{each['weight_bits']}"
            yield (f"{run['layer']}: fJ a MAC of the macro, {bits} bits, storage included",
                   "recorded", f"{each['total']:.1f}, {each['cycles']:.1f} cycles", True)


SECTIONS: tuple[Section, ...] = ((cim_asic, "pdk"),)
