# SPDX-License-Identifier: Apache-2.0
"""Whether a design fits a device, and what to change in the spec where it does not."""

from collections.abc import Mapping

from ...gen.build import parameters
from ...gen.spec import Spec
from .devices import Device, Family, Usage

__all__ = ["advice", "lacking", "unfit"]

REQUANTISER_LUTS = 600
VECTOR_LANE_LUTS = 1150
PRODUCT_LUTS = 150
OUTPUT_LUTS = 60
"""LUT4 of a requantiser lane, of a vector lane, of a 9x8 product without a DSP, and of an output's
accumulator and read-out, roughly, as ECP5 has them: it is the largest taker that is sought."""
REQUANTISER_DSPS = 4
TAPS = 9


def lacking(usage: Usage, device: Device) -> dict[str, tuple[float, int]]:
    """(needed, available) of what ``device`` has too little of, worst first."""
    lacks = {name: (usage[name], have) for name, have in device.capacity.items()
             if usage.get(name, 0) > have}
    return dict(sorted(lacks.items(), key=lambda item: -item[1][0] / item[1][1]))


def unfit(lacks: Mapping[str, tuple[float, int]], device: Device, family: Family,
          spec: Spec) -> str:
    """One sentence: how much too large the design is, and what to change. The resource that is
    exceeded most comes first, and its advice."""
    parts = [f"needs {_number(need)} of {have:,} {family.names.get(name, name)}, "
             f"{_number(need - have)} too many" for name, (need, have) in lacks.items()]
    return f"{spec.name} does not fit {device.name}: {'; '.join(parts)}; " + advice(
        next(iter(lacks)), spec)


def advice(resource: str, spec: Spec) -> str:
    """What to change in ``spec`` so that it takes less of ``resource``: its largest taker."""
    if resource in ("bram", "spram"):
        sizes = {"memory.activations": spec.memory.activations, "memory.weights":
                 spec.memory.weights, "memory.program": spec.memory.program,
                 "memory.schedule": spec.memory.schedule}
        name = max(sizes, key=sizes.__getitem__)
        return f"most is {name}: set it below {sizes[name] // 1024} KiB"
    p = parameters(spec)
    facts, grid = p.facts, spec.engine.grid
    engine = f"the engine: lower engine.grid (m: {grid.m}, n: {grid.n})"
    vector = f"the vector unit: lower vector.lanes ({spec.vector.lanes})"
    post = f"the post-processor: lower postproc.lanes ({spec.postproc.lanes})"
    if resource == "dsp":
        takers = {engine: facts.multipliers,
                  vector: p.vector_lanes * (TAPS + REQUANTISER_DSPS),
                  post: p.drain_lanes * REQUANTISER_DSPS}
    else:
        product = 0 if spec.arithmetic.multiplier == "inferred" else PRODUCT_LUTS
        takers = {engine: facts.multipliers * product + facts.rows * facts.columns * OUTPUT_LUTS,
                  vector: p.vector_lanes * (VECTOR_LANE_LUTS + TAPS * product),
                  post: p.drain_lanes * REQUANTISER_LUTS}
    return f"most is in {max(takers, key=takers.__getitem__)}"


def _number(value: float) -> str:
    return f"{value:,}" if value == int(value) else f"{value:,.1f}"
