# SPDX-License-Identifier: Apache-2.0
"""Compiler: a golden network becomes a program image for a spec's hardware."""

from ...golden.network import Network
from ..build import parameters
from ..spec import Spec
from .allocate import allocate
from .bounds import bound_activations
from .fault import CompileFault
from .lower import lower
from .program import Program, assemble

__all__ = ["CompileFault", "Program", "bound_activations", "compile_network"]


def compile_network(spec: Spec, network: Network) -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run."""
    p = parameters(spec)
    lowered = lower(network)
    return assemble(network, lowered, allocate(lowered, p), p)
