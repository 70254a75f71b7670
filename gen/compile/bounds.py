# SPDX-License-Identifier: Apache-2.0
"""Which layers prune their activations, and how far."""

import difflib
from collections.abc import Sequence
from dataclasses import replace

from ...golden.dap import MAX_BOUND
from ...golden.dbb import BLOCK
from ...golden.network import Convolution, FullyConnected, Network
from ...rtl.facts import EngineFacts
from ...rtl.sequencer.descriptor import Opcode
from .fault import CompileFault
from .lower import ZERO_IS_LOWEST, LoweredLayer, lower
from .plan import saves_steps

__all__ = ["bound_activations"]


def bound_activations(network: Network, facts: EngineFacts, bounds: Sequence[str]) -> Network:
    """``network`` with the activations of its layers pruned as ``bounds`` ask.

    "4" prunes to 4 of 8 every layer that takes fewer steps for it: layers of the engine with at
    least one full block whose zero point is -128. "LAYER=4" prunes that one, by its name or its
    place among the model's operators, counted from 0, whatever is asked for all. 8 prunes
    nothing. Raises CompileFault where the engine does not prune, and where a bound or a layer is
    none.
    """
    asked = [(name, equals, _bound(number)) for name, equals, number in (
        text.rpartition("=") for text in bounds)]
    if any(bound != BLOCK for _, _, bound in asked) and not facts.holds_weights:
        raise CompileFault("--activation-nnz must be 8 for an engine that does not prune "
                           "activations; leave it out, or use --set engine.kind=s2ta-aw")
    chosen = [BLOCK] * len(network.layers)
    for _, equals, bound in asked:
        if not equals and bound != BLOCK:
            gaining = {low.output for low in lower(network).layers if _gains(low, facts, bound)}
            chosen = [bound if layer.output in gaining else BLOCK for layer in network.layers]
        elif not equals:
            chosen = [BLOCK] * len(network.layers)
    for name, equals, bound in asked:
        if equals:
            chosen[_place(network, name)] = bound
    return replace(network, layers=tuple(
        layer if bound == BLOCK else replace(layer, activation_bound=bound)
        for layer, bound in zip(network.layers, chosen, strict=True)))


def _bound(text: str) -> int:
    if text not in {str(bound) for bound in (*range(1, MAX_BOUND + 1), BLOCK)}:
        raise CompileFault(f"--activation-nnz must be 1 to {MAX_BOUND}, or {BLOCK} to prune "
                           f"nothing, not {text!r}; write N or LAYER=N")
    return int(text)


def _place(network: Network, name: str) -> int:
    names = [layer.name for layer in network.layers]
    if name in names:
        place = names.index(name)
    elif name in map(str, range(len(names))):
        place = int(name)
    else:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else "write LAYER=N"
        raise CompileFault(f"--activation-nnz: LAYER must be the name of a layer of "
                           f"{network.name} or its place, 0 to {len(names) - 1}, not {name!r}; "
                           f"{hint}")
    layer = network.layers[place]
    if not isinstance(layer, Convolution | FullyConnected):
        raise CompileFault(f"--activation-nnz: LAYER must be a CONV_2D or FULLY_CONNECTED, not "
                           f"{layer.name} ({layer.kind})")
    return place


def _gains(low: LoweredLayer, facts: EngineFacts, bound: int) -> bool:
    channels = low.source_shape[2]
    if low.opcode is not Opcode.MATRIX or low.depthwise or low.source_zero_point != ZERO_IS_LOWEST:
        return False
    if channels < BLOCK or (low.kind == "FULLY_CONNECTED" and channels % BLOCK):
        return False
    return saves_steps(replace(low, activation_bound=bound), facts)
