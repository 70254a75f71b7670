# SPDX-License-Identifier: Apache-2.0
"""The sparse family: engines side by side, constant utilisation, pruned activations, im2col."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from systolith.gen.cli.inputs import Inputs, load_inputs
from systolith.gen.compile.reads import matrix_fetched, matrix_inside
from systolith.gen.compiler import compile_network
from systolith.gen.counters import measured_activity
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.dbb import prune
from systolith.golden.interpreter import run as run_golden
from systolith.golden.numerics import Requantise, Rounding
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.verif.bench import bench_engines
from systolith.verif.inference import run_network
from systolith.verif.run import run, simulator

from .table import Result, Section

__all__ = ["SECTIONS"]

MODELS = ("kws_ref_model", "kws_dbb4_ft", "kws_dbb2_ft")
SA_SHAPES = ((8, 32), (16, 16), (32, 8))  # all of 256 that a spec may have


def side_by_side(networks: Path) -> Iterator[Result]:
    """Six engines of 256 multipliers, every layer of three networks."""
    models = [networks / f"{name}.tflite" for name in MODELS]
    for row in bench_engines(models, networks / "kws_public100.npz", 4, quiet=True):
        engine = f"{row['engine']}, activations {row['activation_nnz']}/8"
        yield (f"{row['model']} on {engine}: RTL = golden, cycles and counters predicted",
               "every layer", f"{row['cycles']} cycles", row["exact"])
        limit = {"kws_ref_model": 14_000, "kws_dbb4_ft": 9_500}.get(row["model"])
        if row["engine"] == "vdbb" and limit:
            yield (f"{row['model']} on vdbb, cycles", f"<= {limit:,}", f"{row['cycles']:,}",
                   row["cycles"] <= limit)


def pruned_activations(networks: Path) -> Iterator[Result]:
    """S2TA-AW at activation bound 4/8 against the best zero-gated SA of 256 multipliers."""
    path = networks / "kws_dbb4_ft.tflite"
    network = load_model(path)
    sweep = {}
    for rows, columns in SA_SHAPES:
        for lanes, vector in product((8, 16, 32), (16, 32)):
            spec = load("kws-sa", [f"engine.grid={{m: {rows}, n: {columns}}}",
                                   f"postproc.lanes={lanes}", f"vector.lanes={vector}"])
            sweep[rows, columns, lanes, vector] = predict(compile_network(spec, network))
    best = min(sweep, key=lambda key: sweep[key].cycles)
    yield ("zero-gated SA: best of its shapes", "recorded",
           "{}x{}, post-processor {}, vector {} lanes: ".format(*best)
           + str(sweep[best].cycles), True)
    report = run_network(load("kws-s2ta-aw"), path, lambda network: load_inputs(
        networks / "kws_public100.npz", network).first(8), simulate=True, layers=True,
        activation_nnz=["4"], quiet=True)
    yield ("kws_dbb4_ft on s2ta-aw at 4/8: RTL = golden, every tensor", "8 inputs",
           report.mismatch or f"{report.inferences} inputs", bool(report.bit_exact))
    pruned = [index for index, layer in enumerate(report.layers)
              if index and layer["op"] in ("CONV_2D", "FULLY_CONNECTED")]
    rival = sum(sweep[best].layers[index].cycles for index in pruned)
    ratio = rival / sum(report.layers[index]["cycles"] for index in pruned)
    yield ("s2ta-aw over zero-gated SA, layers that it prunes", ">= 1.9", f"{ratio:.2f}",
           ratio >= 1.9)
    whole = sweep[best].cycles / report.cycles_per_inference
    yield ("s2ta-aw over zero-gated SA, whole network", ">= 1.6", f"{whole:.2f}", whole >= 1.6)


def _product(spec_name: str, nnz: int, *overrides: str):
    """A 256 x 512 x 256 product as a 1x1 convolution; its cycles and its issued MACs, measured."""
    depth, columns = 512, 256
    rng = np.random.default_rng(nnz)
    weights = prune(rng.integers(1, 128, (columns, 1, 1, depth)).astype(np.int8), nnz=nnz)
    layer = golden.Convolution(
        name="product", kind="CONV_2D", sources=(0,), output=1, weights=weights,
        bias=np.zeros(columns, np.int32), stride=(1, 1), padding=(0, 0, 0, 0),
        source_zero_point=-128, requantise=Requantise(
            multiplier=np.full(columns, 2**30, np.int32), shift=np.full(columns, 14, np.int32),
            zero_point=-128, low=-128, high=127, rounding=Rounding.DOUBLE))
    network = golden.Network(
        name="product", layers=(layer,), inputs=(0,), outputs=(1,),
        tensors={0: golden.Tensor(0, "x", (1, 16, 16, depth), zero_point=-128),
                 1: golden.Tensor(1, "y", (1, 16, 16, columns), zero_point=-128)})
    spec = load(spec_name, ["memory.activations=1 MiB", "memory.weights=1 MiB",
                            "memory.program=64 KiB", "engine.accumulator_bits=32", *overrides])
    inputs = rng.integers(-128, 128, (1, 16, 16, depth)).astype(np.int8)
    program = compile_network(spec, network)
    result = run(program, inputs, simulator(spec))
    expected = run_golden(network, inputs)[1].reshape(result.outputs.shape)
    exact = np.array_equal(result.outputs, expected)
    issued = measured_activity(result.counters).macs_issued
    return exact, int(result.layer_cycles[0, 0]), issued / spec.multipliers


def constant_utilisation(_: Path | None) -> Iterator[Result]:
    """VDBB keeps its multipliers issued at every density."""
    measured = {nnz: _product("kws-vdbb", nnz) for nnz in range(1, 9)}
    yield ("256x512x256 on vdbb: RTL = golden", "every NNZ",
           f"{sum(exact for exact, _, _ in measured.values())} of 8",
           all(exact for exact, _, _ in measured.values()))
    shares = {nnz: steps / cycles for nnz, (_, cycles, steps) in measured.items()}
    yield ("256x512x256 on vdbb: multipliers issued, least of all NNZ", ">= 97 %",
           f"{100 * min(shares.values()):.1f} %", min(shares.values()) >= 0.97)
    per_non_zero = [cycles / nnz for nnz, (_, cycles, _) in measured.items()]
    spread = max(per_non_zero) / min(per_non_zero) - 1
    yield ("256x512x256 on vdbb: time per non-zero, spread", "<= 3 %", f"{100 * spread:.1f} %",
           spread <= 0.03)


def words_read_once(networks: Path) -> Iterator[Result]:
    """Activation SRAM reads of 3x3 layers against one read for each tap inside the input."""
    spec = load("kws-sa", ["engine.grid={m: 32, n: 8}", "postproc.lanes=8"])
    rng = np.random.default_rng(0)
    layer = golden.Convolution(
        name="conv", kind="CONV_2D", sources=(0,), output=1,
        weights=rng.integers(-127, 128, (8, 3, 3, 8)).astype(np.int8),
        bias=np.zeros(8, np.int32), stride=(1, 1), padding=(0, 0, 0, 0), source_zero_point=-128,
        requantise=Requantise(multiplier=np.full(8, 2**30, np.int32),
                              shift=np.full(8, 10, np.int32), zero_point=0, low=-128, high=127,
                              rounding=Rounding.DOUBLE))
    network = golden.Network(
        name="conv", layers=(layer,), inputs=(0,), outputs=(1,),
        tensors={0: golden.Tensor(0, "x", (1, 34, 34, 8), zero_point=-128),
                 1: golden.Tensor(1, "y", (1, 32, 32, 8))})
    program = compile_network(spec, network)
    inputs = rng.integers(-128, 128, (1, 34, 34, 8)).astype(np.int8)
    result = run(program, inputs, simulator(spec))
    exact = np.array_equal(result.outputs, run_golden(network, inputs)[1].reshape(
        result.outputs.shape))
    taps = int(matrix_inside(program.layers[0].lowered, program.layers[0].source,
                             program.parameters).sum())
    ratio = taps / measured_activity(result.counters).activation_reads
    yield ("3x3, stride 1, tile of 32 pixels: taps over reads, by counters", ">= 2.8",
           f"{ratio:.2f}", exact and ratio >= 2.8)

    spec = load("kws-sa", ["memory.activations=128 KiB", "memory.weights=256 KiB"])
    network = load_model(networks / "pretrainedResnet_quant.tflite")
    program = compile_network(spec, network)
    inputs = np.random.default_rng(1).integers(
        -128, 128, (1, *network.tensors[network.inputs[0]].shape[1:])).astype(np.int8)
    path = networks / "pretrainedResnet_quant.tflite"
    report = run_network(spec, path, lambda _: Inputs(inputs, None), simulate=True, quiet=True)
    yield ("ResNet8 on kws-sa: SRAM reads, by counters", "as predicted",
           str(report.activity.get("activation_reads")), bool(report.bit_exact))
    for stride, required in ((1, 2.0), (2, 1.4)):
        ratios = [_ratio(layer, program.parameters) for layer in program.layers
                  if layer.lowered.opcode is Opcode.MATRIX and layer.lowered.kernel == (3, 3)
                  and layer.lowered.stride == (stride, stride)]
        yield (f"ResNet8: taps over reads, least of {len(ratios)} 3x3 layers of stride {stride}",
               f">= {required}", f"{min(ratios):.2f}", min(ratios) >= required)


def _ratio(layer, parameters) -> float:
    low, source, taps = layer.lowered, layer.source, layer.plan.taps
    wanted = matrix_inside(low, source, parameters).sum((0, 3)) * taps.sum(0)
    read = matrix_fetched(low, source, parameters).sum((1, 4)) * taps
    return float(wanted.sum() / read.sum())


SECTIONS: tuple[Section, ...] = (
    (side_by_side, True), (pruned_activations, True), (constant_utilisation, False),
    (words_read_once, True))
