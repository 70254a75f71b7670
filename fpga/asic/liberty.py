# SPDX-License-Identifier: Apache-2.0
"""Libraries of cells out of Liberty files (.lib, .lib.gz)."""

import gc
import hashlib
import os
import pickle
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .boolean import truth_table, variables
from .liberty_cell import CellReader, Units
from .liberty_syntax import Group, LibertyFault, fault_at, read_groups, read_text
from .library import (
    Arc,
    Cell,
    ClockGate,
    Constraint,
    FlipFlop,
    Library,
    Pin,
    Power,
    Table,
)

__all__ = ["Arc", "Cell", "ClockGate", "Constraint", "FlipFlop", "LibertyFault", "Library", "Pin",
           "Power", "Table", "cache_folder", "read_libraries", "truth_table", "variables"]

MAX_CELLS = 20_000
_VERSION = 1
"""Of the kept form; another one is read anew."""
_EXPONENTS = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0}


def cache_folder() -> Path:
    """Where libraries are kept once read, by the hash of their files; it is this user's own."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "systolith" / "liberty"


def read_libraries(paths: Sequence[Path | str], *, cache: bool = True) -> Library:
    """The cells of all files together, as one library; the first file's name and voltage.

    Raises LibertyFault, a ValueError of one sentence with file and line, where a file is not
    Liberty, two files define a cell of one name, or voltages differ; OSError where a file cannot
    be read. Of what Liberty can say, cells keep area, leakage, pins, NLDM delay, slew, setup and
    hold tables, internal power, flip-flops and clock gates. Slews stay as the file measures them:
    libraries of different slew thresholds should not drive each other.
    """
    paths = [Path(path) for path in paths]
    if not paths:
        raise LibertyFault("a library must have at least one file, not none")
    kept = cache_folder() / f"{_digest(paths)}.pickle"
    if cache and (library := _recall(kept)) is not None:
        return library
    collecting = gc.isenabled()
    gc.disable()  # millions of small objects, none of them a cycle
    try:
        library = _merge(paths, [_read_file(path) for path in paths])
    finally:
        if collecting:
            gc.enable()
    if cache:
        _keep(kept, library)
    return library


def _digest(paths: Sequence[Path]) -> str:
    """Of the files and of the sources that read them, so that neither can go stale."""
    digest = hashlib.sha256(str(_VERSION).encode())
    here = Path(__file__).parent
    for path in [*(here / f"{name}.py" for name in ("boolean", "liberty", "liberty_cell",
                                                    "liberty_syntax", "library")), *paths]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update("\0".join(map(str, paths)).encode())
    return digest.hexdigest()[:32]


def _recall(kept: Path) -> Library | None:
    collecting = gc.isenabled()
    gc.disable()
    try:
        return pickle.loads(kept.read_bytes())
    except (OSError, pickle.PickleError, EOFError, AttributeError, ImportError):
        return None
    finally:
        if collecting:
            gc.enable()


def _keep(kept: Path, library: Library) -> None:
    """Written beside and moved, so that a reader never sees half a file; a full or read-only disk
    costs time only."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
            pickle.dump(library, file, protocol=pickle.HIGHEST_PROTOCOL)
        Path(file.name).replace(kept)
    except OSError:
        return


def _merge(paths: Sequence[Path], libraries: Sequence[Library]) -> Library:
    cells: dict[str, Cell] = {}
    first = libraries[0]
    for path, library in zip(paths, libraries, strict=True):
        if abs(library.voltage - first.voltage) > 0.001:
            raise LibertyFault(f"{path}: voltage must be {first.voltage:g} V as in "
                               f"{paths[0].name}, not {library.voltage:g} V")
        if both := cells.keys() & library.cells.keys():
            raise LibertyFault(f"{path}: cell {min(both)} must be new, not one of an earlier file")
        cells.update(library.cells)
    return Library(first.name, first.voltage, cells, tuple(map(str, paths)))


def _read_file(path: Path) -> Library:
    text = read_text(path)
    head, groups = read_groups(path, text)
    cells: dict[str, Cell] = {}
    reader = None
    for group in groups:
        if reader is None:
            reader = CellReader(path, text, _units(path, text, head), head)
        cell = reader.read(group)
        if cell.name in cells or len(cells) == MAX_CELLS:
            raise fault_at(path, text, group.at, f"cell {cell.name} must be defined once"
                           if cell.name in cells else f"cells must be at most {MAX_CELLS}")
        cells[cell.name] = cell
    if not cells:
        raise fault_at(path, text, head.at, "a library must have at least one cell, not none")
    voltage = head.attributes.get("nom_voltage")
    if voltage is None:
        voltage = next((g.attributes["voltage"] for g in head.named("operating_conditions")
                        if "voltage" in g.attributes), None)
    try:
        volts = float(voltage or "")
    except ValueError:
        raise fault_at(path, text, head.at,
                       f"nom_voltage must be a number of volts, not {voltage!r}") from None
    return Library(head.arguments.strip(' "'), volts, cells, (str(path),))


def _units(path: Path, text: str, head: Group) -> Units:
    """Factors from the file's units to ours. Energies are in volts² times its unit of load."""
    def plain(name: str, unit: str, default: str, ours: int) -> float:
        written = head.attributes.get(name, default)
        match = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*([fpnum]?){unit}", written)
        if match is None or not float(match[1]):
            raise fault_at(path, text, head.at, f"{name} must be a unit such as "
                                                f"{default!r}, not {written!r}")
        return float(match[1]) * 10.0 ** (_EXPONENTS[match[2]] - ours)

    load = head.argument("capacitive_load_unit") or "1, pf"
    match = re.fullmatch(r'\s*"?([\d.]+)"?\s*,\s*"?(ff|pf)"?\s*', load, re.I)
    if match is None or not _number(match[1]):
        raise fault_at(path, text, head.at, "capacitive_load_unit must be a number of ff or pf, "
                                            f"not ({load})")
    femtofarads = float(match[1]) * 10.0 ** (_EXPONENTS[match[2].lower()[0]] + 15)
    return Units(time=plain("time_unit", "s", "1ns", -12), load=femtofarads,
                 energy=femtofarads * plain("voltage_unit", "V", "1V", 0) ** 2,
                 leakage=plain("leakage_power_unit", "W", "1nW", -9))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0

