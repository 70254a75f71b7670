# SPDX-License-Identifier: Apache-2.0
"""The digital macro's cycles, measured on its RTL in Verilator."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.fpga.asic.workloads import matrix_layers, sampled
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.importer import load as load_model
from systolith.golden import interpreter
from systolith.golden.cim.conversion import digital_cycles
from systolith.golden.cim.quantisers import dac
from systolith.golden.dbb import BLOCK
from systolith.rtl.cim.contract import OPERAND_BITS, MacroParameters
from systolith.verif.cim.cycles import measured_cycles
from systolith.verif.cim.reference import Conversion

from .photograph import photograph
from .table import Result, Section

__all__ = ["SECTIONS"]

BITS = range(1, OPERAND_BITS + 1)
PIXELS = 40
"""Of a layer, spread over all."""


def cim_cycles(_: Path | None) -> Iterator[Result]:
    """Cycles of all pairs of bits."""
    p = MacroParameters(macro="digital", rows=64, columns=32, mux=2)
    rng = np.random.default_rng(1)
    pairs = [(activations, weights) for activations in BITS for weights in BITS]
    found = measured_cycles(p, [_conversion(
        rng.integers(0, 256, p.rows), p, bits, weight_bits=weights,
        is_signed=bool(rng.integers(2)), phase=int(rng.integers(p.mux)))
        for bits, weights in pairs])
    good = sum(cycles == bits * weights + p.DIGITAL_OVERHEAD
               for cycles, (bits, weights) in zip(found, pairs, strict=True))
    yield ("digital macro, RTL: cycles are activation bits x weight bits + 2", "all 64 pairs",
           f"{good} of {len(found)}, {min(found)} ... {max(found)}", good == len(pairs) == 64)


def cim_early_stop(networks: Path) -> Iterator[Result]:
    """Cycles with early stop on activations of real networks."""
    keywords = load_model(networks / "kws_ref_model.tflite")
    samples = load_inputs(networks / "kws_public100.npz", keywords).values[:1]
    pictures = load_model(networks / "pretrainedResnet_quant.tflite")
    layers = [(f"{network.name}, {layer.name}", work)
              for network, values in ((keywords, samples), (pictures, photograph(32)[None]))
              for layer, work in _layers(network, values)]
    rows = -(-max(int(work.sizes.sum()) for _, work in layers) // BLOCK) * BLOCK
    p = MacroParameters(macro="digital", rows=rows, columns=8, mux=1, early_stop=True)
    for bits in (8, 4):
        conversions, predicted, ends = [], [], [0]
        for _, work in layers:
            x = dac(work.x[:, np.arange(BLOCK) < work.sizes[:, None]], bits, signed=work.signed)
            x = x[np.unique(np.linspace(0, len(x) - 1, PIXELS).astype(int))]
            predicted += digital_cycles(x, activation_bits=bits, weight_bits=bits,
                                        is_signed=work.signed, early_stop=True).tolist()
            conversions += [_conversion(pixel, p, bits, weight_bits=bits, is_signed=work.signed)
                            for pixel in x]
            ends.append(len(conversions))
        found = measured_cycles(p, conversions)
        full = p.conversion_cycles(bits, bits)
        for (name, _), first, last in zip(layers, ends, ends[1:], strict=False):
            taken, golden = sum(found[first:last]), sum(predicted[first:last])
            saved = 1 - taken / ((last - first) * full)
            yield (f"early stop, {bits}x{bits} bits, {name}: cycles of {last - first} conversions",
                   f"{golden:,}, golden's", f"{taken:,}, {saved:.1%} saved",
                   found[first:last] == predicted[first:last])
        saved = 1 - sum(found) / (len(found) * full)
        yield (f"early stop, {bits}x{bits} bits: cycles saved, all layers", "recorded",
               f"{saved:.1%}", True)


def _layers(network, values: np.ndarray) -> Iterator:
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    for layer in matrix_layers(network):
        yield layer, sampled(network, values, layer, tensors=tensors)


def _conversion(operands: np.ndarray, p: MacroParameters, activation_bits: int, *,
                weight_bits: int, is_signed: bool, phase: int = 0) -> Conversion:
    """Of the first rows of the array, as many as there are operands."""
    padded = np.zeros(p.rows, np.uint8)
    padded[:len(operands)] = operands.astype(np.int64).astype(np.uint8)
    return Conversion(operands=padded, rows=np.arange(p.rows) < len(operands),
                      adcs=np.ones(p.adcs, bool), phase=phase, is_signed=is_signed,
                      activation_bits=activation_bits, weight_bits=weight_bits, adc_shift=0)


SECTIONS: tuple[Section, ...] = ((cim_cycles, False), (cim_early_stop, True))
