# SPDX-License-Identifier: Apache-2.0
"""Figures that nobody measured."""

from systolith.fpga.bench.arrays import Array, measure_arrays, measure_pairs
from systolith.fpga.bench.bench import Bench
from systolith.fpga.bench.measure import Row
from systolith.fpga.bench.networks import Inference
from systolith.fpga.boards.board import BOARDS


def row(spec, board, **more):
    """Of a board, with capacities of its device."""
    about = BOARDS[board]
    return Row(spec=spec, board=board, device=about.device.name, family=about.family.name,
               declared_mhz=25.0, capacity=dict(about.device.capacity),
               names=dict(about.family.names), **more)


KWS = Inference(network="KWS", cycles=20_000)
AD = Inference(network="AD", refused="weights need 263 KiB of 64 KiB")
ROUTED = row("kws-ulx3s", "ulx3s", usage={"lut": 40_000, "ff": 900, "dsp": 156, "bram": 30},
             fmax=(25.0, 40.0, 26.5), inferences=(KWS, AD), products_in_luts=7)
SYNTHESISED = row("tinyml-z7020", "pynq-z2", usage={"lut": 50_000, "ff": 9, "dsp": 2, "bram": 1.5},
                  parts={"TPE": (99.0, 101.0, 100.0), "im2col": (200.0, 210.0, 190.0)},
                  inferences=(KWS, Inference(network="AD", cycles=17_000)))
UNFIT = row("demo", "icebreaker", unfit="demo does not fit iCE40UP5K: too much",
            inferences=(KWS, AD))


def area(array: Array):
    """Ten LUTs a multiplier, one flip-flop a MAC, a DSP a multiplier where there are any."""
    return {"lut": 10 * array.facts.multipliers, "ff": array.macs,
            "dsp": array.facts.multipliers * array.dsps}


BENCH = Bench(rows=(ROUTED, SYNTHESISED, UNFIT), arrays=measure_arrays(area=area),
              ratios=measure_pairs(area=area), seeds=(1, 2, 3))
