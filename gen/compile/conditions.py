# SPDX-License-Identifier: Apache-2.0
"""Dynamic inference: layers that run only under a condition, and layers that decide on one.

A run starts with the flags of register CONDITIONS, which the host sets; a layer may set one
according to its results. So a host, or an early classifier, can have layers left out, or run in
another form: at another density of weights or activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...rtl.sequencer.descriptor import FLAGS, Opcode
from .fault import CompileFault

if TYPE_CHECKING:
    from .lower import Lowered, LoweredLayer

__all__ = ["Condition", "Judgement", "layers_run", "switchable", "with_conditions"]

SWITCH = 0
"""The flag that picks the pruned form of layers that are there in both."""


@dataclass(frozen=True)
class Condition:
    """Flag ``flag`` must be ``value``. Raises ValueError for a flag that there is not."""

    flag: int
    value: bool = True

    def __post_init__(self):
        _check_flag(self.flag)


@dataclass(frozen=True)
class Judgement:
    """Flag ``flag`` becomes whether a result is above ``threshold``, -128 ... 127. Raises
    ValueError."""

    flag: int
    threshold: int

    def __post_init__(self):
        _check_flag(self.flag)
        if not -128 <= self.threshold <= 127:
            raise ValueError(f"Threshold must be from -128 to 127, not {self.threshold!r}")


def _check_flag(flag: int) -> None:
    if not 0 <= flag < FLAGS:
        raise ValueError(f"Flag must be from 0 to {FLAGS - 1}, not {flag!r}")


def with_conditions(lowered: "Lowered", conditions: Mapping[str, Condition],
                    judgements: Mapping[str, Judgement]) -> "Lowered":
    """``lowered`` with conditions and judgements of layers by name; raises CompileFault for names
    that there are not, and for judgements that results of padded channels would decide."""
    names = {layer.name for layer in lowered.layers}
    for name in (*conditions, *judgements):
        if name not in names:
            raise CompileFault(f"a condition names layer {name}, which the core does not run")
    for layer in lowered.layers:
        judgement = judgements.get(layer.name)
        if judgement is None:
            continue
        where = f"layer {layer.name} ({layer.kind})"
        if layer.opcode is Opcode.ADD:
            raise CompileFault(f"{where}: its results cannot set a flag, since words between "
                               "tensors pass with them; let the layer behind it do so")
        lowest = max(layer.requantise.zero_point, layer.requantise.low)
        if judgement.threshold < lowest:
            raise CompileFault(f"{where}: the threshold must be at least {lowest}, which results "
                               f"of padded channels are, not {judgement.threshold}")
    return replace(lowered, layers=[
        replace(layer, condition=conditions.get(layer.name, layer.condition),
                judgement=judgements.get(layer.name, layer.judgement))
        for layer in lowered.layers])


def switchable(lowered: "Lowered", pruned: "Lowered") -> "Lowered":
    """``lowered``, its layers that ``pruned`` has with another bound on activations in both forms:
    flag ``SWITCH`` picks. The pruned one's tensor lies where the other's does."""
    layers: list[LoweredLayer] = []
    shapes, inside = dict(lowered.shapes), dict(lowered.inside)
    for layer, other in zip(lowered.layers, pruned.layers, strict=True):
        if layer.activation_bound == other.activation_bound:
            layers.append(layer)
            continue
        output = min(*shapes, 0) - 1
        shapes[output] = shapes[layer.output]
        inside[output] = layer.output, (0, 0, 0)
        layers += [replace(layer, condition=Condition(SWITCH, False)),
                   replace(other, output=output, condition=Condition(SWITCH, True),
                           name=f"{layer.name} (pruned)")]
    return replace(lowered, layers=layers, shapes=shapes, inside=inside)


def layers_run(layers: Sequence["LoweredLayer"], conditions: int,
               tensors: Mapping[int, np.ndarray]) -> list[bool]:
    """Which of ``layers`` run on an input, if a run starts with flags ``conditions``.

    ``tensors``: golden's, by index, of those layers that judge.
    """
    flags = conditions
    runs = []
    for layer in layers:
        condition, judgement = layer.condition, layer.judgement
        runs.append(condition is None or bool(flags >> condition.flag & 1) == condition.value)
        if runs[-1] and judgement is not None:
            over = bool((tensors[layer.output] > judgement.threshold).any())
            flags = flags & ~(1 << judgement.flag) | over << judgement.flag
    return runs
