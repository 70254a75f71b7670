# SPDX-License-Identifier: Apache-2.0
"""Cases of tests that ``make test`` leaves to ``make evidence``."""

from collections.abc import Iterable

import pytest

__all__ = ["further"]

ParameterSet = type(pytest.param())


def further(cases: Iterable) -> list:
    """Each of ``cases`` marked slow: a value, a tuple of several parameters' values, or a
    ``pytest.param``."""
    params = [case if isinstance(case, ParameterSet) else
              pytest.param(*(case if isinstance(case, tuple) else (case,))) for case in cases]
    return [pytest.param(*each.values, marks=[*each.marks, pytest.mark.slow], id=each.id)
            for each in params]
