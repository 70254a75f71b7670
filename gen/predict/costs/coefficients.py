# SPDX-License-Identifier: Apache-2.0
"""Coefficients: what each part, and each toggle, costs in a technology, as they were fitted."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.arith.fabric import FabricArithmetic
from .tpe import Terms

__all__ = ["TECHNOLOGIES", "CostFault", "Costs", "Judged", "Pair", "error", "load_costs",
           "total"]

TECHNOLOGIES = ("asap7",)
"""Technologies whose coefficients are shipped."""

Coefficient = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Coefficients = dict[str, Coefficient]


class CostFault(ValueError):
    """Why costs cannot be predicted: one sentence."""


Pair = tuple[float, float]
"""Measured, predicted."""


def error(pair: Pair) -> float:
    """By how much prediction is off, relative to what was measured."""
    return pair[1] / pair[0] - 1


class Judged(BaseModel):
    """A spec that coefficients were not fitted to. ``logic``, ``tpe``: um2, of all logic and of
    a TPE; ``tiles``: fJ of a TPE for a tile, by workload; ``network``: nJ of all TPEs for the
    layers of a network, where one was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    logic: Pair
    tpe: Pair
    tiles: dict[str, Pair]
    network: Pair | None = None

    @property
    def area_error(self) -> float:
        """Of all logic."""
        return error(self.logic)

    @property
    def energy_error(self) -> float:
        """The worst of all tiles and the network."""
        pairs = [*self.tiles.values(), *([] if self.network is None else [self.network])]
        return max(map(error, pairs), key=abs)


class Costs(BaseModel):
    """Coefficients of a ``technology``: ``area`` (um2), ``clock`` and ``data`` (fJ) of terms of a
    TPE, ``leakage`` in nW for each um2, ``blocks`` (um2) of terms by kind of component.

    ``inverting``: its adders are; ``operating_point``, ``source``: what was measured, and how;
    ``training``, ``block_training``: of which TPEs and specs. ``residuals``: largest relative
    error on those TPEs. ``judged``: how far off specs are that were not fitted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    technology: str
    operating_point: str
    source: str
    inverting: bool
    multipliers: list[str]
    area: Coefficients
    clock: Coefficients
    data: Coefficients
    leakage: Coefficient
    blocks: dict[str, Coefficients]
    training: list[str]
    block_training: list[str]
    residuals: dict[str, float]
    judged: dict[str, Judged] = {}

    def check(self, arithmetic: Arithmetic | FabricArithmetic, pipelined: bool) -> None:
        """Raise CostFault where nothing is known of the multiplier, or it is ``pipelined``."""
        if pipelined:
            raise CostFault(f"arithmetic.pipelined must be false for costs in {self.technology}, "
                            "not true")
        if str(arithmetic.multiplier) not in self.multipliers:
            raise CostFault(f"arithmetic.multiplier must be {' or '.join(self.multipliers)} for "
                            f"costs in {self.technology}, not {arithmetic.multiplier}")


def total(coefficients: Mapping[str, float], terms: Terms) -> float:
    """What all terms cost together. CostFault for a term without a coefficient."""
    missing = [name for name, count in terms.items() if count and name not in coefficients]
    if missing:
        raise CostFault(f"costs must have a coefficient for {missing[0]!r}")
    return sum(coefficients[name] * count for name, count in terms.items() if count)


@cache
def load_costs(name: str) -> Costs:
    """Coefficients of a shipped technology; CostFault where there are none."""
    if name not in TECHNOLOGIES:
        raise CostFault(f"technology must be {' or '.join(TECHNOLOGIES)}, not {name!r}")
    text = resources.files(__package__).joinpath(f"{name}.json").read_text()
    try:
        return Costs.model_validate(json.loads(text))
    except (ValueError, ValidationError) as fault:
        raise CostFault(f"{name}: coefficients must be whole: {fault}") from None
