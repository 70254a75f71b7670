# SPDX-License-Identifier: Apache-2.0
"""Activation SRAM allocation: bank group, layout and base of every tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from .fault import CompileFault
from .layout import TensorLayout
from .lower import Lowered, LoweredLayer
from .plan import BlockPlan
from .reads import matrix_reads, window_reads

__all__ = ["allocate"]


def allocate(lowered: Lowered, plans: Mapping[int, BlockPlan], p: AcceleratorParameters,
             fused: Sequence[int] = ()) -> dict[int, TensorLayout]:
    """Layout of every tensor on the core, by index. ``plans``: of engine layers, by output.

    A layer's source and destination lie in different groups (but for ADD, whose accesses take
    turns), and so do a fused layer's source and the next one's destination; within a group,
    tensors share words where they do not live at the same time (first fit, in order of birth).
    Tensors that an ADD joins have one layout. Outputs of ``fused`` layers (by index) take no
    memory. Raises CompileFault with the memory that would be needed.
    """
    birth = {lowered.input: -1} | {layer.output: i for i, layer in enumerate(lowered.layers)}
    readers: dict[int, list[int]] = {index: [] for index in birth}
    for i, layer in enumerate(lowered.layers):
        for source in layer.sources:
            readers[source].append(i)
    death = {index: max(readers[index], default=birth[index]) for index in birth}
    death[lowered.output] = len(lowered.layers)

    passing = {lowered.layers[i].output for i in fused}
    group = {lowered.input: 0}
    for layer in lowered.layers:
        group[layer.output] = (group[layer.source] if layer.output in passing
                               else 1 - group[layer.source])

    alike = _alike_for_addition(lowered, list(birth))
    layouts: dict[int, TensorLayout] = {}
    for index in sorted(birth, key=birth.__getitem__):
        if index in passing:
            continue
        consumers = [lowered.layers[i] for member in alike[index] for i in readers[member]]
        layout = replace(_best_layout(lowered.shapes[index], consumers, plans, p),
                         group=group[index], order=lowered.orders.get(index, ()))
        rivals = sorted(
            (other for name, other in layouts.items()
             if group[name] == group[index] and death[name] >= birth[index]),
            key=lambda other: other.base)
        base = 0
        for other in rivals:
            if base + _extent(layout, p) <= other.base:
                break
            base = max(base, other.base + _extent(other, p))
        # Whole lines, so that bank conflicts do not depend on the base.
        layouts[index] = replace(layout, base=-(-base // p.banks) * p.banks)
    need = max(layout.base + _extent(layout, p) for layout in layouts.values())
    if need > p.group_words:
        kib = -(-2 * 8 * need // 1024)
        raise CompileFault(
            f"memory.activations must be at least {kib} KiB for this network, "
            f"not {p.activation_words * 8 / 1024:g} KiB")
    # In the buffer, whose pixels have lines of their own, a channel block is a word.
    return layouts | {index: replace(TensorLayout.plan(*lowered.shapes[index]), pitch=0, plane=1,
                                     order=lowered.orders.get(index, ())) for index in passing}


def _extent(layout: TensorLayout, p: AcceleratorParameters) -> int:
    """Words of a tensor, up to the end of the last group of words that an ADD may write."""
    return layout.word_groups(p.vector_blocks) * p.vector_blocks


def _alike_for_addition(lowered: Lowered, tensors: list[int]) -> dict[int, list[int]]:
    """For each tensor, all that ADD layers join it with, itself included."""
    alike = {index: [index] for index in tensors}
    for layer in lowered.layers:
        if layer.opcode is Opcode.ADD:
            members = sorted({member for index in (*layer.sources, layer.output)
                              for member in alike[index]})
            alike |= dict.fromkeys(members, members)
    return alike


def _best_layout(shape, consumers: list[LoweredLayer], plans: Mapping[int, BlockPlan],
                 p: AcceleratorParameters) -> TensorLayout:
    """The layout whose readers lose least to bank conflicts; of equals the smallest."""
    matrices = [layer for layer in consumers if layer.opcode is Opcode.MATRIX]
    windows = [layer for layer in consumers if layer.opcode is Opcode.WINDOW]
    strides = {layer.stride for layer in matrices + windows}
    split = 2 if strides == {(2, 2)} else 1
    best: tuple[int, int, TensorLayout] | None = None
    for extra_pitch in range(4 if consumers else 1):
        narrow = TensorLayout.plan(*shape, split=split, extra_pitch=extra_pitch)
        cost = sum(int((matrix_reads(layer, narrow, p).sum((1, 4))
                        * plans[layer.output].taps).sum()) for layer in matrices)
        for extra_plane in range(0, p.banks if windows else 1, 2):
            layout = replace(narrow, plane=narrow.plane + extra_plane)
            total = cost + sum(_window_cost(layer, layout, p) for layer in windows)
            if best is None or (total, layout.words) < best[:2]:
                best = (total, layout.words, layout)
            if not windows:
                break
    assert best is not None
    return best[2]


@lru_cache(maxsize=4096)
def _window_cost(layer: LoweredLayer, layout: TensorLayout, p: AcceleratorParameters) -> int:
    """Read cycles of a layer of the vector unit; the ways of mapping a network share most."""
    return int(window_reads(layer, layout, p).sum())
