# SPDX-License-Identifier: Apache-2.0
"""Which layers prune their activations, and how far."""

from collections.abc import Sequence
from dataclasses import replace

from ...golden.dap import MAX_BOUND
from ...golden.dbb import BLOCK, max_nnz
from ...golden.network import Convolution, FullyConnected, Layer, Network
from ...rtl.facts import EngineFacts
from .fault import CompileFault
from .lower import ZERO_IS_LOWEST, lower

__all__ = ["bound_activations"]


def bound_activations(network: Network, facts: EngineFacts, bounds: Sequence[str]) -> Network:
    """``network`` with the activations of its layers pruned as ``bounds`` ask.

    "4" prunes to 4 of 8 every layer that takes fewer cycles for it: layers of the engine whose
    zero point is -128 and whose blocks are full. "LAYER=4" prunes that one, by its name or its
    place, counted from 0. 8 prunes nothing. Raises CompileFault where the engine does not prune,
    and where a bound or a layer is none.
    """
    chosen = [BLOCK] * len(network.layers)
    for text in bounds:
        name, _, number = text.rpartition("=")
        bound = _bound(number)
        if bound != BLOCK and not facts.holds_weights:
            raise CompileFault("activations are pruned only by engines of kind s2ta-aw; leave "
                               "--activation-nnz away, or use --set engine.kind=s2ta-aw")
        if name:
            chosen[_place(network, name)] = bound
        else:
            channels = {low.output: low.source_shape[2] for low in lower(network).layers}
            chosen = [bound if _gains(layer, channels.get(layer.output, 0), facts, bound)
                      else BLOCK for layer in network.layers]
    return replace(network, layers=tuple(
        layer if bound == BLOCK else replace(layer, activation_bound=bound)
        for layer, bound in zip(network.layers, chosen, strict=True)))


def _bound(text: str) -> int:
    if text not in {str(bound) for bound in (*range(1, MAX_BOUND + 1), BLOCK)}:
        raise CompileFault(f"--activation-nnz must be 1 to {MAX_BOUND}, or {BLOCK} to prune "
                           f"nothing, not {text!r}; write N or LAYER=N")
    return int(text)


def _place(network: Network, name: str) -> int:
    places = ([place for place, layer in enumerate(network.layers) if layer.name == name]
              or [place for place in range(len(network.layers)) if str(place) == name])
    if not places or not isinstance(network.layers[places[0]], Convolution | FullyConnected):
        raise CompileFault(f"--activation-nnz: no convolution or fully connected layer of "
                           f"{network.name} is called {name!r} or stands at that place")
    return places[0]


def _gains(layer: Layer, channels: int, facts: EngineFacts, bound: int) -> bool:
    """Whether pruning ``layer``, which reads ``channels`` as the core stores them, pays."""
    if not isinstance(layer, Convolution | FullyConnected):
        return False
    if layer.source_zero_point != ZERO_IS_LOWEST or channels < BLOCK:
        return False
    if isinstance(layer, FullyConnected) and channels % BLOCK:
        return False
    density = max(max_nnz(layer.weights), 1)

    def steps(kept: int) -> int:
        return facts.passes(density, BLOCK, kept) * facts.pass_steps(density, BLOCK, kept)
    return steps(bound) < steps(BLOCK)
