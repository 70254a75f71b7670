# SPDX-License-Identifier: Apache-2.0
"""How the array takes the channel blocks of a layer: in which row tiles, at which places."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product

import numpy as np

from ....golden.cim.conversion import CELL_STEPS, grouped_planes
from ....golden.cim.layers import row_order, weight_step
from ....golden.cim.mapping import ArrayShape, LayerMapping
from ....golden.dbb import BLOCK
from ....rtl.cim.contract import MacroParameters
from ....rtl.cim.fields import SCALE_BITS
from ....rtl.cim.macro import DIGITAL
from ....rtl.sequencer.descriptor import Opcode
from ...spec.cim import Cim
from ..fault import CompileFault
from ..lower import Lowered, LoweredLayer
from ..plan import BlockPlan, IssuedBlock
from .mapper import Demand, Placement, place

__all__ = ["ArrayPlan", "cell_matrix", "plan_array", "shape_of"]

MOST_SHIFT = 31
"""A ``scale_shift``, at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayPlan(BlockPlan):
    """The plan of a layer on the array: every block once, dense, tile by tile of rows.

    ``mapping``: where; ``words``: rows that each block takes, in order; ``weight_step``: cells hold
    weights over ``2**weight_step``; ``load``: outputs of the layers whose weights are loaded ahead
    of this one, where weights are reloaded.
    """

    mapping: LayerMapping
    words: tuple[int, ...]
    weight_step: int = 0
    load: tuple[int, ...] = ()

    @cached_property
    def tiles(self) -> list[list[IssuedBlock]]:
        """Of each row tile what it takes, in order."""
        ends = dict.fromkeys(end for _, end in self.mapping.cuts)
        tiles: list[list[IssuedBlock]] = [[]]
        places = product(*map(range, self.passes.shape[1:]))
        for (block, ky, kx), end in zip(places, accumulate(self.words), strict=True):
            tiles[-1].append(IssuedBlock(block, ky, kx, 1, 1, near=False, far=False))
            if end in ends:
                tiles.append([])
        return tiles[:-1]

    @property
    def last_adcs(self) -> int:
        """ADCs that the last phase uses."""
        return self.mapping.channels - (self.mapping.phases - 1) * self.mapping.adcs

    def phase_groups(self, lanes: int) -> list[int]:
        """Groups of ``lanes`` codes that each phase leaves."""
        used = [self.mapping.adcs] * (self.mapping.phases - 1) + [self.last_adcs]
        return [-(-adcs // lanes) for adcs in used]


def shape_of(macro: MacroParameters) -> ArrayShape:
    """The array, as golden has it."""
    return ArrayShape(rows=macro.rows, columns=macro.columns, mux=macro.mux,
                      adjacent=macro.adjacent)


def _block_rows(layer: LoweredLayer) -> tuple[int, ...]:
    """Rows of every block, by channel block, kernel row, kernel column: the channels there are."""
    _, kh, kw, channels = layer.weights.shape
    return tuple(min(BLOCK, channels - first) for first in range(0, channels, BLOCK)
                 for _ in range(kh * kw))


def cell_matrix(layer: LoweredLayer, plan: ArrayPlan) -> np.ndarray:
    """What the cells hold, int8 [rows, output channels], rows in golden's ``row_order``."""
    weights = layer.weights >> plan.weight_step
    order = row_order(weights.shape[1:3], weights.shape[3])
    return weights.reshape(len(weights), -1).T[order]


def plan_array(lowered: Lowered, macro: MacroParameters, cim: Cim) -> dict[int, ArrayPlan]:
    """A plan for every layer of the array, by output.

    Resident weights have the array together; of weights that are reloaded, as many layers in turn
    as fit. Raises CompileFault where they do not fit, codes could overflow, or weights of a
    fragment have both signs.
    """
    layers = [layer for layer in lowered.layers if layer.opcode is Opcode.MATRIX]
    demands = [_demand(layer) for layer in layers]
    shape, fragment = shape_of(macro), macro.fragment or 1
    reloaded = cim.residency == "reloaded"
    groups = (_shares(demands, shape, macro.lanes, fragment) if reloaded else [range(len(layers))])
    plans: dict[int, ArrayPlan] = {}
    for group in groups:
        placements = place([demands[index] for index in group], shape, macro.lanes,
                           fragment=fragment, reloaded=reloaded)
        for index, placement in zip(group, placements, strict=True):
            layer = layers[index]
            load = (tuple(layers[other].output for other in group)
                    if reloaded and index == group[0] else ())
            plan = _plan(layer, placement, cim, load)
            if macro.macro == DIGITAL:
                _check_codes(layer, plan, macro)
            if macro.fragment:
                _check_signs(layer, plan, macro.fragment)
            plans[layer.output] = plan
    return plans


def _demand(layer: LoweredLayer) -> Demand:
    height, width, channels = layer.output_shape
    return Demand(name=layer.name, kind=layer.kind, pixels=height * width, channels=channels,
                  cuts=tuple(accumulate(_block_rows(layer), initial=0)))


def _shares(demands: Sequence[Demand], shape: ArrayShape, lanes: int,
            fragment: int) -> list[range]:
    """Layers one after the other, as many as fit the array together."""
    groups: list[range] = []
    start = 0
    for end in range(1, len(demands) + 1):
        try:
            place(demands[start:end], shape, lanes, fragment=fragment, reloaded=True)
        except CompileFault:
            if end - start > 1:  # others are why; one by itself is seen when it is placed
                groups.append(range(start, end - 1))
                start = end - 1
    return [*groups, range(start, len(demands))]


def _plan(layer: LoweredLayer, placement: Placement, cim: Cim, load: tuple[int, ...]) -> ArrayPlan:
    outputs, kh, kw, channels = layer.weights.shape
    once = np.ones((1, -(-channels // BLOCK), kh, kw), int)
    step = weight_step(layer.weights, cim.weight_bits, grouped=bool(cim.fragment))
    scale, shift = _scale(layer, cim, step)
    return ArrayPlan(
        nnz=BLOCK * once, passes=once, steps=once, pass_steps=1, split=False,
        stride=layer.stride[1], words=_block_rows(layer), weight_step=step,
        load=load, mapping=LayerMapping(
            tiles=placement.tiles, channels=outputs, adcs=placement.adcs,
            phases=placement.phases, activation_bits=cim.activation_bits,
            weight_bits=cim.weight_bits, adc_shift=0 if cim.exact else cim.adc_shift, scale=scale,
            scale_shift=shift))


def _scale(layer: LoweredLayer, cim: Cim, step: int) -> tuple[int, int]:
    """Scale and shift that give a code the weight of its sum: that of the low bits that activations
    and weights have lost, and of the ADC's step. Where codes are not exact with as many significant
    bits as there are, so that drift compensation is as fine as it can be."""
    power = 8 - cim.activation_bits + step
    if cim.exact:
        return 1 << power, 0
    power += cim.adc_shift - (CELL_STEPS.bit_length() - 1)
    shift = SCALE_BITS - 1 - power
    if not 0 <= shift <= MOST_SHIFT:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): a step of the ADC must be worth "
                           f"2**{SCALE_BITS - 1 - MOST_SHIFT} to 2**{SCALE_BITS - 1}, not "
                           f"2**{power}; change cim.adc_shift")
    return 1 << SCALE_BITS - 1, shift


def _check_codes(layer: LoweredLayer, plan: ArrayPlan, macro: MacroParameters) -> None:
    """Prove from the weights that no code of the digital macro overflows."""
    bits = plan.mapping.activation_bits
    operand = 1 << (bits - 1 if layer.signed else bits)
    sums = np.abs(cell_matrix(layer, plan).astype(np.int64))
    reach = max(int(sums[first:end].sum(0).max()) for first, end in plan.mapping.cuts) * operand
    if reach >= 1 << macro.code_bits - 1:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): cim.code_bits must be at least "
                           f"{reach.bit_length() + 1} for its sums, not {macro.code_bits}")


def _check_signs(layer: LoweredLayer, plan: ArrayPlan, fragment: int) -> None:
    """That weights can be kept as magnitudes with a sign for every ``fragment`` rows."""
    matrix, most = cell_matrix(layer, plan), (1 << grouped_planes(plan.mapping.weight_bits)) - 1
    where = f"layer {layer.name} ({layer.kind})"
    if (lowest := int(matrix.min())) < -most:
        raise CompileFault(f"{where}: weights of {plan.mapping.weight_bits} bits must be at least "
                           f"{-most} where signs are kept apart, not {lowest}; set cim.fragment "
                           "to 0")
    for first, end in plan.mapping.cuts:
        for row in range(first, end, fragment):
            rows = matrix[row:min(row + fragment, end)]
            mixed = np.flatnonzero((rows < 0).any(0) & (rows > 0).any(0))
            if len(mixed):
                raise CompileFault(
                    f"{where}: weights of rows {row} to {min(row + fragment, end) - 1} of output "
                    f"channel {mixed[0]} must have one sign, not both; train the network so, or "
                    "set cim.fragment to 0")
