# SPDX-License-Identifier: Apache-2.0
"""Compilation: of the ways in which a network can run, the one with the fewest predicted cycles.

Where layers lie in a compute-in-memory array is ``compile/cim/mapper.py``'s.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Literal

from ..golden.network import Network
from ..rtl.compact.parameters import CompactParameters
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.counters import LayerTable
from ..rtl.sequencer.descriptor import Opcode
from .build import parameters
from .compile import (
    BlockPlan,
    CompileFault,
    Condition,
    Judgement,
    Lowered,
    Program,
    Unfit,
    allocate,
    assemble,
    batched,
    candidates,
    check_bound,
    compile_compact,
    fusible_layers,
    hoist,
    lower,
    neighbours,
    on_array,
    on_engine,
    place_layers,
    place_parts,
    plan_array,
    plan_blocks,
    ring_weights,
    rounded_network,
    sort_channels,
    switchable,
    tile,
    with_conditions,
)
from .compile.external.tiling import Tiled
from .compile.program import check_program_rows
from .compile.slots import check_slots
from .fixed.build import fixed_layers, split_network
from .predict import Prediction, predict
from .spec import Spec
from .spec.cim import Cim

__all__ = ["compile_network"]

MOST_CANDIDATES = 60
"""Ways to cut a network into segments that are tried by their estimates."""
MOST_IMPROVEMENTS = 4
"""Candidates better than all before, after which no others are tried."""
MOST_TRIED = 150
"""Ways to cut that are tried in all, with those next to the best."""


def compile_network(spec: Spec, network: Network, *, sort: bool = True,
                    fuse: Literal["never", "faster", "always"] = "faster",
                    batch: int = 1, pruned: Network | None = None,
                    conditions: Mapping[str, Condition] | None = None,
                    judgements: Mapping[str, Judgement] | None = None) -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    ``sort``: channels may be stored in another order than the model's, by density. ``fuse``: where
    the spec has a buffer for that, depthwise layers run together with the next layer, wherever they
    can or where it is predicted to be faster. ``batch``: inputs of a run. ``pruned``: the same
    network with bounds on activations; such layers are there in both forms, and flag 0 picks.
    ``conditions``, ``judgements``: of layers by name.
    """
    whole = network
    if spec.front_end.layers is not None:
        if batch > 1 or pruned is not None:
            raise CompileFault("--batch and --switchable must not be given with a front_end, whose "
                               "frames come one by one; leave them out")
        network = split_network(spec, whole)  # or refuses it, ahead of a front end's long making
    p = parameters(spec)
    fixed = fixed_layers(spec, whole, p)
    if spec.cim is not None:
        network = rounded_network(network, spec.cim.weight_bits,
                                  grouped=bool(spec.cim.fragment))
    lowered = batched(lower(network, reshape_input=not spec.front_end.count), batch)
    if p.slots is not None:
        check_slots(lowered, p.slots)
    if isinstance(p, CompactParameters):
        if pruned is not None or conditions or judgements:
            raise CompileFault("layers may depend on flags only with an engine.kind other than "
                               f"{p.engine.kind}, which runs them all")
        return compile_compact(network, lowered, p)
    if not p.vector_lanes:
        lowered = on_engine(lowered)
    if spec.cim is not None:
        return _compile_array(spec.cim, network, lowered, p)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    if pruned is not None:
        other = batched(lower(pruned), batch)
        lowered, sort = switchable(lowered, other if p.vector_lanes else on_engine(other)), False
        for layer in lowered.layers:
            check_bound(layer, p.facts)
    lowered = with_conditions(lowered, conditions or {}, judgements or {})
    sorted_ = sort_channels(lowered, p) if sort else lowered
    if p.external_weights:
        return _compile_external(network, sorted_, p)
    ways = []
    for form in (sorted_, lowered) if sorted_.orders else (lowered,):
        plans = {layer.output: plan_blocks(layer, p.facts) for layer in form.layers
                 if layer.opcode is Opcode.MATRIX}
        possible = [] if fuse == "never" else fusible_layers(form, p)
        ways.append((form, plans, possible))
        if possible and fuse == "faster":
            ways.append((form, plans, []))

    def compiled(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> Program:
        placed, fused = place_parts(form, fused)
        layouts = allocate(placed, plans, p, fused)
        return replace(assemble(network, placed, place_layers(placed, plans, layouts, fused),
                                layouts, p), fixed=fixed)

    if len(ways) == 1:
        return compiled(*ways[0])
    found: list[tuple[Prediction, Program, Lowered]] = []
    faults: list[CompileFault] = []

    def attempt(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> None:
        try:
            program = compiled(form, plans, fused)
        except CompileFault as fault:  # in memory, which is shared out differently each way
            faults.append(fault)
        else:
            found.append((predict(program), program, form))

    for way in ways:
        attempt(*way)
    if len(found) > 1:
        _, _, best = min(found, key=_cycles)
        pairs = _faster_pairs([entry[:2] for entry in found if entry[2] is best])
        if pairs is not None:
            attempt(best, next(plans for form, plans, _ in ways if form is best),
                    [i for i, layer in enumerate(best.layers) if layer.output in pairs])
    if not found:
        raise faults[0]
    return min(found, key=_cycles)[1]


def _compile_array(cim: Cim, network: Network, lowered: Lowered,
                   p: AcceleratorParameters) -> Program:
    """Layers with their places in a macro; ``network``'s weights are rounded already."""
    lowered = on_array(lowered, depthwise=cim.depthwise == "array",
                       exact=cim.exact and cim.activation_bits == 8)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    lowered, _ = place_parts(lowered)
    plans = plan_array(lowered, p.macro, cim)
    layouts = allocate(lowered, plans, p)
    return assemble(network, lowered, place_layers(lowered, plans, layouts), layouts, p)


def _compile_external(network: Network, lowered: Lowered, p: AcceleratorParameters) -> Program:
    """Weights streamed, activations in stripes where they must be: of the segmentations that are
    tried, in the model's order of layers and in one that spares memory, the one with the fewest
    predicted cycles."""
    for layer in lowered.layers:
        if layer.condition is not None or layer.judgement is not None:
            raise CompileFault(f"layer {layer.name} ({layer.kind}): it may depend on a flag, or "
                               "set one, only with memory.weight_source on-chip; elsewhere it may "
                               "run in parts, whose transfers are made in any case")
    lowered, _ = place_parts(lowered)
    orders = [lowered.layers]
    if not lowered.inside and (hoisted := hoist(lowered)) != lowered.layers:
        orders.append(hoisted)
    searches = [_SegmentSearch(network, replace(lowered, layers=layers), p) for layers in orders]
    for search in searches:
        search.run()
    best = min(searches, key=lambda search: search.least)
    if best.best is None:
        raise best.faults[-1]
    return best.program()


class _SegmentSearch:
    """Looks for the segmentation with the fewest predicted cycles: candidates by an estimate, and
    from the best of them downhill. ``faults``: why others do not fit."""

    def __init__(self, network: Network, lowered: Lowered, p: AcceleratorParameters):
        self.network, self.lowered, self.p = network, lowered, p
        self.plans = {layer.output: plan_blocks(layer, p.facts) for layer in lowered.layers
                      if layer.opcode is Opcode.MATRIX}
        self.weights = {layer.output: ring_weights(layer, self.plans[layer.output], p)
                        for layer in lowered.layers if layer.output in self.plans}
        self.words = {output: [tile.size for tile in tiles]
                      for output, tiles in self.weights.items()}
        self.layouts: dict = {}
        self.times: dict = {}
        self.tried: list[tuple[list, bool]] = []
        self.faults: list[CompileFault] = []
        self.least: float = float("inf")
        self.best: Tiled | None = None

    def run(self) -> None:
        """Find ``best``, of ``least`` predicted cycles."""
        candidates_ = candidates(self.lowered, self.lowered.layers, self._cycles_on_chip(), [
            sum(self.words.get(layer.output, [0])) for layer in self.lowered.layers], self.p)
        improvements = 0
        for segments in islice(candidates_, MOST_CANDIDATES):
            improvements += self._try(segments)
            if improvements == MOST_IMPROVEMENTS or (improvements and len(segments) == 1):
                break
        better = self.best is not None
        while better:
            assert self.best is not None
            better = any([self._try(segments) for segments in neighbours(
                self.best.segments, self.lowered.layers)])

    def program(self) -> Program:
        """The best one, assembled."""
        assert self.best is not None
        external = [words for tiles in self.weights.values() for words in tiles]
        return assemble(self.network, self.lowered, self.best.layers, self.best.layouts, self.p,
                        self.best, external)

    def _cycles_on_chip(self) -> list[int]:
        most = 1 << 24
        roomy = replace(self.p, activation_words=most, weight_words=most, program_words=most,
                        schedule_words=most, external_weights=False)
        layouts = allocate(self.lowered, self.plans, roomy)
        placed = place_layers(self.lowered, self.plans, layouts)
        return [layer.cycles for layer in predict(assemble(
            self.network, self.lowered, placed, layouts, roomy)).layers]

    def _check_size(self, tiled: Tiled) -> None:
        """Raises CompileFault where the parts are more than are timed, or what describes them
        takes more than the program memory."""
        if len(tiled.layers) > LayerTable.DEPTH:
            raise CompileFault(f"the network takes {len(tiled.layers)} parts, more than the "
                               f"{LayerTable.DEPTH} that are timed; make memory.activations or "
                               "memory.weights larger")
        check_program_rows(tiled.layers, len(tiled.moves), self.p)

    def _try(self, segments: list) -> bool:
        """Whether some way to run ``segments`` fits and is better than all before."""
        better = False
        for stay in (True, False) if len(segments) > 1 else (True,):
            if (segments, stay) in self.tried or len(self.tried) >= MOST_TRIED:
                continue
            self.tried.append((segments, stay))
            try:
                tiled = tile(self.lowered, self.lowered.layers, self.plans, self.words, segments,
                             self.p, stay=stay, layouts=self.layouts)
                self._check_size(tiled)
            except Unfit as error:
                self.faults.append(CompileFault(str(error)))
                continue
            except CompileFault as error:  # too many parts, or too much for them
                self.faults.append(error)
                continue
            prediction = predict(tiled, self.times)
            total = prediction.cycles + sum(prediction.waits)
            if total < self.least:
                self.least, self.best, better = total, tiled, True
        return better


def _cycles(found: tuple[Prediction, Program, Lowered]) -> int:
    return found[0].cycles


def _faster_pairs(found: list[tuple[Prediction, Program]]) -> list[int] | None:
    """Of all pairs together and all apart those that are faster together, if some are not, by the
    tensor between the two."""
    if len(found) != 2:
        return None
    cycles = [{layer.lowered.output: predicted.cycles for layer, predicted in zip(
                   program.layers, prediction.layers, strict=True)}
              for prediction, program in found]
    possible = [(layer.lowered.output, after.lowered.output) for layer, after in zip(
                    found[0][1].layers, found[0][1].layers[1:], strict=False) if layer.fused]
    together, apart = ([sum(way[tensor] for tensor in pair) for pair in possible]
                       for way in cycles)
    pairs = [pair[0] for pair, *both in zip(possible, together, apart, strict=True)
             if both[0] < both[1]]
    return pairs if 0 < len(pairs) < len(possible) else None
