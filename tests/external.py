# SPDX-License-Identifier: Apache-2.0
"""Small specs whose weights come from outside, and what is special about programs for them."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from systolith.gen.compile import CompileFault, Program
from systolith.gen.compiler import compile_network
from systolith.gen.spec import Spec, load
from systolith.rtl.sequencer.descriptor import Opcode

from .random_designs import random_inputs, random_network

__all__ = ["ADDITIONS", "external_cases", "external_spec", "features"]

ADDITIONS = ("add", "add", "add", "conv", "depthwise", "pointwise")
"""Kinds of layers of a random network, most of them sums."""


def external_spec(kind: str, *, weights: int = 8, activations: int = 4, roomy: bool = False,
                  more: tuple[str, ...] = ()) -> Spec:
    """The spec ``demo`` with memories of so many KiB; ``roomy``: program and schedule do not
    matter."""
    size = 256 if roomy else 64
    return load("demo", [
        f"engine.kind={kind}", "engine.zero_gating=true", "postproc.lanes=8",
        "memory.weight_source=external", f"memory.weights={weights} KiB",
        f"memory.activations={activations} KiB", f"memory.program={size} KiB",
        f"memory.schedule={size} KiB", *more])


def features(program: Program) -> Counter:
    """Which of them a program has: parts in stripes, input outside, stores, loads of weights that
    begin within the layer before, column tiles apart, sums of some rows."""
    heights = {tensor: shape[0] for tensor, shape in program.lowered.shapes.items()}
    return Counter({
        "striped": any(segment.stripes > 1 for segment in program.segments),
        "input": program.lowered.input in program.spilled,
        "stores": any(move.write_out for move in program.moves),
        "released": any(move.released for move in program.moves),
        "columns": any(layer.part.channels[0] for layer in program.layers),
        "sums": any(layer.lowered.opcode is Opcode.ADD
                    and layer.part.rows != (0, heights[layer.lowered.output])
                    for layer in program.layers)})


def external_cases(spec: Spec, seed: int, kinds: tuple[str, ...]
                   ) -> Iterator[tuple[Program, np.ndarray]]:
    """Networks of such ``kinds`` of layers that fit, of which most run in stripes, each with two
    inputs."""
    given = 0
    while True:
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers=int(rng.integers(3, 7)), sides=(7, 16), kinds=kinds)
        seed += 1
        try:
            program = compile_network(spec, network)
        except CompileFault:
            continue
        if not features(program)["striped"] and given % 4:
            continue
        given += 1
        yield program, random_inputs(rng, network, 2)
