# SPDX-License-Identifier: Apache-2.0
"""Arrays without their surroundings on 7-series: what a multiply-accumulate takes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...gen.emit.platform import EmittingPlatform
from ...rtl.arith.fabric import FabricArithmetic
from ...rtl.engine.systolic import TpeGrid
from ...rtl.facts import Encoding, EngineFacts
from ..fabric.devices import FAMILIES, Usage
from ..fabric.harness import PART, area_of

__all__ = ["ARRAYS", "PAIRS", "Array", "Measured", "Pair", "Ratio", "measure_arrays",
           "measure_pairs"]

FAMILY = "xc7"
ACCUMULATOR_BITS = 24
FLATTEN = "-flatten"
"""So that DSPs take the registers that are in other modules."""
NO_DSP = "-nodsp"


@dataclass(frozen=True, kw_only=True)
class Array:
    """An ``m x n`` grid of dense ``a x depth x c`` TPEs, read out in place; ``nnz`` below
    ``depth``: of density-bound blocks. ``rows``: products of Booth rows, else the synthesiser's;
    ``dsps``: it may use DSPs."""

    a: int
    depth: int
    c: int
    m: int = 1
    n: int = 1
    nnz: int | None = None
    pipelined: bool = False
    dsps: bool = True
    rows: bool = False

    @property
    def name(self) -> str:
        """Kind and shape."""
        kind = "STA" if self.nnz is None else f"STA-DBB {self.nnz}/8"
        return f"{kind} {self.a}x{self.depth}x{self.c} on {self.m}x{self.n}"

    @property
    def facts(self) -> EngineFacts:
        """Of the engine that has the array."""
        return EngineFacts(
            a=self.a, c=self.c, m=self.m, n=self.n, depth=self.depth,
            nnz=self.depth if self.nnz is None else self.nnz, accumulator_bits=ACCUMULATOR_BITS,
            encoding=Encoding.DENSE if self.nnz is None else Encoding.MASK, overlapped=False,
            pipelined=self.pipelined)

    @property
    def macs(self) -> int:
        """Of a dense layer, a step."""
        return self.facts.rows * self.facts.columns * self.depth

    def _platform(self) -> EmittingPlatform:
        return EmittingPlatform(PART, FabricArithmetic() if self.rows else None)

    def _grid(self) -> TpeGrid:
        return TpeGrid(self.facts, self.m)

    @property
    def synthesis(self) -> str:
        """Yosys' command."""
        return f"{FAMILIES[FAMILY].synthesis} {self._flags}".strip()

    @property
    def _flags(self) -> str:
        return FLATTEN if self.dsps else NO_DSP

    def verilog(self) -> str:
        """All of it."""
        return self._platform().convert(self._grid(), PART)[0]

    def area(self) -> Usage:
        """Cells by yosys, ahead of place and route. Raises ToolFault."""
        return area_of(self._grid(), FAMILY, platform=self._platform(),
                       flags=self._flags)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """An array and what a dense layer's multiply-accumulate takes of it."""

    array: Array
    lut: float
    ff: float
    dsp: float


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A dense array and one of density-bound blocks, of equal throughput without DSPs."""

    dense: Array
    blocks: Array


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A pair, measured; ``value``: LUTs of the blocks' array by the dense one's."""

    dense: Measured
    blocks: Measured

    @property
    def value(self) -> float:
        """Below 1 the blocks' array is smaller."""
        return self.blocks.lut / self.dense.lut


def _dense(pipelined: bool) -> Iterable[Array]:
    """16, 64, 128 and 256 multiply-accumulates of one tile, and as many of larger ones."""
    for m, n in ((1, 1), (2, 2), (2, 4), (4, 4)):
        yield Array(a=2, depth=4, c=2, m=m, n=n, pipelined=pipelined)
    yield Array(a=4, depth=8, c=2, pipelined=pipelined)
    for n in (1, 2):
        yield Array(a=4, depth=8, c=4, n=n, pipelined=pipelined)


def _pairs() -> Iterable[Pair]:
    for pipelined in (False, True):
        for rows in (False, True):
            dense, blocks = (Array(a=4, depth=8, c=4, nnz=nnz, pipelined=pipelined, dsps=False,
                                   rows=rows) for nnz in (None, 4))
            yield Pair(dense=dense, blocks=blocks)


ARRAYS = (*_dense(False), *_dense(True))
PAIRS = tuple(_pairs())

Area = Callable[[Array], Usage]


def measure_arrays(arrays: Iterable[Array] = ARRAYS, *, area: Area = Array.area,
                   done: Callable[[], None] = lambda: None) -> list[Measured]:
    """Each array; ``done`` hears of it. Raises ToolFault."""
    found = []
    for array in arrays:
        usage = area(array)
        found.append(Measured(array=array, **{name: usage[name] / array.macs
                                              for name in ("lut", "ff", "dsp")}))
        done()
    return found


def measure_pairs(pairs: Iterable[Pair] = PAIRS, *, area: Area = Array.area,
                  done: Callable[[], None] = lambda: None) -> list[Ratio]:
    """Each pair; ``done`` hears of each array. Raises ToolFault."""
    return [Ratio(**dict(zip(("dense", "blocks"), measure_arrays(
        (pair.dense, pair.blocks), area=area, done=done), strict=True))) for pair in pairs]
