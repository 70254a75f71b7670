# SPDX-License-Identifier: Apache-2.0
"""One network on one design: RTL, golden and predictions must agree in everything."""

import numpy as np
from systolith.gen.compile import Program, core_tensors
from systolith.gen.compiler import compile_network
from systolith.gen.counters import measured_activity, measured_stalls
from systolith.gen.predict import Activity, moved_bytes, predict, predict_activity
from systolith.gen.report import RunResult
from systolith.gen.spec import Spec
from systolith.golden.interpreter import run as run_golden
from systolith.golden.network import Network
from systolith.verif.run import run, simulator

__all__ = ["check", "compare"]


def check(spec: Spec, network: Network, inputs: np.ndarray, compiled=compile_network) -> Program:
    """Compile, run, compare; returns the program."""
    program = compiled(spec, network)
    compare(program, inputs, run(program, inputs, simulator(spec), layers=True, trace=True))
    return program


def compare(program: Program, inputs: np.ndarray, result: RunResult) -> None:
    """Every layer's tensor, every layer's cycles, every counter, when which unit is busy; of
    transfers the bytes, and all cycles but those of waiting for them."""
    network = program.network
    golden = core_tensors(program.lowered,
                          {network.inputs[0]: inputs} | run_golden(network, inputs))
    for index, tensor in (*result.layers.items(), (program.lowered.output, result.outputs)):
        np.testing.assert_array_equal(tensor, golden[index].reshape(tensor.shape),
                                      err_msg=f"tensor {index} of {network.name}")
    prediction = predict(program)
    assert (result.cycles - result.waits).tolist() == [prediction.cycles] * len(inputs)
    expected = [layer.cycles for layer in prediction.layers]
    assert result.layer_cycles.tolist() == [expected] * len(inputs)
    external = program.parameters.external_weights
    assert external or not result.waits.any()
    if external:
        assert result.counters["DMA_BYTES"] == moved_bytes(program)
    elif result.timeline is not None:
        assert result.timeline.layers == prediction.timeline.layers
        assert result.timeline.busy.spans == prediction.busy.spans
    last = {index: tensor[-1:] for index, tensor in golden.items()}
    predicted = sum(predict_activity(program, last), Activity(weight_reads=int(not external)))
    assert measured_activity(result.counters) == predicted
    assert measured_stalls(result.counters) == prediction.stalls
