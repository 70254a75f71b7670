# SPDX-License-Identifier: Apache-2.0
"""Layers for a compute-in-memory macro: depthwise ones dense, weights of as many bits as cells."""

from dataclasses import replace

import numpy as np

from ....golden import network as golden
from ....golden.cim.conversion import grouped_planes
from ....golden.cim.layers import ON_ARRAY, weight_step
from ....rtl.sequencer.descriptor import Opcode
from ..engine_only import as_convolution
from ..fault import CompileFault
from ..lower import MULTIPLYING, Lowered, LoweredLayer

__all__ = ["on_array", "rounded_network"]


def _rounded(weights: np.ndarray, bits: int, grouped: bool) -> np.ndarray:
    """``weights`` in steps of ``2**weight_step``, rounded half up, at most the largest there is,
    and of ``grouped`` magnitudes at least the lowest."""
    step = weight_step(weights, bits, grouped=grouped)
    if not step:
        return weights
    steps = (weights.astype(np.int16) + (1 << step - 1)) >> step
    most = (1 << (grouped_planes(bits) if grouped else bits - 1)) - 1
    return (np.clip(steps, -most - (not grouped), most) << step).astype(np.int8)


def rounded_network(network: golden.Network, bits: int, *, grouped: bool = False) -> golden.Network:
    """``network`` with weights of at most ``bits`` bits, times a power of two each layer: what the
    array has. ``grouped``: as magnitudes and signs."""
    if bits == 8:
        return network
    return replace(network, layers=tuple(
        replace(layer, weights=_rounded(layer.weights, bits, grouped))
        if isinstance(layer, ON_ARRAY) else layer for layer in network.layers))


def on_array(lowered: Lowered, *, depthwise: bool, exact: bool) -> Lowered:
    """``lowered`` for a macro; ``depthwise``: depthwise layers too, as dense convolutions most of
    whose weights are zero. Others without weights of their own stay on the vector unit.

    Raises CompileFault for a layer that moves values through an array that is not ``exact``.
    """
    layers = [as_convolution(layer) if depthwise and layer.depthwise
              and layer.opcode is Opcode.WINDOW else layer for layer in lowered.layers]
    if not exact:
        for layer in layers:
            _check_multiplies(layer)
    return replace(lowered, layers=layers)


def _check_multiplies(layer: LoweredLayer) -> None:
    if layer.opcode is Opcode.MATRIX and layer.kind not in MULTIPLYING:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): it only moves values, but needs "
                           "the array, whose conversions are not exact; use macro digital with 8 "
                           "bits of activations, or leave the layer out")
