# SPDX-License-Identifier: Apache-2.0
"""Mapping: of the ways in which a network can run, the one with the fewest predicted cycles."""

from typing import Literal

from ..golden.network import Network
from ..rtl.sequencer.descriptor import Opcode
from .build import parameters
from .compile import (
    CompileFault,
    Program,
    allocate,
    assemble,
    check_bound,
    lower,
    plan_blocks,
    possible_chains,
    sort_channels,
)
from .predict import predict
from .spec import Spec

__all__ = ["compile_network"]


def compile_network(spec: Spec, network: Network, *, sort: bool = True,
                    chain: Literal["never", "faster", "always"] = "faster") -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    ``sort``: channels may be stored in another order than the model's, by density. ``chain``:
    where the spec has a buffer for that, depthwise layers run together with the next layer,
    wherever they can or where it is predicted to be faster.
    """
    p = parameters(spec)
    lowered = lower(network)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    if sort:
        lowered = sort_channels(lowered, p)
    plans = {layer.output: plan_blocks(layer, p.facts) for layer in lowered.layers
             if layer.opcode is Opcode.MATRIX}

    def compiled(chained: list[int]) -> Program:
        return assemble(network, lowered, plans, allocate(lowered, plans, p, chained), p, chained)

    possible = [] if chain == "never" else possible_chains(lowered, p)
    together = compiled(possible)
    if not possible or chain == "always":
        return together
    try:
        apart = compiled([])
    except CompileFault:  # the memory does not hold what lies between the layers
        return together
    fast, slow = predict(together).layers, predict(apart).layers
    chained = [i for i in possible
               if fast[i].cycles + fast[i + 1].cycles < slow[i].cycles + slow[i + 1].cycles]
    return together if chained == possible else compiled(chained)
