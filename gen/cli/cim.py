# SPDX-License-Identifier: Apache-2.0
"""The command cim: what a network reaches on a PCM array, and what that takes."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..spec import Spec, load
from .common import (
    InputFault,
    InputOption,
    Inputs,
    JsonOption,
    ModelArgument,
    SetOption,
    SpecArgument,
    guard,
    load_inputs,
    print_json,
    print_overridden,
    print_table,
    stage,
)
from .inputs import check_picture

if TYPE_CHECKING:
    from ...golden.cim.mapping import ArrayShape, LayerMapping
    from ...golden.network import Network
    from ..cim.study import Study

__all__ = ["accuracy_rows", "cim", "energy_tables", "mapped"]

CentredOption = Annotated[bool, typer.Option(
    "--centred", help="Write inputs less their zero point, within int8, as a host can: far from "
                      "it, errors of the first layer's weights weigh more.")]
PlotOption = Annotated[Path | None, typer.Option(
    "--plot", metavar="FILE.svg|.png", show_default=False,
    help="Draw accuracy against the time since programming.")]
SeedsOption = Annotated[int, typer.Option(
    "--seeds", metavar="N", help="Arrays that are programmed, each with its own seed.")]
UncompensatedOption = Annotated[bool, typer.Option(
    "--uncompensated", help="Leave drift as it is: no global drift compensation.")]


def cim(spec: SpecArgument, model: ModelArgument, inputs: InputOption,
        overrides: SetOption = None, seeds: SeedsOption = 20,
        centred: CentredOption = False, uncompensated: UncompensatedOption = False,
        plot: PlotOption = None, json: JsonOption = False) -> None:
    """Accuracy on phase-change memory against the time since it was programmed; energy of an
    inference."""
    with guard(json):
        loaded = load(spec, overrides or ())
        _check(loaded, seeds, plot)
        from ..cim.plot import draw_study
        from ..cim.study import TIMES, digital_accuracy, study
        from ..importer import load as load_model

        with stage(f"read {model.name}", quiet=json):
            network = load_model(model)
        values = load_inputs(inputs, network)
        if values.labels is None:
            raise InputFault(f"{inputs}: archive must hold the array 'labels', without which there "
                             "is no accuracy")
        digital = digital_accuracy(network, values.values, values.labels)
        if centred:
            network, values = _centred(network, values)
        with stage(f"compile {model.name} for {loaded.name}", quiet=json):
            shape, mappings, network = mapped(loaded, network)
        with stage(f"{seeds} arrays at {len(TIMES)} times", total=1 + seeds * len(TIMES),
                   quiet=json) as advance:
            found = study(network, values.values, values.labels, shape, mappings,
                          seeds=range(seeds), adc_bits=loaded.cim.adc_bits,
                          compensated=not uncompensated, digital=digital, advance=advance)
        if plot is not None:
            with stage(f"draw {plot}", quiet=json):
                draw_study(plot, f"{model.name} on {loaded.name}", found)
        energy = energy_tables(loaded, network, mappings)
    rows = accuracy_rows(found)
    if json:
        print_json({"spec": loaded.name, "model": network.name, "seeds": seeds,
                    "inputs": len(values.values), "compensated": not uncompensated,
                    "centred": centred, "adc_shift": loaded.cim.adc_shift,
                    "digital": found.digital, "quantised": found.quantised,
                    "accuracy": [row | {"accuracies": point.accuracies}
                                 for row, point in zip(rows, found.points, strict=True)], **energy})
        return
    print_overridden(loaded, overrides)
    _print_accuracy(f"{model.name} on {loaded.name}", found, rows, len(values.values))
    _print_energy(energy)


def _centred(network: "Network", values: Inputs) -> "tuple[Network, Inputs]":
    """A network for inputs less their zero point, and such inputs."""
    from ..cim import centre

    try:
        return centre.centred(network), values._replace(
            values=centre.centre(values.values, network))
    except ValueError as fault:
        raise InputFault(f"--centred: {fault}") from None


def mapped(spec: Spec, network: "Network"
            ) -> "tuple[ArrayShape, dict[int, LayerMapping], Network]":
    """The array, where layers lie in it, by output tensor, and the network as its cells have it."""
    from ..cim.reference import mappings
    from ..compile.cim.plan import shape_of
    from ..compiler import compile_network

    program = compile_network(spec, network)
    return shape_of(program.parameters.macro), mappings(program), program.network


def _check(spec: Spec, seeds: int, plot: Path | None) -> None:
    from ..cim.energy import MOST_ADC_BITS

    if spec.engine.kind != "cim":
        raise InputFault(f"engine.kind must be cim for this command, not {spec.engine.kind}; "
                         "cim-pcm is a spec of that kind")
    if spec.cim.macro != "pcm":
        raise InputFault(f"cim.macro must be pcm, whose devices have noise, not {spec.cim.macro}; "
                         "add --set cim.macro=pcm")
    if spec.cim.residency != "resident":
        raise InputFault("cim.residency must be resident, as weights in phase-change memory are, "
                         f"not {spec.cim.residency}; add --set cim.residency=resident")
    if (spec.cim.adc_bits or 0) > MOST_ADC_BITS:
        raise InputFault(f"cim.adc_bits must be at most {MOST_ADC_BITS} for this command, which "
                         f"knows no ADC's energy beyond, not {spec.cim.adc_bits}; add --set "
                         "cim.adc_bits=8")
    if not 1 <= seeds <= 1000:
        raise InputFault(f"--seeds must be 1 to 1000, not {seeds}")
    check_picture(plot, "--plot")


def accuracy_rows(study: "Study") -> list[dict]:
    """One row a time, in percent; ``loss``: points below the digital network."""
    return [{"time": point.name, "seconds": point.seconds, "mean": 100 * point.mean,
             "confidence_95": 100 * point.half_width, "deviation": 100 * point.deviation,
             "least": 100 * min(point.accuracies), "most": 100 * max(point.accuracies),
             "loss": 100 * (study.digital - point.mean)} for point in study.points]


def _print_accuracy(title: str, study: "Study", rows: list[dict], inputs: int) -> None:
    print_table(f"{title}: accuracy, percent of {inputs} inputs, over "
                f"{len(study.points[0].accuracies)} arrays", [
                    {"time": row["time"]} | {name: f"{row[name]:.2f}" for name in (
                        "mean", "confidence_95", "deviation", "least", "most", "loss")}
                    for row in rows])
    typer.echo(f"digital {100 * study.digital:.2f} %, with row drivers and ADCs around ideal cells "
               f"{100 * study.quantised:.2f} %")


def energy_tables(spec: Spec, network: "Network",
                  mappings: "Mapping[int, LayerMapping]") -> dict:
    """``layers``: events and ``nj`` of each in an inference; ``units``: what an event takes, and
    whose number that is; ``total``, with ``tops_per_watt``."""
    from ...golden.cim.network import array_layers
    from ..cim.energy import count_events, energy_pj, unit_energies

    section = spec.cim
    units = unit_energies(section.activation_bits, section.adc_bits)
    golden = {layer.output: layer for layer in network.layers}
    rows = []
    for index, layer in array_layers(network, mappings).items():
        events = count_events(layer, mappings[index], golden[index].weights.size * layer.pixels)
        rows.append({"layer": golden[index].name} | dataclasses.asdict(events)
                    | {"nj": sum(energy_pj(events, units).values()) / 1e3})
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "layer"}
    total |= {"tops_per_watt": 2 * total["macs"] / (total["nj"] * 1e3),
              "conversion_ns": section.conversion.nanoseconds(section.activation_bits)}
    total["inferences_per_second"] = 1e9 / (total["conversions"] * total["conversion_ns"])
    return {"layers": rows, "total": total, "units": [
        dataclasses.asdict(unit) | {"nj": total[unit.event] * unit.pj / 1e3} for unit in units]}


def _print_energy(energy: dict) -> None:
    total = energy["total"]
    print_table("Events of an inference", energy["layers"],
                {name: total[name] for name in energy["layers"][0] if name != "layer"})
    print_table("Energy of an inference, by unit energies as published, nodes not scaled", [
        {"event": unit["event"], "what": unit["what"], "pj": f"{unit['pj']:.4g}",
         "nj": unit["nj"], "node": unit["node"], "source": unit["source"]}
        for unit in energy["units"]], {"nj": total["nj"]})
    typer.echo(f"{total['tops_per_watt']:.2f} TOPS/W on the array; conversions alone: "
               f"{total['conversions']:,} of {total['conversion_ns']:g} ns, "
               f"{total['inferences_per_second']:,.0f} inferences/s")
