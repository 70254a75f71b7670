# SPDX-License-Identifier: Apache-2.0
"""Engines side by side: the same networks, simulated, every layer compared with golden."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..gen.build import parameters
from ..gen.cli.common import load_inputs
from ..gen.spec import Spec, load
from ..golden.dbb import BLOCK
from .inference import run_network

__all__ = ["ENGINE_SPECS", "bench_engines", "markdown", "shown"]

ENGINE_SPECS = (("kws-sa", BLOCK), ("kws-sta", BLOCK), ("kws-edge", BLOCK), ("kws-vdbb", BLOCK),
                ("kws-s2ta-w", BLOCK), ("kws-s2ta-aw", BLOCK), ("kws-s2ta-aw", 4))
"""One spec an engine, each with 256 multipliers in its array, and the bound on its activations."""


def bench_engines(models: Sequence[Path], inputs: Path, count: int, *,
                  specs: Sequence[tuple[str, int]] = ENGINE_SPECS,
                  quiet: bool = False) -> Iterator[dict]:
    """One row for each engine and model, over the first ``count`` inputs, as it is measured.

    Accumulators are zero-gated on all. ``exact``: every layer's tensor equals golden, cycles and
    counters equal the prediction; counters are those of one inference, the last.
    """
    for name, bound in specs:
        spec = load(name, ["engine.zero_gating=true"])
        for model in models:
            report = run_network(
                spec, model, lambda network: load_inputs(inputs, network).first(count),
                simulate=True, layers=True, activation_nnz=[str(bound)], quiet=quiet)
            yield _row(spec, bound, model, report)


def _row(spec: Spec, bound: int, model: Path, report) -> dict:
    p = parameters(spec)
    activity = report.activity
    return {
        "engine": spec.engine.kind,
        "array": f"{spec.engine.tpe.a}x{spec.engine.tpe.b}x{spec.engine.tpe.c} on "
                 f"{spec.engine.grid.m}x{spec.engine.grid.n}",
        "multipliers": spec.multipliers,
        "activation_nnz": bound,
        "other_multipliers": p.vector_lanes * spec.vector.taps + p.vector_lanes + p.drain_lanes,
        "model": model.stem,
        "exact": bool(report.bit_exact),
        "cycles": report.cycles_per_inference,
        "utilisation": report.utilisation,
        "activation_bytes": 8 * (activity["activation_reads"] + activity["activation_writes"]),
        "weight_bytes": 8 * p.weight_banks * activity["weight_reads"],
        "macs_issued": activity["macs_issued"],
        "macs_gated_activation": activity["macs_gated_activation"],
        "macs_gated_weight": activity["macs_gated_weight"],
    }


def shown(row: dict) -> dict[str, str]:
    """A row as a person reads it, by heading."""
    issued = row["macs_issued"]
    return {
        "engine": row["engine"],
        "array": row["array"],
        "activations": f"{row['activation_nnz']}/{BLOCK}",
        "other mult.": str(row["other_multipliers"]),
        "model": row["model"],
        "exact": "yes" if row["exact"] else "NO",
        "cycles": f"{row['cycles']:,}",
        "utilisation": f"{100 * row['utilisation']:.1f} %",
        "activation kB": f"{row['activation_bytes'] / 1000:.0f}",
        "weight kB": f"{row['weight_bytes'] / 1000:.0f}",
        "M MACs": f"{issued / 1e6:.2f}",
        "gated x = 0": f"{100 * row['macs_gated_activation'] / issued:.1f} %",
        "gated w = 0": f"{100 * row['macs_gated_weight'] / issued:.1f} %",
    }


def markdown(rows: Sequence[dict]) -> str:
    """The rows as a table for a page."""
    cells = [shown(row) for row in rows]
    lines = [list(cells[0]), ["---"] * len(cells[0]), *(list(row.values()) for row in cells)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
