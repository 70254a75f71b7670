# SPDX-License-Identifier: Apache-2.0
"""The comparison as tables of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from .arrays import Measured
from .bench import Bench
from .measure import HIGHEST_MHZ, Row
from .networks import Inference
from .peers import CFU_TILE, NETWORKS, PEERS

__all__ = ["Table", "labels", "notes", "tables"]

CFU = "CFU-Playground hps_accel"


@dataclass(frozen=True)
class Table:
    """``rows`` have equal keys, the headings; all values are text."""

    title: str
    rows: list[dict[str, str]]


def tables(bench: Bench) -> Iterator[Table]:
    """All tables that there is something for."""
    if bench.rows:
        yield Table("Resources and clock, used of available", list(map(_resources, bench.rows)))
        if labels(bench):
            yield Table("Milliseconds an inference: predicted cycles by clock; networks are "
                        "unmodified", [*(_times(row, labels(bench)) for row in bench.rows),
                                       *_peers(labels(bench))])
    if any(row.parts for row in bench.rows):
        yield Table("Parts in registered harnesses on ECP5-85, speed grade 6: MHz, median of "
                    "seeds", [{"spec": row.spec} | {
                        name: f"{median(fmax):.1f}" for name, fmax in row.parts.items()}
                        for row in bench.rows if row.parts])
    if bench.arrays:
        yield Table("A dense array's multiply-accumulate on 7-series, by yosys",
                    [*map(_array, bench.arrays), _cfu()])
    if bench.ratios:
        yield Table("Blocks of density 4/8 against dense arrays of equal throughput, 7-series "
                    "without DSPs", [{
                        "array": f"{each.dense.array.name} : {each.blocks.array.name}",
                        "products": _products(each.dense), "arithmetic": _arithmetic(each.dense),
                        "dense LUT / MAC": f"{each.dense.lut:.1f}",
                        "blocks LUT / MAC": f"{each.blocks.lut:.1f}",
                        "ratio": f"{each.value:.3f}"} for each in bench.ratios])


def notes(bench: Bench) -> Iterator[str]:
    """What a reader must know besides."""
    for row in bench.rows:
        if row.unfit:
            yield row.unfit
        if row.products_in_luts:
            yield (f"{row.spec}: {row.products_in_luts} products are in LUTs for want of DSPs")
    if any(row.parts for row in bench.rows):
        yield ("7-series: figures of synthesis; the clock is that of the slowest part on ECP5-85, "
               f"at most {HIGHEST_MHZ:g} MHz, in place of a route")
    if bench.rows:
        yield "peers: " + "; ".join(sorted({f"{peer.name}, {peer.source}" for peer in PEERS}))


def labels(bench: Bench) -> list[str]:
    """Networks of the rows, in their order."""
    return list(dict.fromkeys(each.network for row in bench.rows for each in row.inferences))


def _resources(row: Row) -> dict[str, str]:
    cells = {}
    for name, title in (("lut", "LUT"), ("ff", "FF"), ("dsp", "DSP"), ("bram", "BRAM"),
                        ("spram", "SPRAM")):
        used = row.usage.get(name)
        logic = name == "lut" and row.usage.get("logic")
        cells[title] = "" if used is None else (
            f"{logic or used:,g} of {row.capacity[name]:,}")
    return {"spec": row.spec, "on": f"{row.board} ({row.device})", **cells,
            "declared MHz": f"{row.declared_mhz:g}", "Fmax MHz": _fmax(row),
            "clock": "does not fit" if row.clock is None else
            f"{row.clock:.1f} " + ("routed" if row.fmax else "of parts")}


def _fmax(row: Row) -> str:
    if not row.fmax:
        return "not routed"
    return f"{median(row.fmax):.1f} ({min(row.fmax):.1f}-{max(row.fmax):.1f})"


def _times(row: Row, names: Sequence[str]) -> dict[str, str]:
    found = {each.network: each for each in row.inferences}
    return {"on": f"{row.spec}, {row.board} ({row.device})",
            **{name: _time(found[name], row) if name in found else "" for name in names}}


def _time(inference: Inference, row: Row) -> str:
    if inference.refused is not None:
        return f"does not fit: {inference.refused}"
    time = inference.milliseconds(row.clock)
    cycles = f"{inference.cycles:,} cycles"
    return cycles if time is None else f"{time:.3f} ({cycles})"


def _peers(names: Sequence[str]) -> Iterator[dict[str, str]]:
    for peer, device in dict.fromkeys((each.name, each.device) for each in PEERS):
        times = {each.network: f"{each.milliseconds:g}" for each in PEERS
                 if (each.name, each.device) == (peer, device)}
        if set(times) & set(names) or not set(names) & set(NETWORKS.values()):
            yield {"on": f"{peer}, {device}", **{name: times.get(name, "") for name in names}}


def _array(each: Measured) -> dict[str, str]:
    return {"array": each.array.name, "MACs": str(each.array.macs),
            "arithmetic": _arithmetic(each), "LUT / MAC": f"{each.lut:.1f}",
            "FF / MAC": f"{each.ff:.1f}", "DSP / MAC": f"{each.dsp:.2f}"}


def _cfu() -> dict[str, str]:
    return {"array": f"{CFU}, its tile", "MACs": "", "arithmetic": "",
            "LUT / MAC": f"{CFU_TILE['lut']} (without DSP {CFU_TILE['lut_without_dsp']:g})",
            "FF / MAC": f"{CFU_TILE['ff']}", "DSP / MAC": f"{CFU_TILE['dsp']:.2f}"}


def _products(each: Measured) -> str:
    return "Booth rows" if each.array.rows else "the synthesiser's"


def _arithmetic(each: Measured) -> str:
    return "pipelined" if each.array.pipelined else "combinational"
