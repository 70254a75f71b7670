# SPDX-License-Identifier: Apache-2.0
"""What an unsupported operator would need."""

__all__ = ["remedy"]

_REMEDIES = {
    ("DEQUANTIZE",):
        "convert the model with int8 input and output types",
    ("MIRROR_PAD",):
        "pad with a constant (PAD), or let the following convolution pad (padding SAME)",
    ("REDUCE_MAX", "SUM"):
        "use MAX_POOL_2D over the whole extent, or MEAN",
    ("L2_POOL_2D",):
        "use AVERAGE_POOL_2D or MAX_POOL_2D",
    ("RELU_N1_TO_1", "RELU_0_TO_1", "LEAKY_RELU", "PRELU"):
        "use RELU or RELU6",
    ("SQUEEZE", "EXPAND_DIMS"):
        "export it as RESHAPE",
    ("LpPool", "GlobalLpPool"):
        "use MaxPool, GlobalMaxPool or GlobalAveragePool",
    ("ReduceMean",):
        "export a global mean as GlobalAveragePool",
    ("BatchNormalization",):
        "fold it into the convolution before it, then quantise",
    ("QLinearConv", "QLinearMatMul", "QGemm", "QLinearAdd", "ConvInteger", "MatMulInteger",
     "DynamicQuantizeLinear"):
        "quantise with quantize_static and QuantFormat.QDQ",
    ("LeakyRelu", "PRelu", "HardSwish", "HardSigmoid", "Sigmoid", "Tanh", "Gelu", "Elu"):
        "it needs a table in golden.ops and in the post-processor; use Relu",
    ("Softmax", "LogSoftmax"):
        "it may only stand at the end, for the host",
    ("MUL", "SUB", "MAXIMUM", "MINIMUM"):
        "it needs a function in golden.ops and a mode of the vector unit",
    ("HARD_SWISH", "LOGISTIC", "TANH", "GELU", "ELU"):
        "it needs a table in golden.ops and in the post-processor; use RELU",
}


def remedy(kind: str) -> str:
    """What would help with the operator that TFLite or ONNX calls ``kind``, without a full stop."""
    for kinds, text in _REMEDIES.items():
        if kind in kinds:
            return text
    return "it needs a function in golden.ops and a unit of the core or of the host"
