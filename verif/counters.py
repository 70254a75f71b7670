# SPDX-License-Identifier: Apache-2.0
"""The hardware's event counters, as the predictor states them."""

from collections.abc import Mapping
from dataclasses import fields

from ..gen.predict import Activity, Stalls

__all__ = ["measured_activity", "measured_stalls"]


def measured_activity(counters: Mapping[str, int]) -> Activity:
    """Activity of the latest run from its counter registers by name, two of which make 64 bits."""
    return Activity(**{item.name: _value(counters, item.name.upper())
                       for item in fields(Activity)})


def measured_stalls(counters: Mapping[str, int]) -> Stalls:
    """Stalls of the latest run from its counter registers by name."""
    return Stalls(**{item.name: _value(counters, item.name.upper()) for item in fields(Stalls)})


def _value(counters: Mapping[str, int], name: str) -> int:
    if name in counters:
        return counters[name]
    return counters[f"{name}_LO"] | counters[f"{name}_HI"] << 32
