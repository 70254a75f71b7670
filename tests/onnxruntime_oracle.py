# SPDX-License-Identifier: Apache-2.0
"""onnxruntime on the CPU, the outside oracle of ONNX models."""

import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.utils import Extractor

__all__ = ["operators", "reference_tensors", "session"]


def _options() -> onnxruntime.SessionOptions:
    """All optimisations, which is the default; int8 activations stay int8, which on x86-64 is not:
    there they would become uint8, and what does not match at the seams would run in float32."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return options


def session(model: onnx.ModelProto | Path) -> onnxruntime.InferenceSession:
    """The model, ready to run; skips the test where the processor computes otherwise."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("the oracle is onnxruntime on x86-64 with AVX2 and FMA")
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, _options(), providers=["CPUExecutionProvider"])


def reference_tensors(path: Path, inputs: np.ndarray,
                      names: Sequence[str]) -> dict[str, np.ndarray]:
    """Quantised tensors ``names``, results of QuantizeLinear, for real ``inputs`` [N, ...].

    Each is the output of the model that ends there: making it an output of the whole model would
    keep onnxruntime from fusing the nodes around it.
    """
    model = onnx.load(path)
    extractor = Extractor(onnx.shape_inference.infer_shapes(model))
    entry = model.graph.input[0].name
    found = {}
    for name in names:
        part = extractor.extract_model([entry], [name])
        run = session(part).run
        found[name] = np.concatenate([run([name], {entry: x[None]})[0] for x in inputs])
    return found


def operators(path: Path, folder: Path) -> set[str]:
    """Kinds of the nodes that onnxruntime runs for the model, after its optimisations."""
    options = _options()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
