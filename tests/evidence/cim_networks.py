# SPDX-License-Identifier: Apache-2.0
"""Compute in memory: whole networks on the digital and the PCM macro, and the array's pace."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import systolith.gen.demo as demo
from systolith.gen.cim.reference import array_tensors
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compiler import compile_network
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import predict
from systolith.gen.predict.cim import array_time, conversions
from systolith.gen.spec import Spec, load
from systolith.golden.cim.analognets import keyword_spotting
from systolith.golden.interpreter import run as run_golden
from systolith.verif import cim
from systolith.verif.cim.network import aged, compare
from systolith.verif.inference import run_network

from ..litert import reference_tensors
from .table import Result, Section

__all__ = ["SECTIONS"]

DIGITS = Path(demo.__file__).parent
TIMES = {"25 s": 25.0, "1 h": 3600.0, "1 d": 86400.0}
SEEDS = range(1, 6)
PEAKS = {8: 2.016, 6: 7.71, 4: 26.2}


def _networks(networks: Path) -> Iterator[tuple[str, Path, Path]]:
    yield "digits", DIGITS / "digits_dense.tflite", DIGITS / "digits_held_back.npz"
    yield "KWS", networks / "kws_ref_model.tflite", networks / "kws_public100.npz"


def cim_digital(networks: Path) -> Iterator[Result]:
    """The digital macro."""
    for name, model, samples in _networks(networks):
        yield from _exact(load("cim-digital"), name, model, samples)


def cim_users_macro(networks: Path) -> Iterator[Result]:
    """A macro that is not of the project, with codes that are exact."""
    yield from _exact(load(str(files(cim).joinpath("example_macro.yaml"))),
                      *next(_networks(networks)))


def _exact(spec: Spec, name: str, model: Path, samples: Path) -> Iterator[Result]:
    """LiteRT = golden = RTL, two inferences."""
    network = load_model(model)
    inputs = load_inputs(samples, network).first(2)
    golden = run_golden(network, inputs.values)
    reference = reference_tensors(model, inputs.values, list(golden))
    yield (f"{name}: golden = LiteRT, every tensor", "2 inputs", "2 inputs",
           all(np.array_equal(golden[index], reference[index]) for index in golden))
    if not spec.cim.exact:
        array = array_tensors(compile_network(spec, network), inputs.values, spec.cim)
        yield (f"{name} on {spec.name}: golden on the array = golden", "2 inputs", "2 inputs",
               all(np.array_equal(tensor, golden[index]) for index, tensor in array.items()))
    report = run_network(spec, model, lambda _, inputs=inputs: inputs, simulate=True,
                         layers=True, quiet=True)
    yield (f"{name} on {spec.name}: RTL = golden, every tensor", "2 inferences",
           report.mismatch or f"{report.inferences} inferences", bool(report.bit_exact))
    yield (f"{name} on {spec.name}: cycles = the formula", "equal",
           f"{report.predicted_cycles_per_inference} / {report.cycles_per_inference}",
           report.predicted_cycles_per_inference == report.cycles_per_inference)


def cim_pcm(networks: Path) -> Iterator[Result]:
    spec = load("cim-pcm")
    for name, model, samples in _networks(networks):
        network = load_model(model)
        inputs = load_inputs(samples, network).first(2).values
        program = compile_network(spec, network)
        for time, seconds in TIMES.items():
            found = {seed: compare(spec, program, inputs, aged(program, seed, seconds))
                     for seed in SEEDS}
            wrong = [f"seed {seed}: {text}" for seed, text in found.items() if text]
            yield (f"{name} on cim-pcm after {time}: RTL = golden, every tensor and cycle",
                   f"{len(SEEDS)} seeds", "; ".join(wrong) or f"{len(found)} seeds", not wrong)


def cim_pace(_: Path | None) -> Iterator[Result]:
    spec = load("cim-pcm")
    clock = spec.target.clock_mhz
    for bits, wanted in PEAKS.items():
        reached = spec.cim.peak_tops(bits, clock)
        yield (f"1024 x 512, 4:1, 128 ADCs: peak at {bits} bits", f"{wanted} TOPS",
               f"{reached:.3f}", abs(reached / wanted - 1) < 2e-3)
    program = compile_network(spec, keyword_spotting())
    count = sum(map(conversions, program.layers))
    rate = 1e6 * clock / array_time(program)
    yield ("KWS of AnalogNets: conversions of 130 ns", "991", str(count), count == 991)
    yield ("KWS of AnalogNets: inferences a second", "7762", f"{rate:.0f}", round(rate) == 7762)
    yield ("KWS of AnalogNets: with all that goes around", "printed",
           f"{1e6 * clock / predict(program).cycles:.0f}", True)


SECTIONS: tuple[Section, ...] = (
    (cim_digital, True), (cim_users_macro, True), (cim_pcm, True), (cim_pace, False))
