# SPDX-License-Identifier: Apache-2.0
"""The verification suite of one spec: random networks, stalls, resets, errors."""

import tempfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ..gen.compile import compile_network
from ..gen.predict import predict
from ..gen.spec import Spec
from ..golden import network as golden
from ..golden.interpreter import run as run_golden
from .networks import small_network
from .run import prepare, run, simulator

__all__ = ["robustness", "verify"]


def verify(spec: Spec) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every check; builds the simulator if it is not in the cache."""
    model = simulator(spec)
    results = []
    for seed, stalls in ((1, None), (2, None), (3, 7)):
        network = small_network(np.random.default_rng(seed))
        program = compile_network(spec, network)
        inputs = _inputs(network, seed)
        result = run(program, inputs, model, layers=True, stalls=stalls)
        tensors = run_golden(network, inputs)
        wrong = [index for index, tensor in result.layers.items()
                 if not np.array_equal(tensor, tensors[index].reshape(tensor.shape))]
        cycles = predict(program).cycles
        results.append((f"random network {seed}" + (", stalled buses" if stalls else ""),
                        not wrong and bool((result.cycles == cycles).all()),
                        f"tensors {wrong} differ" if wrong else
                        f"{result.cycles.tolist()} cycles, {cycles} predicted"))
    return results + robustness(spec)


def _inputs(network: golden.Network, seed: int) -> np.ndarray:
    shape = network.tensors[network.inputs[0]].shape[1:]
    return np.random.default_rng(seed).integers(-128, 128, (2, *shape)).astype(np.int8)


def robustness(spec: Spec, *, stalls: int | None = None) -> list[tuple[str, bool, str]]:
    """Each check of the bench ``robustness``; needs window and DMA."""
    model = simulator(spec)
    network = small_network(np.random.default_rng(0))
    program = compile_network(spec, network)
    inputs = _inputs(network, 0)
    good = run(program, inputs[:1], model)
    exact = np.array_equal(
        good.outputs, run_golden(network, inputs[:1])[program.lowered.output].reshape(
            good.outputs.shape))
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        job = prepare(program, inputs[:1], folder, stalls=stalls)
        job.settings = _settings(program, good)
        try:
            model.run("systolith.verif.benches.robustness", job=job.save(), work=folder)
        except RuntimeError as error:
            detail = str(error)
        else:
            detail = ""
        results = [("good run equals golden", exact, "")]
        for case in ElementTree.parse(folder / "results.xml").iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            results.append((case.get("name").replace("_", " "), not failed,
                            detail[-2000:] if failed else ""))
    return results


def _settings(program, good) -> dict:
    p, image = program.parameters, program.memory_image
    layout = program.output_layout
    order = sorted(set(layout.addresses().ravel().tolist()))
    words = layout.pack(good.outputs[0])
    rows = image.weights.size // image.weight_stride
    program_rows = -(-image.program.size // 2 // 8) * 8
    first_weights = p.region_address(1)
    job_runs = prepare(program, np.zeros((1, *program.network.tensors[
        program.lowered.input].shape[1:]), np.int8), Path("unused")).image_runs
    offsets = [16 * program_rows if address >= p.region_address(2)
               else 8 * rows * image.weight_stride for address, _, _ in job_runs]
    return {
        "program_address": p.region_address(2),
        "trailer_address": first_weights + 8 * (rows - 1) * image.weight_stride,
        "trailer_words": p.weight_banks,
        "region_bits": p.region_bits,
        "weight_word": int(image.program.size),
        "cycles": int(good.cycles[0]),
        "output_words": [int(words[address]) for address in order],
        "second_bases": [2 * program_rows, rows],
        "second_offsets": offsets,
    }
