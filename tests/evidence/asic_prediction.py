# SPDX-License-Identifier: Apache-2.0
"""Predicted area and energy against netlists that were not fitted."""

from collections.abc import Iterator
from pathlib import Path

from systolith.fpga.asic.judgement import judge
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.measured import Bench
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.training import held_out
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.importer import load as load_model
from systolith.gen.predict.costs import error, load_costs

from .table import Result, Section

__all__ = ["SECTIONS"]

AREA, ENERGY = 0.05, 0.10
NETWORK = "kws_dbb4_ft"


def asic_prediction(networks: Path, pdk: Path) -> Iterator[Result]:
    """Whole specs that coefficients were not fitted to: all logic, tiles, and an inference."""
    costs = load_costs("asap7")
    bench = Bench(read_libraries(sorted((pdk / "asap7").glob("*.lib*"))),
                  load_technology("asap7"))
    network = load_model(networks / f"{NETWORK}.tflite")
    values = load_inputs(networks / "kws_public100.npz", network).first(1).values
    for label, spec in held_out().items():
        told = judge(spec, bench, costs, (network, values))
        yield (f"{label}: predicted area of all logic", f"within {AREA:.0%}",
               f"{told.area_error:+.1%} of {told.logic[0]:,.0f} um2 (a TPE {error(told.tpe):+.1%})",
               abs(told.area_error) <= AREA)
        name, worst = max(told.tiles.items(), key=lambda item: abs(error(item[1])))
        yield (f"{label}: predicted energy of a tile, worst of {len(told.tiles)} workloads",
               f"within {ENERGY:.0%}", f"{error(worst):+.1%} at {name}",
               abs(error(worst)) <= ENERGY)
        if told.network is None:  # its sums are too narrow
            continue
        yield (f"{label}: predicted energy of {NETWORK} on TPEs", f"within {ENERGY:.0%}",
               f"{error(told.network):+.1%} of {told.network[0]:,.0f} nJ",
               abs(error(told.network)) <= ENERGY)


SECTIONS: tuple[Section, ...] = ((asic_prediction, "pdk"),)
