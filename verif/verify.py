# SPDX-License-Identifier: Apache-2.0
"""The verification suite of one spec: random networks, stalls, resets, errors."""

import numpy as np

from ..gen.compiler import compile_network
from ..gen.predict import predict
from ..gen.spec import Spec
from ..rtl.kinds import ALL_KINDS
from .golden import golden_tensors
from .networks import small_network
from .run import run, simulator
from .streams import verify_streams
from .stress import fitting, stops_early, stress

__all__ = ["verify"]


def verify(spec: Spec) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every check; builds the simulator if it is not in the cache.

    Cycles are those predicted, or at most those of a macro whose conversions stop early. Needs a
    window and, for an engine with a mesh, a DMA. Of a spec with a front end: runs of the
    model that it names.
    """
    if spec.front_end.layers is not None:
        return verify_streams(spec)
    adds = ALL_KINDS[spec.engine.kind].mesh
    model = simulator(spec)
    results = []
    for seed, stalls in ((1, None), (2, None), (3, 7)):
        network = fitting(spec, small_network(np.random.default_rng(seed), adds=adds))
        program = compile_network(spec, network)
        shape = network.tensors[network.inputs[0]].shape[1:]
        inputs = np.random.default_rng(seed).integers(-128, 128, (2, *shape)).astype(np.int8)
        result = run(program, inputs, model, layers=True, stalls=stalls)
        waits = result.counters["STALL_TRANSFER"]
        tensors = golden_tensors(spec, program, inputs)
        wrong = [index for index, tensor in result.layers.items()
                 if not np.array_equal(tensor, tensors[index].reshape(tensor.shape))]
        prediction = predict(program)
        cycles = prediction.cycles
        predicted = [layer.cycles for layer in prediction.layers]
        in_time = np.less_equal if stops_early(spec) else np.equal
        exact = in_time(result.cycles, cycles + waits)
        results.append((f"random network {seed}" + (", stalled buses" if stalls else ""),
                        not wrong and bool(in_time(result.layer_cycles, predicted).all())
                        # Stalls of a memory are others in each run.
                        and bool(exact[-1] if stalls and waits else exact.all()),
                        f"tensors {wrong} differ" if wrong else
                        f"{result.cycles.tolist()} cycles, {cycles} predicted"
                        + (f", {waits} of waiting in the last run" if waits else "")))
    return results + stress(spec)
