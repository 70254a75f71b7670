# SPDX-License-Identifier: Apache-2.0
"""LiteRT's reference kernels, the outside oracle."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

__all__ = ["reference_tensors"]


def reference_tensors(model: Path | bytes, inputs: np.ndarray,
                      indices: list[int]) -> dict[int, np.ndarray]:
    """Tensors ``indices`` of BUILTIN_REF for int8 ``inputs`` [N, ...], each [N, ...]."""
    source = ({"model_content": model} if isinstance(model, bytes)
              else {"model_path": str(model)})
    interpreter = Interpreter(**source, num_threads=1,
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                              experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]["index"]
    found = {index: [] for index in indices}
    for x in inputs:
        interpreter.set_tensor(entry, x[None])
        interpreter.invoke()
        for index in indices:
            found[index].append(interpreter.get_tensor(index)[0].copy())
    return {index: np.array(values) for index, values in found.items()}
