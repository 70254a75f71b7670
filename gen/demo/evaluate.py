# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a .tflite classifier under LiteRT's reference kernels."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

__all__ = ["accuracy", "classify"]


def classify(model: bytes, images: np.ndarray) -> np.ndarray:
    """Return the model's outputs [N, classes] for int8 ``images`` [N, ...], one at a time."""
    interpreter = Interpreter(model_content=model,
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    results = []
    for image in images:
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        results.append(interpreter.get_tensor(output)[0])
    return np.stack(results)


def accuracy(model: bytes, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of ``images`` whose largest output is at the label."""
    return float(np.mean(np.argmax(classify(model, images), axis=1) == labels))
