# SPDX-License-Identifier: Apache-2.0
"""ADD of two int8 tensors as one weighted sum."""

import numpy as np

from ...golden import network as golden
from ...golden import ops
from ...rtl.constants.graph import Range
from ...rtl.constants.plan import Form
from ...rtl.fixed.parameters import Scaling, SumsParameters
from .adder_graph import adder_graph
from .sums import FrontEndFault, with_offsets

__all__ = ["addition"]

MOST_EXCEPTIONS = 16
SHIFTS = range(12, 27)


def addition(layer: golden.Add, ranges: list[Range],
             levels_per_stage: int, form: Form = Form.ROWS) -> tuple[SumsParameters, list[Range]]:
    """``(first * a + second * b + offset) >> shift`` for each channel, and the results' ranges.

    ``ranges``: of a's channels, then b's. Of all 65536 pairs those for which one more or one less
    is right are exceptions; raises FrontEndFault where there are more than a few.
    """
    values = np.arange(-128, 128)
    a, b = (each.ravel().astype(np.int64) for each in np.meshgrid(values, values, indexing="ij"))
    right = ops.add(a, b, layer).astype(np.int64)
    best = None
    for shift in SHIFTS:
        found = _at(layer, shift, a, b, right)
        if found is not None and (best is None or found[0] < best[0]):
            best = found
        if best is not None and best[0] == 0:
            break
    if best is None:
        raise FrontEndFault(f"Layer {layer.name!r} must round as one weighted sum does, but for "
                            f"{MOST_EXCEPTIONS} pairs of values")
    _, factors, scaling = best
    channels = len(ranges) // 2
    matrix = np.hstack([np.eye(channels, dtype=np.int64) * factor for factor in factors])
    graph = adder_graph(matrix, ranges)
    table = right.reshape(256, 256)
    out = []
    for (low_a, high_a), (low_b, high_b) in zip(ranges[:channels], ranges[channels:],
                                                strict=True):
        part = table[low_a + 128:high_a + 129, low_b + 128:high_b + 129]
        out.append((int(part.min()), int(part.max())))
    ones = adder_graph(np.eye(channels, dtype=np.int64), graph.output_ranges)
    return with_offsets(graph, ones, [scaling] * channels, levels_per_stage, form), out


def _at(layer: golden.Add, shift: int, a: np.ndarray, b: np.ndarray,
        right: np.ndarray) -> tuple[int, tuple[int, int], Scaling] | None:
    """Number of exceptions, factors and scaling with ``shift``, of the fewest exceptions."""
    scales = [multiplier / 2.0**(31 + places) for multiplier, places in zip(
        layer.multipliers, layer.shifts, strict=True)]
    left = ops.FLOAT_ADD_SHIFT if layer.rounding is not layer.rounding.DOUBLE else ops.ADD_SHIFT
    whole = scales[2] * 2.0**(left + shift)
    above, under = right > layer.low, right < layer.high
    best = None
    for more_a in range(2):
        for more_b in range(2):
            factors = int(scales[0] * whole) + more_a, int(scales[1] * whole) + more_b
            sums = factors[0] * a + factors[1] * b
            least = _first(sums[above] - (right[above] << shift)) * -1
            most = _first((right[under] + 1 << shift) - sums[under]) - 1
            tried = np.concatenate([least, most])
            wrong = (least > tried[:, None]).sum(1) + (most < tried[:, None]).sum(1)
            if not len(tried) or wrong.min() > MOST_EXCEPTIONS:
                continue
            offset = int(tried[np.argmin(wrong)])
            if best is not None and wrong.min() >= best[0]:
                continue
            change = right - np.clip((sums + offset) >> shift, layer.low, layer.high)
            changes = dict(zip(sums.tolist(), change.tolist(), strict=True))
            if np.abs(change).max() > 1 or any(
                    changes[each] != by for each, by in zip(sums.tolist(), change.tolist(),
                                                            strict=True)):
                continue
            best = int(wrong.min()), factors, Scaling(
                offset=offset - (layer.low << shift), shift=shift, low=layer.low, high=layer.high,
                more=tuple(sorted(each for each, by in changes.items() if by == 1)),
                less=tuple(sorted(each for each, by in changes.items() if by == -1)))
    return best


def _first(bounds: np.ndarray) -> np.ndarray:
    """The least of ``bounds``, a few more than there may be exceptions."""
    count = MOST_EXCEPTIONS + 1
    return np.sort(np.partition(bounds, count)[:count] if len(bounds) > count else bounds)
