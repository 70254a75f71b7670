# SPDX-License-Identifier: Apache-2.0
"""What a program on a compute-in-memory macro computes, as golden has it."""

from collections.abc import Mapping

import numpy as np

from ...golden import interpreter
from ...golden.cim.device import Cells, ideal
from ...golden.cim.macros import DigitalMacro, PcmMacro
from ...golden.cim.mapping import LayerMapping
from ...golden.cim.network import run
from ...golden.cim.quantisers import GDC_ONE
from ...rtl.cim.contract import WRITE_WEIGHTS
from ..compile import ArrayPlan, CompileFault, Program
from ..compile.cim import cell_words
from ..compile.cim.plan import shape_of
from ..spec.cim import Cim

__all__ = ["array_cells", "array_tensors", "mappings"]


def mappings(program: Program) -> dict[int, LayerMapping]:
    """Of the layers on the array, by output tensor."""
    return {layer.lowered.output: layer.plan.mapping for layer in program.layers
            if isinstance(layer.plan, ArrayPlan)}


def array_cells(program: Program) -> tuple[np.ndarray, np.ndarray]:
    """What all cells hold, int8 [rows, columns], and which are written. Raises CompileFault where
    the layers' weights do not lie in the array together."""
    macro = program.parameters.macro
    layers = [(layer.lowered, layer.plan) for layer in program.layers
              if isinstance(layer.plan, ArrayPlan)]
    if sum(bool(plan.load) for _, plan in layers) > 1:
        raise CompileFault("weights must lie in the array together for codes that are not exact; "
                           "set cim.residency to resident")
    weights, words = cell_words(layers, macro)
    return weights, np.repeat(words, WRITE_WEIGHTS, axis=1)


def array_tensors(program: Program, inputs: np.ndarray, cim: Cim, *, cells: Cells | None = None,
                  seed: int = 0, gdc: int = GDC_ONE) -> Mapping[int, np.ndarray]:
    """Every operator's output, int8 [N, ...] by tensor index, of ``inputs`` [N, ...] in turn.

    ``cells`` and the ``seed`` of their noise: of pcm, by default as weights are written;
    ``gdc``: the drift compensation.
    """
    if cim.exact and cim.activation_bits == 8:
        return interpreter.run(program.network, inputs)
    weights, _ = array_cells(program)
    macro = (DigitalMacro(weights, grouped=bool(cim.fragment)) if cim.exact else
             PcmMacro(ideal(weights) if cells is None else cells, seed, cim.adc_bits))
    tensors, _ = run(program.network, inputs, mappings(program),
                     shape_of(program.parameters.macro), macro, gdc=gdc)
    return tensors
