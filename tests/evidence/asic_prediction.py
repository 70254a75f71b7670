# SPDX-License-Identifier: Apache-2.0
"""Predicted area and energy against netlists that were not fitted."""

from collections.abc import Iterator
from pathlib import Path

from systolith.fpga.asic.judgement import judge_blocks, judge_network, judge_tpe
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.measured import Bench
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.training import held_out, spec_shape
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.importer import load as load_model
from systolith.gen.predict.costs import load_costs

from .table import Result, Section

__all__ = ["sections"]

AREA, ENERGY = 0.05, 0.10
WHOLE = ("kws-edge",)
"""Specs of which all logic is measured."""
NETWORKS = (("kws-edge", "kws_dbb4_ft"), ("kws-sa in place", "kws_dbb4_ft"))


def sections(pdk: Path | None) -> tuple[Section, ...]:
    """Goals that need the libraries in ``pdk``."""

    def asic_prediction(networks: Path | None) -> Iterator[Result]:
        """TPEs of specs that coefficients were not fitted to, and whole layers."""
        if pdk is None:
            yield "area and energy, predicted", "--pdk DIR", "not given", True
            return
        costs = load_costs("asap7")
        bench = Bench(read_libraries(sorted((pdk / "asap7").glob("*.lib*"))),
                      load_technology("asap7"))
        specs = held_out()
        for label, spec in specs.items():
            shape = spec_shape(spec)
            area, energies = judge_tpe(shape, bench.tpe(shape), costs, bench.technology)
            yield (f"{label}: predicted area of a TPE", f"within {AREA:.0%}",
                   f"{area.error:+.1%} of {area.measured:,.0f} um2", abs(area.error) <= AREA)
            worst = max(energies, key=lambda each: abs(each.error))
            yield (f"{label}: predicted energy, worst of {len(energies)} workloads",
                   f"within {ENERGY:.0%}", f"{worst.error:+.1%} at {worst.name}",
                   abs(worst.error) <= ENERGY)
        for label in WHOLE:
            whole, *blocks = judge_blocks(specs[label], bench, costs)
            worst = max(blocks, key=lambda each: abs(each.predicted - each.measured))
            yield (f"{label}: predicted area of all logic", f"within {AREA:.0%}",
                   f"{whole.error:+.1%} of {whole.measured:,.0f} um2, worst {worst.name} "
                   f"{worst.error:+.1%}", abs(whole.error) <= AREA)
        if networks is None:
            return
        for label, name in NETWORKS:
            network = load_model(networks / f"{name}.tflite")
            values = load_inputs(networks / "kws_public100.npz", network).first(1).values
            whole, *_ = judge_network(specs[label], network, values, bench, costs)
            yield (f"{label}: predicted energy of {name} on TPEs", f"within {ENERGY:.0%}",
                   f"{whole.error:+.1%} of {whole.measured:,.0f} nJ",
                   abs(whole.error) <= ENERGY)

    return ((asic_prediction, False),)
