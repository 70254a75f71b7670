# SPDX-License-Identifier: Apache-2.0
"""From a spec's front end to RTL parameters, and to the network that is left for the core."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

from ...golden.network import Layer, Network
from ...rtl.fixed.parameters import FrontEndParameters
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from ..compile import CompileFault, lower, on_engine, plan_blocks
from ..compile.lower import Lowered
from ..compile.slots import slot_layout
from ..importer import load
from ..spec import Spec, SpecFault
from .pipeline import front_end
from .split import check_same, remainder
from .sums import FrontEndFault

__all__ = ["fixed_layers", "for_model", "lower_remainder", "model_of", "split_network",
           "with_front_end"]


def for_model(spec: Spec, model: Path) -> Spec:
    """``spec``, whose front end, if it names no network, is that of ``model``."""
    section = spec.front_end
    if section.layers is None or section.network is not None:
        return spec
    return spec.model_copy(update={
        "front_end": section.model_copy(update={"network": str(model)})})


def with_front_end(spec: Spec, p: AcceleratorParameters) -> AcceleratorParameters:
    """``p`` with what the front end of ``spec`` adds: slots for its frames, its layers, and a hash
    that covers them.

    Raises SpecFault where the network is not stated, CompileFault where it cannot be split so.
    """
    section = spec.front_end
    network, count = model_of(spec), section.count
    rest = lower_remainder(network, count, p)
    plans = {layer.output: plan_blocks(layer, p.facts) for layer in rest.layers
             if layer.opcode is Opcode.MATRIX}
    fixed = None if not count else _pipeline(
        _key(section.network), count, section.folds, section.levels_per_stage,
        section.single_port)
    made = replace(p, slots=slot_layout(rest, plans, p), front_end=fixed)
    text = f"{spec.hash:016x} {made.slots} {made.front_end}"
    watched = fixed and replace(fixed, monitors=p.monitors)
    return replace(made, front_end=watched, spec_hash=int.from_bytes(
        hashlib.sha256(text.encode()).digest()[:8], "big"))


def split_network(spec: Spec, network: Network) -> Network:
    """What the core runs of ``network``, whose first operators must be those of the front end."""
    count = spec.front_end.count
    check_same(network, model_of(spec), count)
    return remainder(network, count)


def fixed_layers(spec: Spec, network: Network, p: AcceleratorParameters) -> tuple[Layer, ...]:
    """The operators of ``network`` that the layers of the front end compute, in their order."""
    if p.front_end is None:
        return ()
    places = {layer.output: place for place, layer in enumerate(model_of(spec).layers)}
    return tuple(network.layers[places[part.tensor]] for part in p.front_end.layers)


def lower_remainder(network: Network, count: int, p: AcceleratorParameters) -> Lowered:
    """The remainder behind ``count`` operators, lowered for ``p``."""
    lowered = lower(remainder(network, count), reshape_input=not count)
    return lowered if p.vector_lanes else on_engine(lowered)


def model_of(spec: Spec) -> Network:
    """The network whose layers are fixed; raises SpecFault where it is not stated."""
    path = spec.front_end.network
    if path is None:
        raise SpecFault([(f"{spec.name}: front_end.network: must be the path of the model whose "
                          "layers are fixed, not null; add --set front_end.network=PATH")])
    return _load(_key(path))


def _key(path: str) -> tuple[str, bytes]:
    """A file as it is now."""
    return path, hashlib.sha256(Path(path).read_bytes()).digest()


@cache
def _load(key: tuple[str, bytes]) -> Network:
    """The network in a file, read again where that has changed."""
    return load(key[0])


@cache
def _pipeline(key: tuple[str, bytes], count: int, folds: tuple[int, ...], levels_per_stage: int,
              single_port: bool) -> FrontEndParameters:
    try:
        return front_end(_load(key), range(count), folds=dict(enumerate(folds)),
                         levels_per_stage=levels_per_stage, single_port=single_port)
    except FrontEndFault as fault:
        raise CompileFault(f"front_end.layers: {fault}") from None
