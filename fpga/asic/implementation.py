# SPDX-License-Identifier: Apache-2.0
"""From Verilog to a netlist that meets a clock: the best of several ways through abc."""

from collections.abc import Callable, Collection, Sequence

from .fanout import limit_fanout
from .library import Library
from .netlist import Netlist
from .sizing import SizingReport, size
from .synthesis import SCRIPTS, synthesise
from .technology import Technology
from .timing import Boundary

__all__ = ["implement"]


def implement(verilog: str, top: str, library: Library, technology: Technology,
              clock_ps: float | None, *, scripts: Sequence[str] = tuple(SCRIPTS),
              boundary: Boundary | None = None, children: Collection[str] = (),
              tell: Callable[[str], None] = lambda text: None) -> tuple[Netlist, SizingReport]:
    """``top`` of ``verilog`` on ``library``: mapped by each of ``scripts`` (names of ``SCRIPTS``),
    sized for ``clock_ps``; the smallest that meets it, or the fastest. ``children`` as in
    ``synthesise``. A fair baseline gets as many ways as what is compared with it.
    """
    best: tuple[tuple[bool, float], Netlist, SizingReport] | None = None
    for name in scripts:
        tell(f"synthesis for {name}")
        mapped = synthesise(verilog, top, library, technology, script=name, children=children)
        netlist, report = size(limit_fanout(mapped, library, technology), library, technology,
                               clock_ps, boundary=boundary, tell=tell)
        rank = (not report.met, report.area_after if report.met else report.after.period)
        if best is None or rank < best[0]:
            best = rank, netlist, report
    if best is None:
        raise ValueError("scripts must name at least one way through abc, not none")
    return best[1], best[2]
