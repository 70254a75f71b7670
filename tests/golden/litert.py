# SPDX-License-Identifier: Apache-2.0
"""LiteRT's built-in reference kernels: the oracle of the golden model."""

from collections.abc import Iterable

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

__all__ = ["litert"]


def litert(model: bytes, inputs: np.ndarray, tensors: Iterable[int]) -> dict[int, np.ndarray]:
    """The ``tensors`` that int8 ``inputs`` [N, ...] give, by index, each [N, ...]."""
    interpreter = Interpreter(model_content=model, num_threads=1,
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                              experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    found = {index: [] for index in tensors}
    for values in inputs:
        interpreter.set_tensor(source, values[np.newaxis])
        interpreter.invoke()
        for index, rows in found.items():
            rows.append(interpreter.get_tensor(index)[0])
    return {index: np.stack(rows) for index, rows in found.items()}
