# SPDX-License-Identifier: Apache-2.0
"""Activation SRAM allocation: bank group, layout and base of every tensor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from .fault import CompileFault
from .layout import TensorLayout, shape_words
from .lower import Lowered, LoweredLayer
from .plan import BlockPlan
from .reads import matrix_reads, window_patterns, window_total

__all__ = ["Lifetimes", "alike_for_addition", "allocate", "best_layout", "check_activations",
           "extent", "lifetimes", "stripe_layout"]


def allocate(lowered: Lowered, plans: Mapping[int, BlockPlan], p: AcceleratorParameters,
             fused: Sequence[int] = ()) -> dict[int, TensorLayout]:
    """Layout of every tensor on the core, by index. ``plans``: of engine layers, by output.

    A layer's source and destination lie in different groups (but for ADD, whose accesses take
    turns), and so do a fused layer's source and the next one's destination; within a group,
    tensors share words where they do not live at the same time (first fit, in order of birth).
    An input that is streamed in has both of its slots to itself, and the layout of ``p.slots``.
    Tensors that an ADD joins have one layout; parts lie in their whole. Outputs of ``fused``
    layers (by index) take no memory. Raises CompileFault with the memory that would be needed.
    """
    passing = {lowered.layers[i].output for i in fused}
    _check_largest([shape for index, shape in lowered.shapes.items() if index not in passing], p)
    lives = lifetimes(lowered)
    places, members, readers = lives.places, lives.members, lives.readers
    born, death = lives.born, lives.death

    group = {lowered.input: 0}
    for layer in lowered.layers:
        source = group[places[layer.source][0]]
        group[places[layer.output][0]] = source if layer.output in passing else 1 - source

    alike = alike_for_addition(lowered, list(members))
    if p.slots is not None:
        death[lowered.input] = len(lowered.layers)

    def room(index: int, layout: TensorLayout) -> int:
        streamed = p.slots is not None and index == lowered.input
        return 2 * p.slots.slot_step if streamed else extent(layout, p)

    layouts: dict[int, TensorLayout] = {}
    for index in sorted(members, key=born.__getitem__):
        if index in passing:
            continue
        consumers = [(lowered.layers[i], lowered.shapes[inner], places[inner][1])
                     for member in alike[index] for inner in members[member]
                     for i in readers[inner]]
        streamed = p.slots is not None and lowered.input in alike[index]
        layout = replace(TensorLayout.of_slot(p.slots) if streamed else
                         best_layout(lowered.shapes[index], consumers, plans, p),
                         group=group[index], order=lowered.orders.get(index, ()))
        rivals = sorted(
            ((other.base, other.base + room(name, other)) for name, other in layouts.items()
             if group[name] == group[index] and death[name] >= born[index]))
        base = 0
        for first, end in rivals:
            if base + extent(layout, p) <= first:
                break
            base = max(base, end)
        # Whole lines, so that bank conflicts do not depend on the base.
        layouts[index] = replace(layout, base=-(-base // p.banks) * p.banks)
    need = max(layout.base + room(index, layout) for index, layout in layouts.items())
    check_activations(2 * need, p)
    layouts |= {index: layouts[root].part(lowered.shapes[index], corner)
                for index, (root, corner) in places.items()
                if index != root}
    # In the buffer, whose pixels have lines of their own, a channel block is a word.
    return layouts | {index: replace(TensorLayout.plan(*lowered.shapes[index]), pitch=0, plane=1,
                                     order=lowered.orders.get(index, ())) for index in passing}


def _check_largest(shapes: Sequence[tuple[int, int, int]], p: AcceleratorParameters) -> None:
    """Before any layout is tried: tensors that no memory of this size holds."""
    check_activations(2 * max(shape_words(shape) for shape in shapes), p)


def check_activations(need: int, p: AcceleratorParameters) -> None:
    """Raises CompileFault where tensors need more words of all groups together than there are."""
    if need > p.group_words * p.groups:
        raise CompileFault(
            f"memory.activations must be at least {-(-8 * need // 1024)} KiB for this network, "
            f"not {p.activation_words * 8 / 1024:g} KiB")


@dataclass(frozen=True)
class Lifetimes:
    """When tensors live. ``places``: of every tensor, the one of its own memory in which it lies
    and its corner there; ``members``: of each such one, what lies in it, itself included;
    ``readers``: layers that read a tensor; ``born``, ``death``: of tensors of their own memory, the
    layers that write them first and read them last."""

    places: dict[int, tuple[int, tuple[int, int, int]]]
    members: dict[int, list[int]]
    readers: dict[int, list[int]]
    born: dict[int, int]
    death: dict[int, int]


def lifetimes(lowered: Lowered) -> Lifetimes:
    """Of all tensors on the core; the input is there before, the output outlives all layers."""
    birth = {lowered.input: -1} | {layer.output: i for i, layer in enumerate(lowered.layers)}
    readers: dict[int, list[int]] = {index: [] for index in (
        *birth, *(join.whole for join in lowered.joins), *lowered.inside)}
    for i, layer in enumerate(lowered.layers):
        for source in layer.sources:
            readers[source].append(i)
    # What lies inside another tensor lives and dies with it.
    places = {index: _place(lowered, index) for index in readers}
    members: dict[int, list[int]] = {}
    for index, (root, _) in places.items():
        members.setdefault(root, []).append(index)
    born = {root: min(birth[index] for index in inner if index in birth)
            for root, inner in members.items()}
    death = {root: max([born[root], *(i for index in inner for i in readers[index])])
             for root, inner in members.items()}
    death[places[lowered.output][0]] = len(lowered.layers)
    return Lifetimes(places, members, readers, born, death)


def _place(lowered: Lowered, index: int) -> tuple[int, tuple[int, int, int]]:
    """The tensor of its own memory in which a tensor lies, and its corner there."""
    row = column = block = 0
    while index in lowered.inside:
        index, corner = lowered.inside[index]
        row, column, block = row + corner[0], column + corner[1], block + corner[2]
    return index, (row, column, block)


def extent(layout: TensorLayout, p: AcceleratorParameters) -> int:
    """Words of a tensor, up to the end of the last group of words that an ADD may write."""
    blocks = p.vector_blocks or 1
    return layout.word_groups(blocks) * blocks


def alike_for_addition(lowered: Lowered, tensors: list[int]) -> dict[int, list[int]]:
    """For each tensor, all that ADD layers join it with, itself included."""
    alike = {index: [index] for index in tensors}
    for layer in lowered.layers:
        if layer.opcode is Opcode.ADD:
            members = sorted({member for index in (*layer.sources, layer.output)
                              for member in alike[index]})
            alike |= dict.fromkeys(members, members)
    return alike


def best_layout(shape: tuple[int, int, int], consumers: Sequence[tuple[LoweredLayer, tuple, tuple]],
                plans: Mapping[int, BlockPlan], p: AcceleratorParameters, *,
                split: bool = True) -> TensorLayout:
    """The layout whose readers lose least to bank conflicts; of equals the smallest. A reader
    takes a tensor of its shape from its corner on. ``split``: even and odd columns may lie
    apart."""
    matrices = [entry for entry in consumers if entry[0].opcode is Opcode.MATRIX]
    windows = [entry for entry in consumers if entry[0].opcode is Opcode.WINDOW]
    strides = {layer.stride for layer, _, _ in matrices + windows}
    even = not any(size % 2 for _, _, corner in consumers for size in corner[:2])
    phases = 2 if split and strides == {(2, 2)} and even else 1
    dense = TensorLayout.plan(*shape, split=phases)
    patterns = [window_patterns(layer, dense.part(*place), p) for layer, *place in windows]
    best: tuple[int, int, TensorLayout] | None = None
    for extra_pitch in range(4 if consumers else 1):
        narrow = TensorLayout.plan(*shape, split=phases, extra_pitch=extra_pitch)
        cost = sum(int((matrix_reads(layer, narrow.part(*place), p).sum((1, 4))
                        * plans[layer.output].taps).sum()) for layer, *place in matrices)
        for extra_plane in range(0, p.banks if windows else 1, 2):
            layout = replace(narrow, plane=narrow.plane + extra_plane)
            total = cost + sum(window_total(layer, layout.part(*place), found, p)
                               for (layer, *place), found in zip(windows, patterns, strict=True))
            if best is None or (total, layout.words) < best[:2]:
                best = (total, layout.words, layout)
            if not windows:
                break
    assert best is not None
    return best[2]


def stripe_layout(layout: TensorLayout, height: int, consumers: Sequence[LoweredLayer],
                  p: AcceleratorParameters) -> TensorLayout:
    """``height`` rows of ``layout``, channel blocks so far apart that windows lose least to bank
    conflicts."""
    windows = [layer for layer in consumers if layer.opcode is Opcode.WINDOW]
    patterns = [window_patterns(layer, layout, p) for layer in windows]
    least = height * layout.pitch | 1
    return min((replace(layout, height=height, plane=least + extra)
                for extra in range(0, p.banks if windows else 1, 2)),
               key=lambda form: sum(window_total(layer, replace(layout, plane=form.plane), found, p)
                                    for layer, found in zip(windows, patterns, strict=True)))
