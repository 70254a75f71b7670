# SPDX-License-Identifier: Apache-2.0
"""Energy of an inference on a synthesised chip: events times measured energies."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...gen.compile.lower import LoweredLayer
from ...gen.compile.program import Program
from ...gen.predict import Prediction, memory_use, predict_accesses
from ...gen.predict.accesses import Accesses
from ...golden import interpreter
from ...golden.network import Network
from .block_stimuli import WARM, Recording, at_rest, at_work
from .chip import Chip
from .energy import energy
from .netlist import Netlist
from .simulation import Simulator
from .stimuli import stimulus
from .tpe_energy import compare_with_golden, energy_per_mac
from .workloads import matrix_layers, sampled

__all__ = ["LayerEnergy", "NetworkEnergy", "network_energy"]

UNIT_OF = {"engine": "engine", "decompressor": "engine", "operands": "operands",
           "access to memories": "operands", "core": "operands", "vector unit": "vector",
           "post-processor": "results", "sequencer": "sequencer"}
"""The unit (``rtl.core.UNITS``) whose busy cycles are a part's work. Counters always work; buses
and the top rest while the core runs on its own memories, except for transfers."""
LANES = ("vector_lane", "requantiser")
"""What each lane of the vector unit has."""
TILES = 3


@dataclass(frozen=True, kw_only=True)
class LayerEnergy:
    """What of the energy of an inference, in nJ, falls into a layer's ``cycles``; nothing of a
    layer that runs within the next one's. ``macs``: of the dense layer. Of ``logic``: ``array``,
    what the TPEs take at work, and ``resting``, what clocks take of blocks that rest."""

    name: str
    cycles: int
    macs: int
    logic: float
    memory: float
    leakage: float
    array: float = 0.0
    resting: float = 0.0

    def total(self, memory: float = 1.0) -> float:
        """nJ, memories' accesses at ``memory`` times what the map says."""
        return self.logic + memory * self.memory + self.leakage


@dataclass(frozen=True, kw_only=True)
class NetworkEnergy:
    """Energy of one inference in nJ. ``parts``: of the logic at work and at rest, without leakage;
    ``memories``: of their accesses; ``leakage``: of logic and, where the map knows it, memories,
    over ``cycles``; ``glitches``: what of the engine's is due to them; ``per_mac``: fJ of a dense
    MAC in the array, by layer. ``macs``: of the dense network. ``layers``: in order, lanes of
    the vector unit without a channel at rest; ``outside``: ahead of them and behind."""

    parts: Mapping[str, float]
    memories: Mapping[str, float]
    leakage: float
    glitches: float
    cycles: int
    period_ps: float
    macs: int
    compared: int
    per_mac: Mapping[str, float] = field(default_factory=dict)
    layers: Sequence[LayerEnergy] = ()
    outside: float = 0.0

    @property
    def logic(self) -> float:
        """nJ."""
        return sum(self.parts.values())

    @property
    def memory(self) -> float:
        """nJ."""
        return sum(self.memories.values())

    def total(self, memory: float = 1.0) -> float:
        """nJ, memories' accesses at ``memory`` times what the map says."""
        return self.logic + memory * self.memory + self.leakage

    def tops_per_watt(self, memory: float = 1.0) -> float:
        """Operations (two a dense MAC) per pJ."""
        return 2 * self.macs / (self.total(memory) * 1e3)

    @property
    def microseconds(self) -> float:
        """At the clock that was asked for."""
        return self.cycles * self.period_ps * 1e-6


def network_energy(chip: Chip, network: Network, program: Program, prediction: Prediction,
                   values: np.ndarray, *,
                   done: Callable[[str], None] = lambda module: None) -> NetworkEnergy:
    """Energy of ``network`` on ``chip`` for the one input ``values`` [1, ...] int8.

    TPEs: each layer's own operands, with delays and glitches, per dense MAC with its share of the
    read-out, times the MACs of whole tiles; they are shown equal to golden first. Other blocks: a
    cycle of work and one at rest (``block_stimuli``), times the cycles that the predictor says
    their unit is busy, or not. Memories: predicted accesses times the macro map. Raises
    ValueError where the technology has no energies, or no macros were given. ``done`` hears of
    each block.
    """
    if chip.clock_ps is None or chip.macros is None:
        raise ValueError("energy must have a library of cells and a map of macros, not gates alone")
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    layers = matrix_layers(network)
    recording = Recording(
        np.concatenate([np.asarray(t, np.int8).ravel() for t in tensors.values()]),
        np.concatenate([layer.weights.ravel() for layer in layers]),
        _sums(network, values, layers[0], tensors))
    cycles = prediction.cycles + sum(prediction.waits)
    parts: Counter[str] = Counter()
    leakage = glitches = 0.0
    per_mac: dict[str, float] = {}
    compared = 0
    measured: dict[str, tuple[float, float, float]] = {}
    shares = _Shares(prediction, _lanes_used(program))
    for (part, module), count in chip.hierarchy.blocks.items():
        if module in chip.hierarchy.black_boxes:
            continue
        netlist = chip.blocks[module].netlist
        if not netlist.instances:
            continue
        busy = _busy(part, prediction, cycles)
        if module not in measured:
            measured[module] = _measure(chip, netlist, recording)
            done(module)
        work, rest, nanowatts = measured[module]
        leakage += count * nanowatts * cycles * chip.clock_ps * 1e-12
        if "_tpe_" in module:
            compared, spent, glitches, per_mac = _engine(
                chip, network, program, tensors, values, layers, Simulator(netlist, chip.library))
            parts["engine: TPEs"] += (sum(spent.values())
                                      + count * rest * (cycles - busy) * 1e-6)
            shares.add(part, 0.0, count * rest * 1e-6)
            shares.engine = spent
        else:
            name = "engine: skew" if part == "engine" else part
            parts[name] += count * (work * busy + rest * (cycles - busy)) * 1e-6
            shares.add(part, count * work * 1e-6, count * rest * 1e-6,
                       part == "vector unit" and any(kind in module for kind in LANES))
    outside, accesses = predict_accesses(program, prediction)
    macros = chip.macros
    uses = memory_use(program.parameters, macros, [outside, *accesses])
    leakage += sum((use.leakage_nw or 0.0) for use in uses) * cycles * chip.clock_ps * 1e-12

    def accessed(some: Accesses) -> float:
        """pJ."""
        each = memory_use(program.parameters, macros, [some])
        return sum(use.energy_pj or 0.0 for use in each)

    return NetworkEnergy(
        parts=dict(parts), memories={use.kind.name: (use.energy_pj or 0.0) / 1e3 for use in uses},
        leakage=leakage, glitches=glitches, cycles=cycles, period_ps=chip.clock_ps,
        macs=sum(layer.macs for layer in prediction.layers), compared=compared, per_mac=per_mac,
        layers=shares.layers(leakage / cycles, [accessed(each) for each in accesses]),
        outside=(shares.resting + leakage / cycles) * (
            cycles - sum(layer.cycles for layer in prediction.layers) - sum(prediction.waits))
        + accessed(outside) / 1e3)


def _lanes_used(program: Program) -> list[float]:
    """What part of the vector unit's lanes has a channel, by layer; where it is fused, of the layer
    within it."""
    lanes = program.parameters.vector_lanes
    found = []
    for index, layer in enumerate(program.layers):
        own = program.layers[index - 1] if layer.fed else layer
        channels = own.lowered.output_shape[2]
        found.append(channels / (lanes * -(-channels // lanes)) if lanes else 0.0)
    return found


class _Shares:
    """What layers have of the blocks' energy, by the cycles in which their units are busy."""

    def __init__(self, prediction: Prediction, used: Sequence[float]):
        self.prediction = prediction
        self.used = used
        self.engine: Mapping[str, float] = {}
        self.blocks: list[tuple[str, float, float, bool]] = []

    def add(self, part: str, work: float, rest: float, lane: bool = False) -> None:
        """Blocks of ``part`` take ``work`` nJ in a busy cycle, ``rest`` in another. ``lane``: of
        the vector unit, of which each layer uses a part of their own, and the others rest."""
        self.blocks.append((part, work, rest, lane))

    @property
    def resting(self) -> float:
        """nJ of a cycle in which all rest."""
        return sum(rest for _, _, rest, _ in self.blocks)

    def layers(self, leakage: float, memories: Sequence[float]) -> tuple[LayerEnergy, ...]:
        """``leakage`` in nJ a cycle; ``memories`` in pJ, by layer."""
        found = []
        start = self.prediction.first_layer
        for layer, wait, accessed, used in zip(self.prediction.layers, self.prediction.waits,
                                               memories, self.used, strict=True):
            end = start + layer.cycles + wait
            array = self.engine.get(layer.name, 0.0)
            working = resting = 0.0
            for part, work, rest, lane in self.blocks:
                busy = self._busy(part, start, end) * (used if lane else 1.0)
                working += work * busy
                resting += rest * (end - start - busy)
            found.append(LayerEnergy(
                name=layer.name, cycles=end - start, macs=layer.macs,
                logic=array + working + resting, memory=accessed / 1e3,
                leakage=leakage * (end - start), array=array, resting=resting))
            start = end
        return tuple(found)

    def _busy(self, part: str, start: int, end: int) -> int:
        if part == "counters":
            return end - start
        spans = self.prediction.busy.spans[UNIT_OF.get(part, "transfers")]
        return sum(max(0, min(last, end) - max(first, start)) for first, last in spans)


def _sums(network: Network, values: np.ndarray, layer: LoweredLayer,
          tensors: Mapping[int, np.ndarray]) -> np.ndarray:
    """Accumulators of the first channel of a layer, of pixels from the middle of the frame on."""
    work = sampled(network, values, layer, tensors=tensors)
    x = np.roll(work.x, -(len(work.x) // 2), axis=0).astype(np.int64)
    return np.einsum("pbi,bi->p", x, work.w[0].astype(np.int64)) + int(layer.bias[0])


def _busy(part: str, prediction: Prediction, cycles: int) -> int:
    if part == "counters":
        return cycles
    unit = UNIT_OF.get(part, "transfers")
    return min(prediction.busy.cycles(unit), cycles)


def _measure(chip: Chip, netlist: Netlist, recording: Recording) -> tuple[float, float, float]:
    """fJ of a cycle at work and at rest, without leakage, and leakage in nW."""
    leakage = sum(chip.library.cells[i.cell].leakage for i in netlist.instances)
    simulator = Simulator(netlist, chip.library)
    found = []
    for make, timed in ((at_work, True), (at_rest, False)):
        trace = simulator.run(make(netlist, recording), timed=timed, first=WARM)
        told = energy(simulator, trace, period=0.0)
        found.append(told.total)
    return found[0], found[1], leakage


def _engine(chip: Chip, network: Network, program: Program, tensors: Mapping[int, np.ndarray],
            values: np.ndarray, layers: list[LoweredLayer],
            simulator: Simulator) -> tuple[int, dict[str, float], float, dict[str, float]]:
    """Sums compared with golden; nJ of all TPEs at work, by layer, and of it glitches; fJ a MAC by
    layer."""
    facts = program.parameters.facts
    compared = compare_with_golden(simulator, facts, above=min(1, facts.m - 1))
    glitches = macs = 0.0
    spent = {}
    per_mac = {}
    for layer in layers:
        work = sampled(network, values, layer, tensors=tensors)
        run = stimulus(facts, work, tiles=TILES, above=min(1, facts.m - 1), bound=work.bound)
        found = energy_per_mac(simulator, run, period=0.0)
        height, width, channels = layer.output_shape
        whole = (-(-height * width // facts.rows) * facts.rows
                 * -(-channels // facts.columns) * facts.columns * int(work.sizes.sum()))
        per_mac[layer.name] = found.timed.total
        spent[layer.name] = found.timed.total * whole * 1e-6
        glitches += found.glitches * whole * 1e-6
        macs += whole
    # Layers that the engine does without weights of the model: sums of windows.
    other = [layer.lowered for layer in program.layers if layer.lowered.depthwise
             and layer.lowered.opcode == layers[0].opcode]
    mean = sum(spent.values()) / max(macs, 1)
    for layer in other:
        spent[layer.name] = spent.get(layer.name, 0.0) + mean * layer.macs * facts.columns
    return compared, spent, glitches, per_mac
