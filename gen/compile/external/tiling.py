# SPDX-License-Identifier: Apache-2.0
"""From a segmentation to placed parts and transfers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ....rtl.parameters import AcceleratorParameters
from ....rtl.sequencer.descriptor import Opcode
from ..allocate import alike_for_addition, allocate, best_layout, extent, stripe_layout
from ..layout import TensorLayout
from ..lower import Lowered, LoweredLayer
from ..placed import PlacedLayer
from ..plan import BlockPlan
from .moves import Passage, Step, plan_moves, transfers_needed
from .placement import Buffer, Node, place_buffers
from .ring import WeightUse, fill_ring
from .stripes import Rows, Segment, boundary, part_of_layer, share, source_rows, stripe_rows
from .transfers import Move

__all__ = ["Tiled", "Unfit", "tile"]


class Unfit(Exception):
    """A segmentation does not fit the memories; the text says which one must be larger."""

    def __init__(self, name: str, words: int):
        super().__init__(f"memory.{name} must be more than {words * 8 / 1024:g} KiB for this "
                         "network: no way to cut it that was tried fits")


@dataclass(frozen=True, kw_only=True)
class Tiled:
    """Parts as ``layers`` and ``moves``, both in order; ``layouts`` of tensors that are whole on
    chip, and of all others as they lie in external memory (``spilled``: first word);
    ``external_words`` in all."""

    parameters: AcceleratorParameters
    segments: Sequence[Segment]
    layers: list[PlacedLayer]
    moves: list[Move]
    layouts: dict[int, TensorLayout]
    spilled: dict[int, int]
    external_words: int


def tile(lowered: Lowered, layers: Sequence[LoweredLayer], plans: Mapping[int, BlockPlan],
         weights: Mapping[int, Sequence[int]], segments: Sequence[Segment],
         p: AcceleratorParameters, *, stay: bool = True,
         layouts: dict[tuple[int, int | str], TensorLayout] | None = None) -> Tiled:
    """Place the parts of ``layers``, cut up as ``segments`` say; raises Unfit.

    ``weights``: of engine layers by output, the words of each column tile in external memory,
    where they follow one another layer after layer. ``stay``: what the last segment reads is made
    on chip; otherwise it goes through external memory like other boundary tensors. ``layouts``
    keeps those that have been worked out, for other segmentations of the same layers.
    """
    known = {} if layouts is None else layouts
    return _Tiler(lowered, layers, plans, weights, segments, p, stay, known).tiled()


@dataclass(eq=False)
class _Tiler:
    lowered: Lowered
    layers: Sequence[LoweredLayer]
    plans: Mapping[int, BlockPlan]
    weights: Mapping[int, Sequence[int]]
    segments: Sequence[Segment]
    p: AcceleratorParameters
    stay: bool
    known: dict[tuple[int, int | str], TensorLayout]
    steps: list[Step] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    whole: dict[int, Buffer] = field(default_factory=dict)
    groups: list[list[Buffer]] = field(default_factory=lambda: [[]])
    mark: int = 0  # first part of the latest stripe

    def tiled(self) -> Tiled:
        if self.lowered.inside:
            return self._on_chip()
        alike = alike_for_addition(self.lowered, list(self.lowered.shapes))
        self.striped = {member for segment in self.segments if segment.stripes > 1
                        for i in segment.layers
                        for tensor in (*self.layers[i].sources, self.layers[i].output)
                        for member in alike[tensor]}
        self.layouts = {tensor: self._layout(tensor, alike[tensor])
                        for tensor in self._tensors()}
        self._place_weights()
        offset = self.weight_words
        entry = self.layouts[self.lowered.input]
        if 2 * extent(entry, self.p) <= self.p.group_words or not self._striped_reader(
                self.lowered.input):
            self._make_whole(self.lowered.input, Node(), 0)
        for segment in self.segments:
            self._segment(segment)
        self.whole[self.lowered.output].use(len(self.steps))
        placed: list[Buffer] = []
        for buffers in self.groups:
            if not place_buffers(buffers, placed, self.p):
                raise Unfit("activations", self.p.activation_words)
            placed += buffers
        spilled = {}
        for passage in self.passages:
            if passage.tensor not in spilled:
                spilled[passage.tensor] = offset
                offset += _external_words(self.layouts[passage.tensor])
        parts, moves = self._finish(spilled)
        layouts = {tensor: self.whole[tensor].layout if tensor in self.whole
                   else self.layouts[tensor] for tensor in self._tensors()}
        return Tiled(parameters=self.p, segments=self.segments, layers=parts, moves=moves,
                     layouts=layouts, spilled=spilled, external_words=offset)

    def _on_chip(self) -> Tiled:
        """All tensors whole, some of them inside others: only weights are streamed."""
        if len(self.segments) > 1:
            raise Unfit("activations", self.p.activation_words)
        layouts = allocate(replace(self.lowered, layers=list(self.layers)), self.plans, self.p)
        self.whole = {tensor: Buffer(rows=(0, layout.height), layout=layout, node=Node(), born=0,
                                     dies=0) for tensor, layout in layouts.items()}
        self._place_weights()
        for layer in self.layers:
            self._parts(layer, (0, layer.output_shape[0]), self.whole, self.segments[0])
        parts, moves = self._finish({})
        return Tiled(parameters=self.p, segments=self.segments, layers=parts, moves=moves,
                     layouts=layouts, spilled={}, external_words=self.weight_words)

    def _place_weights(self) -> None:
        """Where each layer's weights begin in external memory."""
        self.external: dict[int, int] = {}
        self.weight_words = 0
        for layer in self.layers:
            if layer.output in self.plans:
                self.external[layer.output] = self.weight_words
                self.weight_words += sum(self.weights[layer.output])

    def _tensors(self) -> list[int]:
        return [self.lowered.input, *(layer.output for layer in self.layers)]

    def _striped_reader(self, tensor: int) -> bool:
        return any(tensor in self.layers[i].sources for segment in self.segments
                   if segment.stripes > 1 for i in segment.layers)

    def _layout(self, tensor: int, alike: Sequence[int]) -> TensorLayout:
        key = tensor, "striped" if tensor in self.striped else "whole"
        if key not in self.known:
            readers = [(layer, self.lowered.shapes[tensor], (0, 0, 0)) for layer in self.layers
                       if set(layer.sources) & set(alike)]
            self.known[key] = replace(
                best_layout(self.lowered.shapes[tensor], readers, self.plans, self.p,
                            split=tensor not in self.striped),
                order=self.lowered.orders.get(tensor, ()))
        return self.known[key]

    def _make_whole(self, tensor: int, node: Node, part: int) -> Buffer:
        """All of a tensor on chip."""
        layout = self.layouts[tensor]
        buffer = Buffer(rows=(0, layout.height), layout=layout, node=node, born=part, dies=part)
        self.whole[tensor] = buffer
        self.groups[-1].append(buffer)
        return buffer

    def _segment(self, segment: Segment) -> None:
        """The parts of a segment, stripe after stripe, and their buffers."""
        layers = self.layers
        reads, makes = boundary(layers, segment, self.lowered.output)
        stays = self._stays(segment, makes)
        nodes = {tensor: self.whole[tensor].node if tensor in self.whole else Node()
                 for tensor in reads}
        marks = [len(self.steps)]
        stripes: list[list[tuple[Buffer, bool]]] = []
        for stripe in range(segment.stripes):
            rows = stripe_rows(layers, segment, stripe)
            buffers = {tensor: self.whole[tensor] for tensor in reads if tensor in self.whole}
            mine: list[tuple[Buffer, bool]] = []
            for tensor in reads:
                if tensor not in buffers:
                    buffers[tensor] = self._stripe(tensor, rows[tensor], nodes[tensor])
                    self.passages.append(Passage(tensor=tensor, rows=rows[tensor], part=-1,
                                                  buffer=buffers[tensor], stored=False))
                    mine.append((buffers[tensor], True))
            for index in segment.layers:
                layer = layers[index]
                buffers[layer.output] = self._destination(
                    segment, index, rows[layer.output], buffers, nodes, layer.output in stays)
                self._parts(layer, rows[layer.output], buffers, segment)
                if layer.output in makes and layer.output not in stays:
                    self.passages.append(Passage(
                        tensor=layer.output, part=len(self.steps) - 1, stored=True,
                        rows=share(layer.output_shape[0], segment.stripes, stripe),
                        buffer=buffers[layer.output]))
                    mine.append((buffers[layer.output], False))
            marks.append(len(self.steps))
            stripes.append(mine)
        self._equal_planes(segment)
        for number, mine in enumerate(stripes):
            for buffer, loaded in mine:
                if loaded:
                    buffer.early = marks[number - 1] if number else self.mark
                else:  # to the end of the next stripe
                    buffer.late = (marks[number + 2] - 1 if number + 2 < len(marks)
                                   else marks[-1])
        self.mark = marks[-2]
        self.groups.append([])

    def _stays(self, segment: Segment, makes: Sequence[int]) -> set[int]:
        """Which of the tensors that a segment makes are whole on chip: all of the last one, and
        what it reads."""
        if segment is self.segments[-1]:
            return {self.layers[i].output for i in segment.layers}
        reads, _ = boundary(self.layers, self.segments[-1], self.lowered.output)
        return set(makes) & set(reads) if self.stay else set()

    def _stripe(self, tensor: int, rows: Rows, node: Node) -> Buffer:
        key = tensor, rows[1] - rows[0]
        if key not in self.known:
            self.known[key] = stripe_layout(
                self.layouts[tensor], rows[1] - rows[0],
                [layer for layer in self.layers if tensor in layer.sources], self.p)
        layout = self.known[key]
        buffer = Buffer(rows=rows, layout=layout, node=node, born=1 << 16, dies=-1)
        self.groups[-1].append(buffer)
        return buffer

    def _destination(self, segment: Segment, index: int, rows: Rows, buffers, nodes,
                     stays: bool) -> Buffer:
        """Where a layer's result goes: over an operand of an ADD that nobody else wants, or into a
        buffer of its own.

        An ADD writes every word from its first result's to its last one's, other rows' among them:
        its buffer has no others.
        """
        layer = self.layers[index]
        tensor = layer.output
        addition = layer.opcode is Opcode.ADD
        for source in reversed(layer.sources if addition else ()):
            if (buffers[source].rows == rows and stays is (source in self.whole)
                    and not self._read_later(source, index, segment)):
                nodes[tensor] = nodes[source]
                if stays:
                    self.whole[tensor] = buffers[source]
                return buffers[source]
        if tensor not in nodes:
            nodes[tensor] = Node(None if addition else nodes[layer.source])
        if stays:
            buffer = self.whole.get(tensor) or self._make_whole(tensor, nodes[tensor],
                                                                len(self.steps))
            if addition and buffer.rows != rows:
                raise Unfit("activations", self.p.activation_words)
            return buffer
        return self._stripe(tensor, rows, nodes[tensor])

    def _read_later(self, tensor: int, index: int, segment: Segment) -> bool:
        _, makes = boundary(self.layers, segment, self.lowered.output)
        last = len(self.layers) - 1 if tensor in self.whole else segment.last
        return tensor in makes or any(tensor in self.layers[i].sources
                                      for i in range(index + 1, last + 1))

    def _parts(self, layer: LoweredLayer, rows: Rows, buffers, segment: Segment) -> None:
        """One part for the rows of a layer, or several, where its weights come bit by bit."""
        source = buffers[layer.source]
        second = None if layer.second is None else buffers[layer.second]
        destination = buffers[layer.output]
        plan = self.plans.get(layer.output)
        for tiles in self._tile_groups(layer, segment):
            use = None
            if plan is not None:
                words = self.weights[layer.output]
                use = WeightUse(
                    part=len(self.steps), words=sum(words[slice(*tiles)]), until=len(self.steps),
                    external=self.external[layer.output] + sum(words[:tiles[0]]))
            for buffer in (source, second, destination):
                if buffer is not None:
                    buffer.use(len(self.steps))
            self.steps.append(Step(layer=layer, plan=plan, rows=rows, tiles=tiles, source=source,
                                    second=second, destination=destination, weights=use))

    def _tile_groups(self, layer: LoweredLayer, segment: Segment) -> list[Rows]:
        """All column tiles, where the ring holds the segment's weights together; otherwise
        neighbouring ones that take at most half of it, or single ones."""
        if layer.output not in self.plans:
            return [(0, 1)]
        words = self.weights[layer.output]
        together = sum(sum(self.weights.get(self.layers[i].output, ())) for i in segment.layers)
        if segment.stripes > 1 and together <= self.p.weight_words:
            return [(0, len(words))]
        groups, start = [], 0
        for end in range(1, len(words) + 1):
            if end == len(words) or sum(words[start:end + 1]) > self.p.weight_words // 2:
                groups.append((start, end))
                start = end
        return groups

    def _equal_planes(self, segment: Segment) -> None:
        """An ADD takes its operands word by word: they and its result have one plane."""
        for index in segment.layers:
            steps = [step for step in self.steps if step.layer is self.layers[index]
                     and step.second is not None]
            buffers = {id(buffer): buffer for step in steps
                       for buffer in (step.source, step.second, step.destination)}
            if not buffers:
                continue
            plane = max(buffer.layout.plane for buffer in buffers.values())
            if any(buffer in self.whole.values() and buffer.layout.plane != plane
                   for buffer in buffers.values()):
                raise Unfit("activations", self.p.activation_words)
            for buffer in buffers.values():
                buffer.layout = replace(buffer.layout, plane=plane)

    # Transfers.

    def _finish(self, spilled: Mapping[int, int]) -> tuple[list[PlacedLayer], list[Move]]:
        places, loads = self._ring()
        moves = plan_moves(self.steps, self.passages, loads, self.layouts, spilled, self.p)
        needs = transfers_needed(self.steps, self.passages, moves, self.p)
        parts = []
        for number, step in enumerate(self.steps):
            low, plan, part = part_of_layer(step.layer, step.plan, step.rows, step.tiles,
                                            self.p.facts.columns)
            wanted = source_rows(step.layer, step.rows)
            parts.append(PlacedLayer(
                lowered=low, part=part, plan=plan, source=step.source.view(wanted),
                second=None if step.second is None else step.second.view(wanted),
                destination=step.destination.view(step.rows, part.channels),
                weight_row=places.get(number), transfers=needs[number]))
        return parts, moves

    def _ring(self):
        """Weights stay in the ring for all stripes of a segment if they fit there together."""
        number = 0
        uses: list[WeightUse] = []
        for segment in self.segments:
            mine = []
            while number < len(self.steps) and any(
                    self.steps[number].layer is self.layers[i] for i in segment.layers):
                if self.steps[number].weights is not None:
                    mine.append(self.steps[number].weights)
                number += 1
            distinct = {use.external: use.words for use in mine}
            if sum(distinct.values()) <= self.p.weight_words:
                last = {use.external: use.part for use in mine}
                mine = [replace(use, until=last[use.external]) for use in mine]
            uses += mine
        filled = fill_ring(uses, self.p.weight_words)
        if filled is None:  # what stays for a segment leaves no room for others
            filled = fill_ring([replace(use, until=use.part) for use in uses],
                               self.p.weight_words)
        if filled is None:
            raise Unfit("weights", self.p.weight_words)
        return filled

def _external_words(layout: TensorLayout) -> int:
    return layout.blocks * layout.plane
