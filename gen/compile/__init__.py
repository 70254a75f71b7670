# SPDX-License-Identifier: Apache-2.0
"""Compiler: a golden network becomes a program image for a spec's hardware."""

from ...golden.network import Network
from ...rtl.sequencer.descriptor import Opcode
from ..build import parameters
from ..spec import Spec
from .allocate import allocate
from .bounds import bound_activations
from .fault import CompileFault
from .lower import lower
from .order import sort_channels
from .plan import check_bound, plan_blocks
from .program import Program, assemble

__all__ = ["CompileFault", "Program", "bound_activations", "compile_network"]


def compile_network(spec: Spec, network: Network, *, sort: bool = True) -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    ``sort``: channels may be stored in another order than the model's, by density.
    """
    p = parameters(spec)
    lowered = lower(network)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    if sort:
        lowered = sort_channels(lowered, p)
    plans = {layer.output: plan_blocks(layer, p.facts) for layer in lowered.layers
             if layer.opcode is Opcode.MATRIX}
    return assemble(network, lowered, plans, allocate(lowered, plans, p), p)
