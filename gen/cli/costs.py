# SPDX-License-Identifier: Apache-2.0
"""What an accelerator takes in a technology: tables of area and of energy."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...rtl.kinds import ALL_KINDS
from .common import InputFault, load_inputs, print_table

if TYPE_CHECKING:
    import numpy as np

    from ...golden.network import Network
    from ..compile import Program
    from ..memory import MacroMap
    from ..predict import Prediction
    from ..predict.costs import Costs
    from ..spec import Spec

__all__ = ["InputOption", "TechnologyOption", "area_rows", "check_technology", "energy_rows",
           "print_area", "print_energy", "tensors_of"]

TechnologyOption = Annotated[str | None, typer.Option(
    "--technology", metavar="asap7|none", show_default=False,
    help="Whose area and energy are predicted; by default asap7 where that is known.")]
InputOption = Annotated[Path | None, typer.Option(
    "--input", metavar="X.npz", show_default=False,
    help="Predict energy of its first input; else of activations drawn at random, half of them "
         "zero.")]


def area_rows(spec: "Spec", technology: str, macros: "MacroMap | None" = None) -> list[dict]:
    """One row a block; cell areas in um2, memories as ``macros`` have them, else the
    technology's."""
    from ..build import arithmetic, parameters
    from ..memory import load_map
    from ..predict import memory_use
    from ..predict.costs import load_costs, logic_area

    costs, p = load_costs(technology), parameters(spec)
    built = arithmetic(spec, asic=True, inverting=costs.inverting)
    assert built is not None
    rows = [{"block": area.name, "area_um2": area.um2}
            for area in logic_area(p, built, costs)]
    used = memory_use(p, load_map(technology) if macros is None else macros)
    return [*rows, {"block": "memories", "area_um2": sum(use.area_um2 for use in used)}]


def energy_rows(spec: "Spec", program: "Program", prediction: "Prediction", technology: str,
                batch: int = 1, tensors: "dict[int, np.ndarray] | None" = None,
                macros: "MacroMap | None" = None) -> list[dict]:
    """``nj`` of an input, of which ``batch`` make a run: of the TPEs, by layer, and of the
    memories."""
    from ..build import arithmetic
    from ..memory import load_map
    from ..predict import memory_use, predict_accesses
    from ..predict.costs import engine_energy, load_costs

    costs = load_costs(technology)
    built = arithmetic(spec, asic=True, inverting=costs.inverting)
    assert built is not None
    layers = engine_energy(program, prediction, built, costs,
                           clock_mhz=spec.target.clock_mhz, tensors=tensors)
    rows = [{"part": f"TPEs, {layer.lowered.name}", "nj": energy / batch}
            for layer, energy in zip(program.layers, layers, strict=True)]
    outside, each = predict_accesses(program, prediction)
    used = memory_use(program.parameters, load_map(technology) if macros is None else macros,
                      [outside, *each])
    return [*rows, *({"part": f"memory, {use.kind.name}",
                      "nj": None if use.energy_pj is None else use.energy_pj / batch / 1e3}
                     for use in used)]


def tensors_of(network: "Network", path: Path) -> "dict[int, np.ndarray]":
    """The first input of a file, and golden's tensors of it."""
    from ...golden import interpreter

    values = load_inputs(path, network).first(1).values
    return interpreter.run(network, values) | {network.inputs[0]: values}


def print_area(spec: "Spec", technology: str, rows: Sequence[dict]) -> None:
    """Print ``area_rows`` with their sum, and what is known of their error."""
    from ..predict.costs import load_costs

    costs = load_costs(technology)
    print_table(f"{spec.name}, {technology}: area, um2",
                [{"block": row["block"], "area": round(row["area_um2"])} for row in rows],
                {"block": "total", "area": round(sum(row["area_um2"] for row in rows))})
    typer.echo(f"cells at {costs.operating_point}; {_off(costs)}")


def _off(costs: "Costs") -> str:
    """How far off predictions are where they were not fitted."""
    if not costs.judged:
        return "not judged yet"
    area, energy = (max(abs(getattr(each, name)) for each in costs.judged.values())
                    for name in ("area_error", "energy_error"))
    return (f"on {len(costs.judged)} other specs area of logic is off by at most {area:.1%}, "
            f"energy of TPEs by {energy:.1%}")


def print_energy(technology: str, rows: Sequence[dict], drawn: bool) -> None:
    """Print the sums of ``energy_rows``, and what is known of their error."""
    from ..predict.costs import load_costs

    tpes = sum(row["nj"] for row in rows if row["part"].startswith("TPEs"))
    memories = [row["nj"] for row in rows if row["part"].startswith("memory")]
    parts = [f"TPEs {tpes:,.1f} nJ"]
    if None not in memories:
        parts.append(f"memories {sum(memories):,.1f} nJ")
    typer.echo(f"an input in {technology}, predicted: {', '.join(parts)}"
               + (" (activations drawn, half of them zero)" if drawn else "")
               + f"; {_off(load_costs(technology))}")


def check_technology(technology: str | None, spec: "Spec") -> str | None:
    """The technology, None for ``none`` and for cores without a mesh; InputFault where it is not
    known. By default the first one, if it is known for the spec, which has no front end."""
    from ..build import arithmetic
    from ..predict.costs import TECHNOLOGIES, CostFault, load_costs

    if technology == "none" or not ALL_KINDS[spec.engine.kind].mesh:
        return None
    if technology is None and spec.front_end.layers is not None:
        return None
    if technology is None:
        costs = load_costs(TECHNOLOGIES[0])
        built = arithmetic(spec, asic=True, inverting=costs.inverting)
        try:
            costs.check(built, spec.arithmetic.pipelined)
        except CostFault:
            return None
        return costs.technology
    if technology not in TECHNOLOGIES:
        raise InputFault(f"--technology must be {', '.join(TECHNOLOGIES)} or none, "
                         f"not {technology!r}")
    return technology
