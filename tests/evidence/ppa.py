# SPDX-License-Identifier: Apache-2.0
"""Engines on silicon: area, timing and energy against the best SA, by one command."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from systolith.fpga.asic.ppa.designs import ENGINES
from systolith.fpga.asic.ppa.goals import LARGEST_SA

from .table import Result, Section

__all__ = ["SECTIONS"]

LIMIT = 600
"""Seconds on two cores."""
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


def ppa(networks: Path, pdk: Path) -> Iterator[Result]:
    """``systolith bench ppa`` on ASAP7, and without it."""
    liberty = sorted((pdk / "asap7").glob("*.lib.gz"))
    yield from _on_asap7(*_bench([
        *(f"--liberty={path}" for path in liberty),
        f"--model={networks / 'kws_dbb4_ft.tflite'}",
        f"--input={networks / 'kws_public100.npz'}"]))
    found, _ = _bench([])
    yield ("gate equivalents: netlists of all engines equal golden", "all", *_complete(found))
    if OSU018.exists():
        found, _ = _bench([f"--liberty={OSU018}"])
        yield ("OSU018: netlists of all engines equal golden", "all", *_complete(found))


def _bench(arguments: Sequence[str]) -> tuple[dict, float]:
    """Data of a run of the command, and its seconds."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "ppa"
        start = monotonic()
        done = subprocess.run([sys.executable, "-m", "systolith.gen.cli", "bench", "ppa",
                               *arguments, "-o", str(folder)], capture_output=True, text=True)
        seconds = monotonic() - start
        if done.returncode:
            raise RuntimeError(f"bench ppa ended with {done.returncode}: {done.stderr.strip()}")
        files = {path.suffix for path in folder.iterdir()}
        assert files >= {".json", ".png", ".svg", ".html"}, files
        return json.loads((folder / "ppa.json").read_text()), seconds


def _complete(found: dict) -> tuple[str, bool]:
    wanted = {(engine.name, clock, overlapped) for engine in ENGINES
              for clock, overlapped in ((found["clocks"][0], False), (found["clocks"][-1], False),
                                        (found["clocks"][-1], True))}
    there = {(each["engine"], each["point"]["period"], each["overlapped"])
             for each in found["results"] if each["compared"]}
    return (f"{len(found['results'])} netlists, {found['sums_compared']:,} sums",
            there >= wanted)


def _on_asap7(found: dict, seconds: float) -> Iterator[Result]:
    yield ("ASAP7: one command, table, plot, page", f"< {LIMIT} s", f"{seconds:.0f} s",
           seconds < LIMIT)
    yield ("ASAP7: netlists of all engines equal golden, at both clocks, both read-outs", "all",
           *_complete(found))
    for clock in found["clocks"]:
        area = min(each["area"] for each in found["results"]
                   if each["engine"] == "SA" and each["point"]["period"] == clock
                   and each["met"] and not each["overlapped"])
        yield (f"SA at {1e6 / clock:.0f} MHz, um2", f"<= {LARGEST_SA:.1f}", f"{area:.2f}",
               area <= LARGEST_SA)
    for goal in found["goals"]:
        reached = goal["reached"]
        floor = "" if goal["floor"] is None else f" (floor {goal['floor']:g})"
        yield (f"{goal['engine']}, {goal['quantity']}, {goal['clock']}, {goal['variant']}",
               f">= {goal['goal']:g}{floor}",
               "clock missed" if reached is None else
               f"{reached:.2f} ({goal['low']:.2f}-{goal['high']:.2f}): {goal['state']}",
               goal["state"] == "goal")
    for each in found["both"]:
        name = f"{each['engine']}, area and energy, {each['clock']}, {each['variant']}"
        area, energy = each["floors"]
        yield (name, f">= {area:g} and >= {energy:g}",
               f"{each['area']:.2f} and {each['energy']:.2f}", each["held"])
    yield from _memories(found)


def _memories(found: dict) -> Iterator[Result]:
    """The network's ratio at half and at twice the table of memories."""
    rows = {each["engine"]: each for each in found["networks"]}
    for factor in ("0.5", "2"):
        own, base = (rows[name]["array_nj"] + rows[name]["sram_nj"][factor]
                     for name in ("S2TA-AW", "SA-ZVCG"))
        yield (f"S2TA-AW against SA-ZVCG, network, SRAM x{factor}", "recorded",
               f"{base / own:.2f}", True)


SECTIONS: tuple[Section, ...] = ((ppa, "pdk"),)
