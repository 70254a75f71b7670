# SPDX-License-Identifier: Apache-2.0
"""Comparisons with made-up numbers, and engines of small TPEs."""

from systolith.fpga.asic.energy import Energy, Measurement
from systolith.fpga.asic.ppa.bench import Bench
from systolith.fpga.asic.ppa.designs import Engine, Point, Variant
from systolith.fpga.asic.ppa.measure import Result
from systolith.fpga.asic.ppa.networks import NetworkRow
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.partial_products import Multiplier

__all__ = ["FAST", "OWN", "RELAXED", "SMALL", "bench", "measurement", "network", "result"]

FAST, RELAXED = Point(1000.0, False), Point(2000.0, True)
SMALL = (Engine(name="SA", kind="sa", a=1, b=1, c=1, spec=("kws-sa",)),
         Engine(name="STA", kind="sta", a=1, b=2, c=2, spec=("kws-sta",)))
OWN = Variant(Multiplier.BAUGH_WOOLEY, FinalAdder.PREFIX, "flow")


def measurement(total):
    """A fifth of it glitches."""
    return Measurement(Energy(total / 2, 0.0, total / 2, 0.0),
                       Energy(total / 2, 0.0, 0.3 * total, 0.0), 900.0)


def result(engine, point, area, fj=None, *, met=True, overlapped=False, variant=OWN, **more):
    energies = {} if fj is None else {name: measurement(fj) for name in ("P", "I", "P, draining")}
    energies |= {name: measurement(value) for name, value in more.items()}
    return Result(engine=engine, point=point, overlapped=overlapped, variant=variant, area=area,
                  tpe_area=area, path=point.period - (50 if met else -50), met=met, cells=9,
                  registers=3, compared=100, energies=energies)


def network(engine, array, sram):
    return NetworkRow(engine=engine, model="kws.tflite", cycles=1000, macs=10, array_nj=array,
                      sram_nj={"0.5": sram / 2, "1": sram, "2": 2 * sram})


def bench(results, **more):
    return Bench(**{"technology": "asap7", "library": "lib", "points": (FAST, RELAXED),
                    "power": True, "results": results, "seconds": 1.0} | more)
