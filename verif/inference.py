# SPDX-License-Identifier: Apache-2.0
"""A network over many inputs: golden, and the RTL beside it, compared bit for bit."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..gen.build import parameters
from ..gen.cli.common import Inputs, check_host_written, stage
from ..gen.compile import bound_activations, layers_run
from ..gen.compiler import compile_network
from ..gen.fixed.build import for_model
from ..gen.importer import load as load_model
from ..gen.report import Report, accuracy, complete
from ..gen.spec import Spec
from ..golden.interpreter import run as run_golden
from ..golden.network import Network
from .golden import golden_tensors
from .run import run as run_rtl
from .run import simulator

__all__ = ["run_network"]


def run_network(spec: Spec, model: Path, read_inputs: Callable[[Network], Inputs], *,
                simulate: bool, layers: bool = False, stalls: int | None = None,
                activation_nnz: Sequence[str] = (), unfused: bool = False,
                batch: int = 1, window: bool = True, jobs: int = 1, trace: bool = False,
                switchable: bool = False, conditions: int = 0, quiet: bool = False) -> Report:
    """Run ``model``; with ``simulate`` on the RTL of ``spec`` too, and compare.

    What is compared: see ``complete``. On a macro, golden is that of its array.
    ``activation_nnz``: as ``bound_activations``; what it costs in accuracy is reported.
    ``unfused``: every layer by itself. ``batch``: inputs of a run.
    ``window``, ``jobs``, ``trace``: as ``run``. The report's tensors are as the model has them.
    ``switchable``: pruned layers are there in both forms, of which bit 0 of ``conditions``, the
    flags with which runs start, picks.
    """
    spec = for_model(spec, model)
    unpruned = load_model(model)
    if activation_nnz:
        check_host_written(spec, activation_nnz=activation_nnz)
    pruned = bound_activations(unpruned, parameters(spec).facts, activation_nnz)
    network = unpruned if switchable and not conditions & 1 else pruned
    inputs = read_inputs(network)
    program = compile_network(
        spec, unpruned if switchable else pruned, fuse="never" if unfused else "faster",
        batch=batch, pruned=pruned if switchable else None)
    count = len(inputs.values)
    with stage(f"golden: {count} inputs", quiet=quiet):
        tensors = golden_tensors(spec, program, inputs.values, network)
    report = Report.begin(spec, network, inputs, tensors, layers=layers, batch=batch)
    if activation_nnz and inputs.labels is not None:
        with stage(f"golden without pruning: {count} inputs", quiet=quiet):
            report.accuracy_unpruned = accuracy(
                run_golden(unpruned, inputs.values)[network.outputs[0]], inputs.labels)
    if not simulate:
        return report

    with stage(f"build the simulator of {spec.name}", quiet=quiet):
        rtl = simulator(spec)
    with stage(f"simulate {count} inputs", total=-(-count // batch), quiet=quiet) as advance:
        done = 0

        def progress(value: int) -> None:
            nonlocal done
            for _ in range(value - done):
                advance()
            done = max(done, value)

        runs = layers_run([layer.lowered for layer in program.layers], conditions, {})
        result = run_rtl(program, inputs.values, rtl, layers=layers, stalls=stalls,
                         window=window, jobs=jobs, trace=trace, conditions=conditions,
                         runs=[runs] * -(-count // batch), progress=progress)
    complete(report, program, result, runs=runs, layers=layers,
             tensors={network.inputs[0]: inputs.values} | tensors)
    return report
