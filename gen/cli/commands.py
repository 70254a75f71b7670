# SPDX-License-Identifier: Apache-2.0
"""The commands of this package: generate, compile, predict, schema; cim is in ``cim``."""

import dataclasses
import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..spec import Spec, json_schema, load
from .array import (
    FloorPlanOption,
    array_use,
    check_array,
    draw_array,
    mapping_table,
    peak_rows,
    print_array,
    print_peak,
)
from .cim import cim
from .common import (
    ActivationOption,
    BatchOption,
    ForceOption,
    InputFault,
    JsonOption,
    ModelArgument,
    OutputOption,
    SetOption,
    SpecArgument,
    SwitchableOption,
    UnfusedOption,
    atomic_directory,
    check_host_written,
    check_mesh,
    guard,
    print_json,
    print_left_out,
    print_overridden,
    print_table,
    stage,
)
from .costs import (
    InputOption,
    TechnologyOption,
    area_rows,
    check_technology,
    energy_rows,
    print_area,
    print_energy,
    tensors_of,
)
from .layers import fixed_rows, layer_rows, print_layers, print_segments
from .memories import memory_rows, print_memories
from .timeline import TimelineOption, check_timeline, draw_timeline

if TYPE_CHECKING:
    from ..compile import Program
    from ..memory import MacroMap

__all__ = ["IMAGE", "MAPPING", "register"]

TargetOption = Annotated[str, typer.Option(
    "--target", metavar="generic|asic",
    help="For an ASIC, memories are black boxes, or macros, and nothing has an initial value.")]
MacrosOption = Annotated[str | None, typer.Option(
    "--macros", metavar="MAP", show_default=False,
    help="With --target asic, make memories of these SRAM macros: name of a shipped macro map, or "
         "path of a TOML file.")]
CostsOption = Annotated[str | None, typer.Option(
    "--macros", metavar="MAP", show_default=False,
    help="Also print what memories of these SRAM macros take, area and energy of an input: name of "
         "a shipped macro map, or path of a TOML file.")]

OptionalModelArgument = Annotated[Path | None, typer.Argument(
    metavar="[MODEL]", show_default=False,
    help="Path of an int8 model, .tflite or .onnx (QDQ); without it, area alone is predicted.")]

IMAGE = "program.bin"
MAPPING = "mapping.json"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("generate")(generate)
    app.command("compile")(compile_)
    app.command("predict")(predict)
    app.command("schema")(schema)
    app.command("cim")(cim)


def generate(spec: SpecArgument, output: OutputOption, overrides: SetOption = None,
             target: TargetOption = "generic", macros: MacrosOption = None,
             force: ForceOption = False, json: JsonOption = False) -> None:
    """Write the Verilog of a spec, its register map, C header, C driver and manifest."""
    with guard(json, *_macro_faults()):
        loaded = load(spec, overrides or ())
        from ..emit import TARGETS
        from ..emit import generate as emit
        from ..memory import MacroFault

        if target not in TARGETS:
            raise InputFault(f"--target must be {' or '.join(TARGETS)}, not {target!r}")
        if macros is not None and target != "asic":
            raise InputFault(f"--macros needs --target asic, not {target}")
        check_mesh(loaded, target=target if target == "asic" else None)
        if target == "asic" and loaded.front_end.count and not loaded.front_end.single_port:
            raise InputFault("front_end.single_port must be true with --target asic, whose "
                             "memories have one port; add --set front_end.single_port=true")
        found = None if macros is None else _load_map(macros)
        if found is not None and found.ports is None:
            raise MacroFault(f"{macros}: macro map must say which ports its macros have, to "
                             "instantiate them")
        with atomic_directory(output, "generate", force=force) as folder:
            with stage(f"generate {loaded.name}", quiet=json):
                manifest = emit(loaded, folder, target=target, macros=found)
            files = sorted(item.relative_to(folder).as_posix()
                           for item in folder.rglob("*") if item.is_file())
    if json:
        print_json({"directory": output, "files": files, "manifest": manifest})
    else:
        print_overridden(loaded, overrides)
        typer.echo(f"{output}: {loaded.name}, {loaded.multipliers} multipliers, "
                   f"{len(files)} files")


def compile_(spec: SpecArgument, model: ModelArgument, output: OutputOption,
             overrides: SetOption = None, activation_nnz: ActivationOption = None,
             unfused: UnfusedOption = False, batch: BatchOption = 1,
             switchable: SwitchableOption = False, floor_plan: FloorPlanOption = None,
             force: ForceOption = False, json: JsonOption = False) -> None:
    """Compile a model into a program image, also as C unless its inputs are streamed in; print how
    each layer is mapped."""
    with guard(json):
        loaded = _load_for(spec, overrides, model)
        check_array(loaded, floor_plan)
        with atomic_directory(output, "compile", force=force) as folder:
            program = _compile(loaded, model, activation_nnz, unfused, batch, json, switchable)
            mapping = {"spec": loaded.name, "spec_hash": f"0x{program.parameters.spec_hash:016x}",
                       "model": program.network.name, "image_bytes": len(program.image),
                       "left_out": list(program.network.left_out),
                       "segments": program.segment_rows, "layers": program.mapping_rows
                       } | array_use(program)
            (folder / IMAGE).write_bytes(program.image)
            (folder / MAPPING).write_text(json_module.dumps(mapping, indent=2) + "\n")
            files = [IMAGE, MAPPING]
            if program.parameters.slots is None:  # the driver writes inputs, and streams none
                from ..emit.driver import write_model

                files += write_model(program, folder)
            files.sort()
            if floor_plan is not None:
                draw_array(floor_plan, f"{model.name} on {loaded.name}", program)
    if json:
        print_json({"directory": output, "files": files, **mapping})
    else:
        print_overridden(loaded, overrides)
        print_table(f"{model.name} on {loaded.name}", mapping_table(program))
        print_segments(program)
        print_left_out(program.network.left_out)
        print_array(program)
        typer.echo(f"{output / IMAGE}: {len(program.image)} bytes")


def predict(spec: SpecArgument, model: OptionalModelArgument = None,
            overrides: SetOption = None, activation_nnz: ActivationOption = None,
            unfused: UnfusedOption = False, batch: BatchOption = 1,
            timeline: TimelineOption = None, macros: CostsOption = None,
            technology: TechnologyOption = None, values: InputOption = None,
            json: JsonOption = False) -> None:
    """Predict area, and a model's cycles, layer by layer, and energy, without simulation."""
    with guard(json, *_macro_faults()):
        loaded = _load_for(spec, overrides, model)
        check_timeline(timeline)
        costed = None if technology == "none" else technology
        check_mesh(loaded, timeline=timeline, macros=macros, technology=costed)
        check_host_written(loaded, macros=macros, technology=costed)
        known = check_technology(technology, loaded)
        costs = None if macros is None else _load_map(macros)
        areas = None
        if known is not None:
            with stage(f"area of {loaded.name}", quiet=json):
                areas = area_rows(loaded, known, costs)
        if model is not None:
            found = _predict_model(loaded, model, overrides, activation_nnz, unfused, batch,
                                   timeline, costs, known, values, json)
    if json:
        print_json({"spec": loaded.name} | ({} if model is None else found)
                   | ({} if areas is None else {"technology": known, "area": areas}))
        return
    if model is None:
        print_overridden(loaded, overrides)
    if areas is not None and known is not None:
        print_area(loaded, known, areas)


def _predict_model(loaded: Spec, model: Path, overrides: list[str] | None,
                   activation_nnz: list[str] | None, unfused: bool, batch: int,
                   timeline: Path | None, costs: "MacroMap | None", technology: str | None,
                   values: Path | None, json: bool) -> dict:
    """Cycles and energy of a model: printed, or with ``json`` returned."""
    program = _compile(loaded, model, activation_nnz, unfused, batch, json)
    from ..predict import moved_bytes, predict_stream
    from ..predict import predict as run_prediction

    with stage(f"predict {loaded.name}", quiet=json):
        prediction = run_prediction(program)
    if timeline is not None:
        with stage(f"draw {timeline}", quiet=json):
            draw_timeline(timeline, f"{model.name} on {loaded.name}", [prediction.timeline])
    memories = None if costs is None else memory_rows(program, prediction, costs, batch)
    energies = None
    if technology is not None:
        tensors = None if values is None else tensors_of(program.network, values)
        with stage("energy", quiet=json):
            energies = energy_rows(loaded, program, prediction, technology, batch, tensors, costs)
    clock = loaded.target.clock_mhz
    layers = fixed_rows(program) + layer_rows(program, prediction)
    stream = predict_stream(program, prediction)
    waits = sum(prediction.waits)
    total = {"macs": sum(layer["macs"] for layer in layers), "cycles": prediction.cycles,
             "utilisation": prediction.utilisation} | dataclasses.asdict(prediction.stalls) | {
                 "transfer_wait": waits, "moved_bytes": moved_bytes(program)}
    cycles = prediction.cycles + waits
    if not json:
        print_overridden(loaded, overrides)
        print_layers(f"{model.name} on {loaded.name}, predicted", layers, total)
        print_segments(program)
        if waits:
            typer.echo(f"{cycles:,} cycles with {waits:,} of waiting for transfers")
        typer.echo(f"{cycles / clock:,.1f} us at {clock} MHz" + (
            f" for {batch} inputs, {cycles / batch:,.1f} cycles each" if batch > 1 else ""))
        if stream is not None:
            typer.echo(f"frames back to back: {stream.frame:,} cycles in the front end beside "
                       f"{stream.run:,} in the core: one every {stream.steady:,} cycles, "
                       f"{stream.steady / clock:,.1f} us")
        print_peak(loaded, program)
        if costs is not None and memories is not None:
            print_memories(f"Memories of {loaded.name}, an input of {model.name}", memories, costs)
        if energies is not None and technology is not None:
            print_energy(technology, energies, drawn=values is None)
    return {"model": program.network.name, "batch": batch, **total,
            "cycles_per_inference": cycles / batch, "microseconds": cycles / clock,
            "clock_mhz": clock, "segments": program.segment_rows,
            "unit_shares": prediction.timeline.shares(), "layers": layers} | peak_rows(
                loaded, program) | (
                {} if costs is None else {"memories": memories, "macros": costs.name,
                                          "memory_source": costs.source}) | (
                {} if energies is None else {"energy": energies}) | (
                {} if stream is None else {"stream": dataclasses.asdict(stream)
                                           | {"steady": stream.steady}})


def _load_map(source: str) -> "MacroMap":
    from ..memory import load_map

    return load_map(source)


def _macro_faults() -> tuple[type[Exception], ...]:
    """What a macro map can be at fault with; late, since most commands need none."""
    from ..memory import CompositionFault, MacroFault

    return CompositionFault, MacroFault


def schema(json: JsonOption = False) -> None:
    """Print the JSON schema of a spec file, for editors."""
    print_json(json_schema())


def _load_for(spec: str, overrides: list[str] | None, model: Path | None) -> Spec:
    """The spec, its front end that of ``model`` where it names none."""
    loaded = load(spec, overrides or ())
    if loaded.front_end.layers is None or model is None:
        return loaded
    from ..fixed.build import for_model

    return for_model(loaded, model)


def _compile(spec: Spec, model: Path, activation_nnz: list[str] | None, unfused: bool,
             batch: int, json: bool, switchable: bool = False) -> "Program":
    from ..build import parameters
    from ..compile import bound_activations
    from ..compiler import compile_network
    from ..importer import load as load_model

    with stage(f"read {model.name}", quiet=json):
        unpruned = load_model(model)
        if activation_nnz:
            check_host_written(spec, activation_nnz=activation_nnz)
        network = bound_activations(unpruned, parameters(spec).facts, activation_nnz or ())
    with stage(f"compile {model.name} for {spec.name}", quiet=json):
        return compile_network(spec, unpruned if switchable else network, batch=batch,
                               fuse="never" if unfused else "faster",
                               pruned=network if switchable else None)
