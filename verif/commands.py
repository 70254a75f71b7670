# SPDX-License-Identifier: Apache-2.0
"""The command line's part that simulates: run and verify."""

import time
from pathlib import Path
from typing import Annotated

import typer

from ..gen.cli.common import (
    ActivationOption,
    BatchOption,
    ExitCode,
    InputFault,
    InputOption,
    JsonOption,
    ModelArgument,
    OutputFileOption,
    SetOption,
    SpecArgument,
    SwitchableOption,
    UnfusedOption,
    check_mesh,
    fail,
    guard,
    load_inputs,
    print_json,
    print_overridden,
    print_table,
    stage,
)
from ..gen.cli.groups import BENCH, group
from ..gen.cli.reports import print_report
from ..gen.cli.timeline import TimelineOption, check_timeline, draw_timeline
from ..gen.spec import load
from ..rtl.sequencer.descriptor import FLAGS
from .toolchain import ToolMissing

__all__ = ["register"]

OnOption = Annotated[str, typer.Option("--on", metavar="golden|verilator",
                                       help="Where the network runs.")]
LayersOption = Annotated[bool, typer.Option(
    "--layers", help="Compare, and write, every operator's tensor.")]
StallsOption = Annotated[int | None, typer.Option(
    "--stalls", metavar="SEED", show_default=False,
    help="Pause every AXI channel at random, from this seed.")]
WindowOption = Annotated[bool, typer.Option(
    "--window", help="Load image and inputs through the AXI window, as a host does, rather than "
                     "straight into the simulated memories; --stalls does too.")]
JobsOption = Annotated[int | None, typer.Option(
    "--jobs", "-j", min=1, metavar="N", show_default="the CPUs available",
    help="Simulations at once, each over a part of the inputs.")]
ConditionsOption = Annotated[int, typer.Option(
    "--conditions", metavar="FLAGS", min=0, max=(1 << FLAGS) - 1,
    help="Flags with which a run starts, as register CONDITIONS.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("run")(run)
    app.command("verify")(verify)
    app.command("check-macro")(check_macro)
    group(app, BENCH).command("engines")(bench_engines)


def run(spec: SpecArgument, model: ModelArgument, inputs: InputOption, on: OnOption = "golden",
        layers: LayersOption = False, output: OutputFileOption = None,
        stalls: StallsOption = None, window: WindowOption = False, jobs: JobsOption = None,
        overrides: SetOption = None,
        activation_nnz: ActivationOption = None, unfused: UnfusedOption = False,
        batch: BatchOption = 1, switchable: SwitchableOption = False,
        conditions: ConditionsOption = 0, timeline: TimelineOption = None,
        json: JsonOption = False) -> None:
    """Run a model on the golden model or on the simulated RTL, and compare the two."""
    with guard(json, ToolMissing):
        if on not in ("golden", "verilator"):
            raise typer.BadParameter(f"must be golden or verilator, not {on!r}",
                                     param_hint="--on")
        loaded = load(spec, overrides or ())
        check_timeline(timeline)
        check_mesh(loaded, timeline=timeline)
        if switchable and not activation_nnz:
            raise typer.BadParameter("needs --activation-nnz: which layers are there in both forms",
                                     param_hint="--switchable")
        if conditions and not switchable:
            raise typer.BadParameter("needs --switchable: no layer depends on a flag",
                                     param_hint="--conditions")
        if timeline is not None and on != "verilator":
            raise typer.BadParameter("needs --on verilator; 'systolith predict' draws without "
                                     "simulation", param_hint="--timeline")
        from ..gen.report import save_outputs
        from .inference import run_network
        from .parallel import available_cpus
        from .simulator import SimulationFault

        try:
            report = run_network(loaded, model, lambda network: load_inputs(inputs, network),
                                 simulate=on == "verilator", layers=layers, stalls=stalls,
                                 activation_nnz=activation_nnz or (), unfused=unfused,
                                 batch=batch, window=window or stalls is not None,
                                 jobs=jobs or available_cpus(), trace=timeline is not None,
                                 switchable=switchable, conditions=conditions,
                                 quiet=json)
        except SimulationFault as fault:
            fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
        if output is not None:
            save_outputs(output, report)
        if timeline is not None:
            with stage(f"draw {timeline}", quiet=json):
                draw_timeline(timeline, f"{model.name} on {loaded.name}", report.timelines)
    if json:
        print_json(report.as_dict() | {"overrides": list(overrides or ())})
    else:
        print_overridden(loaded, overrides)
        print_report(report, loaded.name, model.name)
    raise typer.Exit(ExitCode.HOLDS if report.bit_exact is not False
                     else ExitCode.DOES_NOT_HOLD)


def verify(spec: SpecArgument, overrides: SetOption = None, json: JsonOption = False) -> None:
    """Run the verification suite of a spec on its simulated RTL."""
    with guard(json, ToolMissing):
        loaded = load(spec, overrides or ())
        from .verify import verify as run_suite

        start = time.monotonic()
        with stage(f"verify {loaded.name}", quiet=json):
            results = run_suite(loaded)
    rows = [{"check": name, "passed": "yes" if passed else "NO", "detail": detail}
            for name, passed, detail in results]
    good = all(passed for _, passed, _ in results)
    if json:
        print_json({"spec": loaded.name, "passed": good, "checks": rows})
    else:
        print_overridden(loaded, overrides)
        print_table(f"verification of {loaded.name}", rows)
        typer.echo(f"{sum(passed for _, passed, _ in results)} of {len(results)} checks passed "
                   f"in {time.monotonic() - start:.0f} s")
    raise typer.Exit(ExitCode.HOLDS if good else ExitCode.DOES_NOT_HOLD)


def check_macro(
    spec: SpecArgument,
    inexact: Annotated[bool, typer.Option(
        "--inexact", help="Codes of the user's macro are not the sums themselves: compare them "
                          "from run to run alone.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of what is done to it.")] = 0,
    overrides: SetOption = None, json: JsonOption = False,
) -> None:
    """Check the simulated macro of a spec against every rule of the macro contract."""
    with guard(json, ToolMissing):
        loaded = load(spec, overrides or ())
        if loaded.cim is None:
            raise InputFault(f"SPEC must have engine.kind cim for check-macro, not "
                             f"{loaded.engine.kind}; use a spec with a macro, such as cim-digital")
        from ..gen.build import parameters
        from ..gen.emit.cim import macro_sources
        from .cim.check import check_macro as check
        from .simulator import SimulationFault

        macro, sources = parameters(loaded).macro, list(macro_sources(loaded).values())
        try:
            with stage(f"check macro {macro.macro}", quiet=json):
                broken = check(macro, sources, seed=seed, exact=not inexact)
        except SimulationFault as fault:
            fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
    if json:
        print_json({"spec": loaded.name, "macro": macro.macro, "holds": broken is None,
                    "broken": broken})
    else:
        print_overridden(loaded, overrides)
        typer.echo(broken or f"{macro.macro} keeps every rule of the macro contract")
    raise typer.Exit(ExitCode.HOLDS if broken is None else ExitCode.DOES_NOT_HOLD)


def bench_engines(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", show_default=False,
                                                 help="Paths of int8 models.")],
    inputs: InputOption,
    count: Annotated[int, typer.Option("--count", min=1, help="Inputs to run.")] = 4,
    page: Annotated[Path | None, typer.Option(
        "--markdown", metavar="FILE", show_default=False, help="Write the table here too.")] = None,
    json: JsonOption = False,
) -> None:
    """Run models on every engine of 256 multipliers and print one table."""
    with guard(json, ToolMissing):
        from .bench import bench_engines as measure
        from .bench import markdown, shown

        rows = list(measure(models, inputs, count, quiet=json))
        if page is not None:
            page.write_text(markdown(rows))
    good = all(row["exact"] for row in rows)
    if json:
        print_json({"exact": good, "rows": rows})
    else:
        print_table("256 multipliers, engine by engine", [shown(row) for row in rows])
    raise typer.Exit(ExitCode.HOLDS if good else ExitCode.DOES_NOT_HOLD)
