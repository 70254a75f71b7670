# SPDX-License-Identifier: Apache-2.0
"""Mapping: of the ways in which a network can run, the one with the fewest predicted cycles."""

from ..golden.network import Network
from .build import parameters
from .compile import CompileFault, Program, allocate, assemble, lower, possible_chains
from .predict import predict
from .spec import Spec

__all__ = ["compile_network"]


def compile_network(spec: Spec, network: Network, *, chain: bool = True) -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    With ``chain``, depthwise layers run together with the next layer where the spec has a buffer
    for that, and where it is predicted to be faster.
    """
    p = parameters(spec)
    lowered = lower(network)

    def compiled(chained: list[int]) -> Program:
        return assemble(network, lowered, allocate(lowered, p, chained), p, chained)

    possible = possible_chains(lowered, p) if chain else []
    together = compiled(possible)
    if not possible:
        return together
    try:
        apart = compiled([])
    except CompileFault:  # the memory does not hold what lies between the layers
        return together
    fast, slow = predict(together).layers, predict(apart).layers
    chained = [i for i in possible
               if fast[i].cycles + fast[i + 1].cycles < slow[i].cycles + slow[i + 1].cycles]
    return together if chained == possible else compiled(chained)
