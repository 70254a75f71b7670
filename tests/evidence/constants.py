# SPDX-License-Identifier: Apache-2.0
"""Layers of constant weights on 7-series: look-up tables a weight, beside da4ml and yosys alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from amaranth import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from systolith.fpga.fabric.devices import FAMILIES
from systolith.fpga.fabric.yosys import synthesise
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.fixed.adder_graph import adder_graph
from systolith.rtl.arith.total import total
from systolith.rtl.constants.products import FixedProducts
from systolith.rtl.constants.shape import shape_of

from .table import Result, Section

__all__ = ["SECTIONS"]

INPUTS, OUTPUTS, BLOCK, KEPT = 32, 8, 8, 4
INT8 = (-128, 127)
PEER = "da4ml"
TOP = "layer"
FAMILY = replace(FAMILIES["xc7"], synthesis=f"{FAMILIES['xc7'].synthesis} -nodsp")
"""Of products that are left to it yosys must make LUTs; nobody else's layer has any."""
LIMITS = {"dense": 16.0, f"{KEPT}/{BLOCK}": 20.0}


def weights(density: str) -> np.ndarray:
    """[outputs, inputs]: -127 ... 127 without 0, uniform; at 4/8 the largest magnitudes of each
    block of input channels, of equal ones the first."""
    values = np.array([*range(-127, 0), *range(1, 128)])
    drawn = np.random.default_rng(0).choice(values, (OUTPUTS, INPUTS))
    if density == "dense":
        return drawn
    blocks = drawn.reshape(OUTPUTS, INPUTS // BLOCK, BLOCK)
    dropped = np.argsort(-np.abs(blocks), axis=2, kind="stable")[:, :, KEPT:]
    np.put_along_axis(blocks, dropped, 0, 2)
    return blocks.reshape(OUTPUTS, INPUTS)


class _Naive(wiring.Component):
    """Products by constants and their sums as the synthesiser makes them; zeros left out."""

    def __init__(self, matrix: np.ndarray, graph):
        self.matrix = matrix
        super().__init__({"i": In(data.ArrayLayout(signed(8), matrix.shape[1])),
                          "o": Out(data.ArrayLayout(shape_of(graph.output_ranges),
                                                    matrix.shape[0]))})

    def elaborate(self, platform) -> Module:
        m = Module()
        for output, row in enumerate(self.matrix.tolist()):
            m.d.comb += self.o[output].eq(
                total(self.i[place] * weight for place, weight in enumerate(row) if weight))
        return m


def _write(component: wiring.Component, folder: Path) -> list[str]:
    (folder / "layer.v").write_text(EmittingPlatform(TOP).convert(component, TOP)[0])
    return ["layer.v"]


def _peer(matrix: np.ndarray, folder: Path) -> list[str]:
    """The peer's Verilog of the same layer, with its own settings."""
    from da4ml.cmvm import QInterval, solve
    from da4ml.codegen.rtl.rtl_model import RTLModel

    solution = solve(matrix.T.astype(np.float32), qintervals=[QInterval(*INT8, 1)] * INPUTS)
    RTLModel(solution, TOP, folder).write()
    made = sorted(path for path in (folder / "src").glob("*.v") if "wrapper" not in path.name)
    text = "".join(path.read_text() for path in made)
    parts = [path for path in sorted((folder / "src" / "static").glob("*.v")) if path.stem in text]
    return [str(path.relative_to(folder)) for path in (*made, *parts)]


@dataclass(frozen=True)
class _Cells:
    """LUT1 ... LUT6, inverters, of which yosys makes cells of their own, and DSPs."""

    lut: int
    inverters: int
    dsps: int

    def a_weight(self, count: int) -> str:
        """For a reader."""
        text = f"{self.lut / count:.1f} ({self.lut:,} LUT1..6, {self.inverters} INV beside them"
        return text + (f", {self.dsps} DSP)" if self.dsps else ")")


def _measured(write: Callable[[Path], list[str]]) -> _Cells:
    with TemporaryDirectory(prefix="systolith-constants-") as name:
        folder = Path(name)
        made = synthesise(write(folder), TOP, FAMILY, folder)
    return _Cells(int(made.usage["lut"]), made.cells.get("INV", 0), int(made.usage["dsp"]))


def constants_xc7(_: Path | None) -> Iterator[Result]:
    """A layer of 32 input and 8 output channels, 1x1, int8 in, exact sums out."""
    for density, limit in LIMITS.items():
        matrix = weights(density)
        count = np.count_nonzero(matrix)
        graph = adder_graph(matrix, [INT8] * INPUTS)
        what = (f"{count} weights {density}, int8 {INPUTS} -> {OUTPUTS}, combinational, "
                f"{FAMILY.synthesis}")
        ours = _measured(lambda folder, g=graph: _write(FixedProducts(g), folder))
        exact = graph.matrix == tuple(map(tuple, matrix.tolist()))
        yield (f"{what}: LUT a weight", f"<= {limit:.1f}, also with INV", ours.a_weight(count),
               exact and not ours.dsps and ours.lut + ours.inverters <= limit * count)
        peer = _measured(lambda folder, w=matrix: _peer(w, folder))
        yield (f"{what}: {PEER} {version(PEER)}, as it comes", "more than ours",
               peer.a_weight(count), ours.lut < peer.lut)
        naive = _measured(lambda folder, w=matrix, g=graph: _write(_Naive(w, g), folder))
        yield f"{what}: products left to yosys", "recorded", naive.a_weight(count), True


SECTIONS: tuple[Section, ...] = ((constants_xc7, False),)
