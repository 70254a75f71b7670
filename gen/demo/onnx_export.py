# SPDX-License-Identifier: Apache-2.0
"""The digits network's trained layers as a float .onnx file, for others to quantise."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .export import STRIDES

__all__ = ["export_float"]

OPSET = 17
IR_VERSION = 8


def export_float(weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> bytes:
    """Return the .onnx file of three convolutions and the classifier.

    ``weights``: float32, [Cout, Cin, 3, 3] three times, then [classes, channels]; ``biases``
    likewise. Input ``x`` float32 [1, 1, 8, 8], grey 0 ... 16; output ``y`` [1, classes],
    probabilities.
    """
    nodes, source = [], "x"
    for index, stride in enumerate(STRIDES, start=1):
        # SAME pads nothing before the first pixel at stride 2 and even extents.
        nodes += [helper.make_node("Conv", [source, f"w{index}", f"b{index}"], [f"conv{index}"],
                                   strides=[stride] * 2,
                                   pads=[0, 0, 1, 1] if stride == 2 else [1, 1, 1, 1]),
                  helper.make_node("Relu", [f"conv{index}"], [f"relu{index}"])]
        source = f"relu{index}"
    last = len(weights)
    nodes += [helper.make_node("GlobalAveragePool", [source], ["average"]),
              helper.make_node("Flatten", ["average"], ["features"]),
              helper.make_node("Gemm", ["features", f"w{last}", f"b{last}"], ["logits"], transB=1),
              helper.make_node("Softmax", ["logits"], ["y"])]
    constants = [numpy_helper.from_array(np.asarray(values, np.float32), f"{letter}{index}")
                 for letter, layers in (("w", weights), ("b", biases))
                 for index, values in enumerate(layers, start=1)]
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, len(biases[-1])])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                             ir_version=IR_VERSION).SerializeToString(deterministic=True)
