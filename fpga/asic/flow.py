# SPDX-License-Identifier: Apache-2.0
"""What ``systolith synth --target asic`` does: from its arguments to tables and files."""

import json as json_module
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer

from ...gen.build import parameters
from ...gen.cli.common import (
    InputFault,
    atomic_directory,
    check_mesh,
    load_inputs,
    print_json,
    print_overridden,
    print_table,
    stage,
)
from ...gen.compile import Program, bound_activations
from ...gen.compiler import compile_network
from ...gen.importer import load as load_model
from ...gen.memory import CompositionFault, MacroFault, load_map
from ...gen.predict import Prediction, predict
from ...gen.spec import Spec, load
from ...golden.network import Network
from . import opensta
from .chip import Chip, synthesise_chip
from .chip_energy import NetworkEnergy, network_energy
from .hierarchy import emit
from .liberty import LibertyFault
from .netlist import NetlistFault
from .report import (
    SecondOpinion,
    area_document,
    area_rows,
    energy_document,
    log_text,
    part_rows,
    timing_text,
)
from .sources import Sources, macros_of
from .synthesis import SynthesisFault
from .technology import TechnologyFault
from .timing import Boundary, analyse

__all__ = ["FLOW_FAULTS", "Request", "measure", "run"]

FLOW_FAULTS = (LibertyFault, TechnologyFault, SynthesisFault, NetlistFault, MacroFault,
               CompositionFault)


@dataclass(frozen=True, kw_only=True)
class Request:
    """The command's arguments, as the user gave them."""

    spec: str
    overrides: tuple[str, ...] = ()
    liberty: tuple[Path, ...] = ()
    technology: str | None = None
    macros: str | None = None
    clock_mhz: float | None = None
    model: Path | None = None
    inputs: Path | None = None
    activation_nnz: tuple[str, ...] = ()
    output: Path | None = None
    force: bool = False
    json: bool = False


def run(request: Request) -> Chip:
    """Synthesise, print and write; returns the chip."""
    folder = (nullcontext() if request.output is None
              else atomic_directory(request.output, "synth", force=request.force))
    with folder as written:
        chip, energy = measure(request, quiet=request.json)
        second = _second_opinion(chip)
        document = area_document(chip, second)
        if energy is not None:
            document["energy"] = energy_document(energy)
        if written is not None:
            _write(written, chip, document, second)
    _show(request, chip, energy, document)
    return chip


def measure(request: Request, *, quiet: bool = True) -> tuple[Chip, NetworkEnergy | None]:
    """The chip, and the energy of an inference if a model is asked for."""
    spec = load(request.spec, request.overrides)
    check_mesh(spec, target="asic")
    with stage("read cells", quiet=quiet):
        library, technology = Sources(
            liberty=request.liberty, technology=request.technology).load()
    macros = macros_of(technology) if request.macros is None else load_map(request.macros)
    if request.model is not None and (technology.gates or macros is None):
        raise InputFault("--model needs --liberty and --macros: gate equivalents have no energy")
    compiled = None if request.model is None else _compile(request, spec, quiet)
    with stage(f"emit {spec.name}", quiet=quiet):
        hierarchy = emit(spec, technology)
    with stage(f"synthesise {spec.name} on {technology.name}", total=len(hierarchy.own),
               quiet=quiet) as advance:
        chip = synthesise_chip(spec, hierarchy, library, technology, macros=macros,
                               clock_mhz=request.clock_mhz, done=lambda _: advance())
    if compiled is None:
        return chip, None
    with stage(f"simulate blocks of {spec.name}", total=len(chip.blocks), quiet=quiet) as advance:
        return chip, network_energy(chip, *compiled, done=lambda _: advance())


def _compile(request: Request, spec: Spec,
             quiet: bool) -> tuple[Network, Program, Prediction, np.ndarray]:
    """Network, program, prediction and one input."""
    model = request.model
    assert model is not None
    with stage(f"compile {model.name} for {spec.name}", quiet=quiet):
        network = bound_activations(load_model(model), parameters(spec).facts,
                                    list(request.activation_nnz))
        program = compile_network(spec, network)
        prediction = predict(program)
    if request.inputs is None:
        shape = (1, *network.tensors[network.inputs[0]].shape[1:])
        values = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    else:
        values = load_inputs(request.inputs, network).first(1).values
    return network, program, prediction, values


def _second_opinion(chip: Chip) -> SecondOpinion | None:
    """OpenSTA's critical path of the slowest block without children, and ours, with inputs at
    0 ps; None where OpenSTA is not installed or there is nothing for it to read."""
    top = chip.hierarchy.top
    names = {row.block: row.block if row.block == top else f"{top}_{row.block}"
             for row in chip.rows}
    leaves = [row for row in chip.rows
              if row.period and not chip.blocks[names[row.block]].netlist.children]
    if chip.clock_ps is None or not leaves or not opensta.installed():
        return None
    slowest = max(leaves, key=lambda row: row.period or 0.0).block
    netlist = chip.blocks[names[slowest]].netlist
    boundary = Boundary(input_delay=0.0, input_slew=0.0)
    try:
        theirs = opensta.report(netlist, chip.library, chip.technology, boundary).period
    except opensta.OpenStaFault:
        return None
    ours = analyse(netlist, chip.library, chip.technology, boundary=boundary).period
    return SecondOpinion(slowest, theirs, ours)


def _write(folder: Path, chip: Chip, document: dict, second: SecondOpinion | None) -> None:
    (folder / "netlists").mkdir()
    for module, block in chip.blocks.items():
        (folder / "netlists" / f"{module}.v").write_text(block.netlist.verilog())
    (folder / "area.json").write_text(json_module.dumps(document, indent=2) + "\n")
    (folder / "timing.txt").write_text(timing_text(chip, second))
    (folder / "synthesis.log").write_text(log_text(chip))


def _show(request: Request, chip: Chip, energy: NetworkEnergy | None, document: dict) -> None:
    if request.json:
        print_json(document)
        return
    print_overridden(chip.spec, request.overrides)
    unit = chip.unit
    print_table(f"{chip.spec.name} on {chip.technology.name}: area in {unit}, critical path in "
                f"{'tau' if chip.clock_ps is None else 'ps'}", area_rows(chip))
    print_table("by part", part_rows(chip), {
        "part": "total", "area": round(chip.area, 1)})
    worst = chip.worst
    typer.echo(f"slowest block {worst.block}: {worst.period:.0f} "
               + ("tau" if chip.clock_ps is None else
                  f"ps, {1e6 / worst.period:.0f} MHz without wires; clock of "
                  f"{1e6 / chip.clock_ps:g} MHz {'met' if chip.met else 'NOT met'}"))
    if chip.macros is not None:
        typer.echo(f"memories: {chip.macros.source}")
    else:
        typer.echo("memories: no macros, no area (--macros)")
    if energy is not None:
        told = document["energy"]
        print_table("energy of an inference", told["rows"], {"what": "total",
                                                            "nj": told["total_nj"]})
        typer.echo(f"{energy.macs:,} dense MACs, {energy.cycles:,} cycles, "
                   f"{energy.microseconds:.1f} us; effective TOPS/W "
                   f"{energy.tops_per_watt():.3f}, with memories at half "
                   f"{energy.tops_per_watt(0.5):.3f}, at twice {energy.tops_per_watt(2.0):.3f}")
        typer.echo(f"TPE = golden over {energy.compared:,} sums; glitches are "
                   f"{energy.glitches:,.1f} nJ of its energy")
