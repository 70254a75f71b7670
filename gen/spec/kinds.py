# SPDX-License-Identifier: Apache-2.0
"""What the spec needs to know of each kind of engine."""

__all__ = ["KINDS", "default_nnz", "multipliers_per_output", "stored_bits"]

KINDS = ("sa", "sta", "sta-dbb", "vdbb")

_DEFAULT_NNZ = {"sta-dbb": 4}


def default_nnz(kind: str) -> int:
    """The density bound of blocks where a spec states none: dense but for sta-dbb."""
    return _DEFAULT_NNZ.get(kind, 8)


def multipliers_per_output(kind: str, b: int, nnz: int) -> int:
    """Multipliers of a dot product, for TPEs of depth ``b`` and blocks of ``nnz``."""
    return {"sa": 1, "sta": b, "sta-dbb": nnz, "vdbb": 1}[kind]


def stored_bits(kind: str, b: int, nnz: int) -> int:
    """Bits of one column's weights of a step."""
    return {"sta-dbb": 8 + 8 * nnz, "vdbb": 11}.get(kind, 8 * b)
