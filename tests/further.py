# SPDX-License-Identifier: Apache-2.0
"""Cases of tests that ``make test`` leaves to ``make evidence``."""

from collections.abc import Iterable

import pytest

__all__ = ["further"]


def further(cases: Iterable) -> list:
    """Each of ``cases``, a value or a tuple of several parameters' values, marked slow."""
    return [pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
            for case in cases]
