# SPDX-License-Identifier: Apache-2.0
"""Specs on FPGAs: bitstreams, arrays on 7-series, and times beside the published peers'."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from systolith.fpga.bench.peers import CFU_TILE, PEERS
from systolith.gen import demo
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.spec import load
from systolith.verif.inference import run_network

from ..random_designs import random_inputs
from .table import Result, Section

__all__ = ["SECTIONS"]

KWS, VWW, RESNET, AD = ("kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "ad01_int8")
PRUNED_KWS = "kws_dbb4_ft"
DIGITS = Path(demo.__file__).parent / "digits_dense.tflite"
TRIES = 4
RATIO = 0.65
LARGE = 64
"""Multiply-accumulates from which on an array must be better than the published tile."""
MOST = {"lut": 53_200, "dsp": 220, "bram": 140}
"""Of an XC7Z020."""


def _call(*arguments: object) -> dict:
    """What a command of ``systolith`` says, as data. Raises RuntimeError where it says nothing."""
    done = subprocess.run([sys.executable, "-m", "systolith.gen.cli", *map(str, arguments),
                           "--json"], capture_output=True, text=True)
    if not done.stdout.strip():
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _milliseconds(spec: str, model: Path, megahertz: float) -> float:
    return _call("predict", spec, model)["cycles"] / megahertz / 1e3


def _bitstream(spec: str, board: str, folder: Path) -> tuple[dict, Result]:
    """A board's bitstream and its row."""
    told = _call("synth", spec, "--board", board, "--tries", TRIES, "-o", folder)
    asked = load(spec).target.clock_mhz
    what = f"{spec} on {board}: a bitstream at its declared clock, by nextpnr"
    if "error" in told:
        return told, (what, f">= {asked} MHz", "; ".join(told["error"]), False)
    size = (folder / told["bitstream"]).stat().st_size
    return told, (what, f">= {asked} MHz",
                  f"{told['fmax_mhz']:.1f} MHz, {told['bitstream']} of {size:,} bytes",
                  told["met"] and size > 0)


def fpga_demos(_: Path | None) -> Iterator[Result]:
    """The demonstrations of two boards."""
    for spec, board in (("demo-ulx3s", "ulx3s"), ("demo-tang-nano-20k", "tang-nano-20k")):
        with TemporaryDirectory() as name:
            yield _bitstream(spec, board, Path(name) / "made")[1]


def fpga_up5k(networks: Path) -> Iterator[Result]:
    """The smallest board: it fits, and networks answer."""
    spec = "demo-icebreaker"
    with TemporaryDirectory() as name:
        told, row = _bitstream(spec, "icebreaker", Path(name) / "made")
        yield row
    if "error" in told:
        return
    used = {kind: told["usage"][kind]["used"] for kind in ("dsp", "spram")}
    yield (f"{spec}: DSPs, SPRAMs of 32 KiB", "<= 8, <= 4", f"{used['dsp']}, {used['spram']}",
           used["dsp"] <= 8 and used["spram"] <= 4)
    yield from _answers(spec, (DIGITS, networks / f"{KWS}.tflite"), told["clock_mhz"]["core"])


def _answers(spec: str, models: Sequence[Path], clock: float) -> Iterator[Result]:
    """Networks in simulation, two inputs each, and their times at ``clock`` MHz."""
    for model in models:
        inputs = random_inputs(np.random.default_rng(0), load_model(model), 2)
        report = run_network(load(spec), model, lambda _, x=inputs: Inputs(x, None),
                             simulate=True, quiet=True)
        time = _milliseconds(spec, model, clock)
        yield (f"{model.stem} on {spec}: RTL = golden, cycles as predicted",
               f"{len(inputs)} inputs",
               report.mismatch or f"equal, {time:.2f} ms at {clock:g} MHz",
               bool(report.bit_exact)
               and report.cycles_per_inference == report.predicted_cycles_per_inference)


def fpga_ulx3s(networks: Path) -> Iterator[Result]:
    """Keyword spotting on the ECP5."""
    with TemporaryDirectory() as name:
        told, row = _bitstream("kws-ulx3s", "ulx3s", Path(name) / "made")
    yield row
    if "error" in told:
        return
    for what, clock in (("declared", told["clock_mhz"]["core"]), ("routed", told["fmax_mhz"])):
        dense, pruned = (_milliseconds("kws-ulx3s", networks / f"{model}.tflite", clock)
                         for model in (KWS, PRUNED_KWS))
        yield (f"KWS on kws-ulx3s at the {what} clock of {clock:.1f} MHz, unmodified", "< 1 ms",
               f"{dense:.3f} ms; pruned to 4/8: {pruned:.3f} ms", dense < 1)
    models = [networks / f"{model}.tflite" for model in (KWS, PRUNED_KWS)]
    yield from _answers("kws-ulx3s", models, told["clock_mhz"]["core"])


def fpga_arrays(_: Path | None) -> Iterator[Result]:
    """What a multiply-accumulate takes, ahead of place and route."""
    found = _call("bench", "fpga", "--arrays")
    sizes = sorted({(each["pipelined"], each["macs"]) for each in found["arrays"]})
    for pipelined, macs in sizes:
        some = [each for each in found["arrays"]
                if (each["pipelined"], each["macs"]) == (pipelined, macs)]
        best = max(some, key=lambda each: (_small(each), -each["lut"] - each["ff"]))
        sign = "<" if macs >= LARGE else "<="
        held = not pipelined or macs >= LARGE  # small arrays need reach the tile in one form only
        yield (f"{macs} MACs on 7-series, {_form(best)}: a MAC of {best['array']}",
               f"{sign} {CFU_TILE['lut']} LUT, {sign} {CFU_TILE['ff']} FF, 1 DSP" if held
               else "recorded",
               f"{best['lut']:.1f} LUT, {best['ff']:.1f} FF, {best['dsp']:.2f} DSP",
               _small(best) or not held)
    for pair in found["pairs"]:
        dense, blocks = pair["dense"], pair["blocks"]
        what = f"{blocks['array']} : {dense['array']}, products {dense['products']}"
        yield (f"{what}, {_form(dense)}: LUTs without DSPs", f"<= {RATIO}",
               f"{pair['lut_ratio']:.3f} ({blocks['lut']:.1f} : {dense['lut']:.1f} a MAC)",
               pair["lut_ratio"] <= RATIO)


def _small(array: Mapping) -> bool:
    """Nothing more than in the published tile; from ``LARGE`` on fewer LUTs and flip-flops."""
    less = all(array[kind] < CFU_TILE[kind] for kind in ("lut", "ff"))
    return (less if array["macs"] >= LARGE
            else all(array[kind] <= CFU_TILE[kind] for kind in ("lut", "ff"))) and (
        array["dsp"] <= CFU_TILE["dsp"])


def _form(array: Mapping) -> str:
    return "pipelined" if array["pipelined"] else "combinational"


def fpga_z7020(networks: Path) -> Iterator[Result]:
    """An XC7Z020's worth of accelerator, beside fpgaConvNet."""
    limits = {peer.network: peer.milliseconds for peer in PEERS if peer.device == "XC7Z020"}
    yield from _synthesised("tinyml-z7020", networks, limits, MOST)


def fpga_a7_35t(networks: Path) -> Iterator[Result]:
    """Keyword spotting on an Artix-7 35T, beside CFU-Playground."""
    yield from _synthesised("kws-a7-35t", networks, {"KWS": 5.0}, {})


def _synthesised(spec: str, networks: Path, limits: Mapping[str, float],
                 most: Mapping[str, int]) -> Iterator[Result]:
    """Resources by ``synth_xilinx``, and times at the clock of the slowest part."""
    models = [f"--model={networks / model}.tflite" for model in (KWS, VWW, RESNET, AD)]
    row, = _call("bench", "fpga", "--no-arrays", f"--spec={spec}", *models)["specs"]
    if row["unfit"]:
        yield f"{spec} on {row['device']}: fits", "yes", row["unfit"], False
        return
    for kind, each in row["usage"].items():
        available = most.get(kind, each["available"])
        if available is not None:
            yield (f"{spec} on {row['device']}: {kind}", f"<= {available:,}",
                   f"{each['used']:,}", each["used"] <= available)
    slowest, fmax = min(row["parts_fmax_mhz"].items(), key=lambda item: item[1]["median"])
    yield (f"{spec}: clock, at most of its slowest part, the {slowest}, on ECP5-85 -6",
           f"<= 150 and <= {fmax['median']:.1f} MHz", f"{row['clock_mhz']:.1f} MHz",
           row["clock_mhz"] <= min(150, fmax["median"]))
    for each in row["inferences"]:
        name, time = each["network"], each["milliseconds"]
        limit = limits.get(name)
        reached = each["refused"] if time is None else f"{time:.3f} ms, {each['cycles']:,} cycles"
        yield (f"{name} on {spec}, unmodified",
               "recorded" if limit is None else f"< {limit:g} ms", reached,
               limit is None or (time is not None and time < limit))


SECTIONS: tuple[Section, ...] = (
    (fpga_demos, False), (fpga_up5k, True), (fpga_ulx3s, True), (fpga_arrays, False),
    (fpga_z7020, True), (fpga_a7_35t, True))
