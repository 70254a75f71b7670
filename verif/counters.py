# SPDX-License-Identifier: Apache-2.0
"""The hardware's event counters, as the predictor states them."""

from collections.abc import Mapping
from dataclasses import fields

from ..gen.predict import Activity

__all__ = ["measured_activity"]


def measured_activity(counters: Mapping[str, int]) -> Activity:
    """Activity of the latest run from its counter registers by name, two of which make 64 bits."""
    values = {}
    for item in fields(Activity):
        name = item.name.upper()
        values[item.name] = (counters[name] if name in counters
                             else counters[f"{name}_LO"] | counters[f"{name}_HI"] << 32)
    return Activity(**values)
