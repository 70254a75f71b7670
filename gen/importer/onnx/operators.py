# SPDX-License-Identifier: Apache-2.0
"""One operator, one function: from a node and what it reads to a result that is still real."""

from collections.abc import Callable

from .context import Context
from .elementwise import add, clip, relu
from .graph import Node
from .joins import concat, pad
from .pools import average_pool, global_average_pool, global_max_pool, max_pool
from .shapes import reshape, transpose
from .values import Value
from .weighted import conv, gemm, matmul

__all__ = ["OPERATORS"]

OPERATORS: dict[str, Callable[[Context, Node, list[Value]], Value]] = {
    "Add": add, "AveragePool": average_pool, "Clip": clip, "Concat": concat, "Conv": conv,
    "Flatten": reshape, "Gemm": gemm, "GlobalAveragePool": global_average_pool,
    "GlobalMaxPool": global_max_pool, "MatMul": matmul, "MaxPool": max_pool, "Pad": pad,
    "Relu": relu, "Reshape": reshape, "Squeeze": reshape, "Transpose": transpose,
    "Unsqueeze": reshape}
