# SPDX-License-Identifier: Apache-2.0
"""What a layer of a front end sees at its ports: pixels of a real tensor, at the rate at which they
come, and what its row memories give back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....rtl.fixed.parameters import LayerParameters
from ..simulation import Simulator, Trace

__all__ = ["Accesses", "Feed", "Mismatch", "compare", "feed", "memories", "stimulus"]

PIXELS = 150
"""That are measured at least, in whole rows."""
RESET = 4
"""Cycles ahead of the first pixel; half of them are of reset."""
TAIL = 16
"""Cycles behind the last pixel."""


class Mismatch(ValueError):
    """A netlist that does not make golden's tensor: one sentence."""


@dataclass(frozen=True, eq=False)
class Feed:
    """Pixels and their cycles.

    ``pixels``: int8 [pixels, channels]; ``cycles``: when each of them is there. From ``first`` to
    ``last`` cycles are measured, in which ``measured`` pixels come. ``expected``: int8 [pixels,
    channels], what comes out, in order; the first ``skipped`` are not golden's, since rows above
    them are missing.
    """

    pixels: np.ndarray
    cycles: np.ndarray
    first: int
    last: int
    measured: int
    expected: np.ndarray
    skipped: int


@dataclass(frozen=True)
class Accesses:
    """Reads and writes of all row memories in the measured cycles."""

    reads: int = 0
    writes: int = 0


def feed(layer: LayerParameters, source: np.ndarray, result: np.ndarray,
         arrivals: Sequence[int]) -> Feed:
    """Rows of ``source`` (int8 [rows, columns, channels]) from the middle of the frame, or two
    whole frames where it has too few, at the cycles that ``arrivals`` (gen.fixed.latency) gives
    those of the last frames; ``result``: golden's tensor of the layer.

    The first rows fill the row memories; measured are whole rows behind them, as many as stride
    and ``PIXELS`` ask for.
    """
    height, width, _ = source.shape
    window = layer.window
    kernel, stride, top = (1, 1, 0) if window is None else (
        window.kernel[0], window.stride[0], window.padding[0])
    fill = -(-kernel // stride) * stride + stride
    period = width * stride
    rows = -(-PIXELS // period) * stride
    size = height * width
    frames = np.asarray(arrivals).reshape(-1, size)[-2:]
    if layer.total_of or fill + rows + 1 > height:
        pixels = np.concatenate([source.reshape(size, -1)] * 2)
        cycles = frames.reshape(-1)
        expected = np.concatenate([result.reshape(-1, result.shape[-1])] * 2)
        start, end, skipped = size, cycles[-1] + 1, 0
    else:
        above = (height - fill - rows) // 2 // stride * stride
        part = slice(above * width, (above + fill + rows + 1) * width)
        pixels = source.reshape(size, -1)[part]
        cycles = frames[-1][part]
        expected = result[above // stride:].reshape(-1, result.shape[-1])
        start, end = fill * width, cycles[(fill + rows) * width]
        skipped = -(-top // stride) * result.shape[1]
    offset = RESET - cycles[0]
    measured = np.count_nonzero(cycles[start:] < end)
    if len(frames) == 2 and end == frames[-1][-1] + 1:  # up to where a third frame would begin
        end = frames[-1][0] + (frames[-1][0] - frames[-2][0])
    return Feed(pixels, cycles + offset, int(cycles[start] + offset), int(end + offset), measured,
                expected, skipped)


def stimulus(found: Feed) -> dict[str, np.ndarray]:
    """Bits of the layer's input ports but those of memories."""
    count = max(int(found.cycles[-1]), found.last) + TAIL
    bytes_ = found.pixels.astype(np.int8).view(np.uint8)
    bits = np.unpackbits(bytes_, axis=1, bitorder="little")
    # A pixel stays at the port until the next one comes, as it would in a register ahead of it.
    shown = np.searchsorted(found.cycles, np.arange(count), side="right") - 1
    valid = np.zeros(count, np.uint8)
    valid[found.cycles] = 1
    reset = np.zeros(count, np.uint8)
    reset[:RESET // 2] = 1
    return {"i_payload": bits[np.maximum(shown, 0)], "i_valid": valid, "rst": reset,
            "o_ready": np.ones(count, np.uint8)}


def memories(simulator: Simulator, ports: Mapping[str, np.ndarray], first: int,
             last: int) -> tuple[dict[str, np.ndarray], Accesses]:
    """What the netlist's memories, black boxes, give back, and accesses from cycle ``first`` to
    ``last``. What they are asked for does not depend on what they hold: a run without delays
    tells."""
    netlist = simulator.circuit.netlist
    if not netlist.children:
        return {}, Accesses()
    asked = simulator.run(ports).outputs
    found, reads, writes = {}, 0, 0
    for name in netlist.children:
        enable, write = (asked[f"{name}.{pin}"][:, 0].astype(bool) for pin in ("enable", "write"))
        address = _numbers(asked.get(f"{name}.address"), len(enable))
        data = asked[f"{name}.write_data"]
        held = np.zeros((int(address.max()) + 1, data.shape[1]), np.uint8)
        given = np.zeros_like(data)
        for cycle in range(len(enable) - 1):
            given[cycle + 1] = given[cycle]
            if enable[cycle] and write[cycle]:
                held[address[cycle]] = data[cycle]
            elif enable[cycle]:
                given[cycle + 1] = held[address[cycle]]
        found[f"{name}.read_data"] = given
        reads += int((enable & ~write)[first:last].sum())
        writes += int((enable & write)[first:last].sum())
    return found, Accesses(reads, writes)


def _numbers(bits: np.ndarray | None, count: int) -> np.ndarray:
    if bits is None:
        return np.zeros(count, np.int64)
    return bits.astype(np.int64) @ (1 << np.arange(bits.shape[1], dtype=np.int64))


def compare(found: Feed, ports: Mapping[str, np.ndarray], trace: Trace) -> int:
    """How many pixels the netlist made as golden did. Raises Mismatch."""
    taken = trace.outputs["i_ready"][found.cycles, 0]
    if not taken.all():
        raise Mismatch(f"Layer must take a pixel in cycle {found.cycles[taken == 0][0]}")
    valid = trace.outputs["o_valid"][:, 0].astype(bool) & (ports["rst"] == 0)
    made = np.packbits(trace.outputs["o_payload"][valid], axis=1, bitorder="little").view(np.int8)
    made, golden = made[found.skipped:], found.expected[found.skipped:]
    count = min(len(made), len(golden))
    if not count:
        raise Mismatch("Layer must make a pixel that golden makes too, not none")
    wrong = np.flatnonzero((made[:count] != golden[:count]).any(axis=1))
    if wrong.size:
        place = int(wrong[0])
        raise Mismatch(f"Pixel {place} must be {golden[place].tolist()}, not "
                       f"{made[place].tolist()}")
    return count
