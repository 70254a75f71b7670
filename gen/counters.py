# SPDX-License-Identifier: Apache-2.0
"""The hardware's event counters, as the predictor states them."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from .predict import Activity, Stalls

__all__ = ["measured_activity", "measured_bank_words", "measured_stalls"]


def measured_activity(counters: Mapping[str, int]) -> Activity:
    """Activity of the latest run from its counter registers by name, two of which make 64 bits."""
    return Activity(**{item.name: _value(counters, item.name.upper())
                       for item in fields(Activity)})


def measured_stalls(counters: Mapping[str, int]) -> Stalls:
    """Stalls of the latest run from its counter registers by name."""
    return Stalls(**{item.name: _value(counters, item.name.upper()) for item in fields(Stalls)})


def measured_bank_words(counters: Mapping[str, int], banks: int) -> tuple[np.ndarray, np.ndarray]:
    """Words read and written, shapes (bank groups, banks), from bench ``banks``'s counters."""
    reads, writes = (
        np.array([[counters[f"{name}_{group}_{bank}"] for bank in range(banks)]
                  for group in range(2)]) for name in ("ACTIVATION_READS", "ACTIVATION_WRITES"))
    return reads, writes


def _value(counters: Mapping[str, int], name: str) -> int:
    if name in counters:
        return counters[name]
    return counters[f"{name}_LO"] | counters[f"{name}_HI"] << 32
