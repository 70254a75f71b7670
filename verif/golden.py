# SPDX-License-Identifier: Apache-2.0
"""What golden computes of a program: its network's tensors, or those of a macro's array."""

from collections.abc import Mapping

import numpy as np

from ..gen.cim.reference import array_tensors
from ..gen.compile import Program
from ..gen.spec import Spec
from ..golden.interpreter import run
from ..golden.network import Network

__all__ = ["golden_tensors"]


def golden_tensors(spec: Spec, program: Program, inputs: np.ndarray,
                   network: Network | None = None) -> Mapping[int, np.ndarray]:
    """Every operator's output, int8 [N, ...] by tensor index, of ``inputs`` [N, ...];
    ``network``: what is run where there is no macro, by default the program's."""
    if spec.cim is not None:
        return array_tensors(program, inputs, spec.cim)
    return run(network or program.network, inputs)
