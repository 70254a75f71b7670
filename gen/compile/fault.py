# SPDX-License-Identifier: Apache-2.0
"""What the compiler says when a network cannot run on a spec."""

__all__ = ["CompileFault"]


class CompileFault(ValueError):
    """One sentence: which layer, what does not fit or is not supported, what would help."""
