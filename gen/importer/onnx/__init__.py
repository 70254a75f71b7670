# SPDX-License-Identifier: Apache-2.0
"""ONNX models with quantised operators in QDQ form, as ``onnxruntime.quantization`` writes them."""

from .importer import load

__all__ = ["load"]
