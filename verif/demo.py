# SPDX-License-Identifier: Apache-2.0
"""The demonstration: handwritten digits on a generated accelerator, start to end.

``python -m systolith.verif.demo`` generates the named spec ``demo``, runs the shipped digits
network over held-back images on its RTL, and compares with the dense engine of as many
multipliers and the same output tile.
"""

import shutil
import sys
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..gen.cli.common import load_inputs, stage
from ..gen.emit import generate
from ..gen.report import Report
from ..gen.spec import load
from .inference import run_network
from .toolchain import ToolMissing, simulation_environment

__all__ = ["main"]

ACCURACY_GOAL = 0.97
IMAGES = 150


def main() -> int:
    """Run the demonstration; 0 if everything holds, 1 if not, 2 if a tool is missing."""
    console = Console()
    start = time.monotonic()
    try:
        simulation_environment()
    except ToolMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    sparse, dense = load("demo"), load("demo", ["engine.kind=sta"])
    folder = Path("build") / sparse.name
    with stage(f"generate {sparse.name}"):
        scratch = Path(tempfile.mkdtemp(prefix="systolith-"))
        manifest = generate(sparse, scratch)
        folder.parent.mkdir(exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(scratch, folder)
    console.print(f"generated {folder}: {len(manifest['modules'])} Verilog modules, "
                  f"{sum(manifest['modules'].values()) / 1000:.0f} kB")
    reports = {}
    with as_file(files("systolith.gen.demo")) as shipped:
        for name, spec, model in (
                ("DBB 4/8 weights on sta-dbb", sparse, "digits_dbb4.tflite"),
                ("dense weights on sta", dense, "digits_dense.tflite")):
            reports[name] = run_network(
                spec, shipped / model,
                lambda network: load_inputs(
                    shipped / "digits_held_back.npz", network).first(IMAGES),
                simulate=True, layers=True)
    good = _print(console, sparse.multipliers, reports)
    console.print(f"{time.monotonic() - start:.0f} s")
    return 0 if good else 1


def _print(console: Console, multipliers: int, reports: dict[str, Report]) -> bool:
    table = Table(title=f"digits, {multipliers} multipliers, measured in Verilator",
                  title_justify="left")
    for heading in ("network and engine", "accuracy", "RTL = golden", "cycles", "predicted",
                    "utilisation"):
        table.add_column(heading, justify="left" if heading == "network and engine" else "right")
    for name, report in reports.items():
        table.add_row(
            name, f"{100 * report.accuracy:.1f} %",
            f"{report.inferences} images" if report.bit_exact else f"NO: {report.mismatch}",
            f"{report.cycles_per_inference:,}", f"{report.predicted_cycles_per_inference:,}",
            f"{100 * report.utilisation:.0f} %")
    console.print(table)
    first, last = reports.values()
    exact = all(report.bit_exact for report in reports.values())
    if exact:
        console.print(f"RTL = golden over every one of {first.inferences} images, layer by layer")
    console.print(f"accuracy {100 * first.accuracy:.1f} % with DBB 4/8 weights, "
                  f"{100 * last.accuracy:.1f} % dense")
    console.print(f"speed-up over the dense sta with {multipliers} multipliers and the same "
                  f"output tile: {last.cycles_per_inference / first.cycles_per_inference:.2f}x")
    return exact and first.accuracy >= ACCURACY_GOAL


if __name__ == "__main__":
    sys.exit(main())
