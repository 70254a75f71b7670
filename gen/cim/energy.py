# SPDX-License-Identifier: Apache-2.0
"""Energy of an inference on a PCM array: events counted, times unit energies from publications."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...golden.cim.layers import ArrayLayer
from ...golden.cim.mapping import LayerMapping
from ...golden.dbb import BLOCK

__all__ = ["ADC_PJ", "MOST_ADC_BITS", "Events", "UnitEnergy", "conversion_ns", "count_events",
           "energy_pj", "unit_energies"]

ADC_PJ = (0.79, 0.99, 1.20, 1.42, 1.67, 1.97, 2.38)
"""Of a successive-approximation ADC of 4 ... 10 bits, in pJ."""
MOST_ADC_BITS = 10
_DRIVER_PJ = 0.0375
_SRAM_PJ, _MULTIPLY_PJ, _ADD_PJ = 10.0, 3.1, 0.1
_ROWS, _ADCS = 1024, 128
_BASE_NJ, _NJ_PER_NS = 0.90, 0.1418


@dataclass(frozen=True, kw_only=True)
class Events:
    """Of one layer in an inference.

    ``conversions``; ``drivers``: rows that are driven in them; ``adcs``: codes; ``cells``: pairs of
    devices that are read; ``words``: 64-bit words of activations that are read and written;
    ``multiplications`` and ``additions``: of the digital scale, row tiles, bias and requantisation;
    ``macs``: multiply-accumulates as the network states them.
    """

    conversions: int
    drivers: int
    adcs: int
    cells: int
    words: int
    multiplications: int
    additions: int
    macs: int


@dataclass(frozen=True, kw_only=True)
class UnitEnergy:
    """``pj`` of one of the ``event`` of ``Events``; ``node``: of what technology; ``source``."""

    event: str
    what: str
    pj: float
    node: str
    source: str


def count_events(layer: ArrayLayer, mapping: LayerMapping, macs: int) -> Events:
    """Of a layer that does ``macs`` multiply-accumulates."""
    outputs = layer.pixels * mapping.channels
    tiles = len(mapping.tiles)
    _, kh, kw, channels = layer.weights.shape
    return Events(
        conversions=layer.pixels * mapping.conversions,
        drivers=layer.pixels * layer.rows * mapping.phases,
        adcs=outputs * tiles, cells=outputs * layer.rows,
        words=layer.pixels * (kh * kw * -(-channels // BLOCK) + -(-mapping.channels // BLOCK)),
        multiplications=outputs * (tiles + 1), additions=outputs * tiles, macs=macs)


def conversion_ns(bits: int) -> float:
    """Of AON-CiM at so many bits of activations: a sign and pulses of up to so many nanoseconds."""
    return (1 << bits - 1) + 2.0


def unit_energies(activation_bits: int, adc_bits: int | None = None) -> list[UnitEnergy]:
    """What events take; a row each, in the order of ``Events``.

    The array's share is what AON-CiM's peak efficiencies leave: they make 77.4, 23.0 and 9.3 nJ of
    the four phases of the full array at 8, 6 and 4 bits, within 1 % a quarter of which is
    ``0.90 nJ + 0.1418 W * T`` each phase; less what its drivers and ADCs take here, over the
    cells that it reads.
    """
    adc = ADC_PJ[max(adc_bits or activation_bits, 4) - 4]
    phase = 1000 * (_BASE_NJ + _NJ_PER_NS * conversion_ns(activation_bits))
    cell = (phase - _ROWS * _DRIVER_PJ - _ADCS * adc) / (_ROWS * _ADCS)
    return [
        UnitEnergy(event="drivers", what="row driver, a conversion", pj=_DRIVER_PJ, node="65 nm",
                   source="TIMELY (ISCA 2020), table II: 8-bit digital-to-time converter"),
        UnitEnergy(event="adcs", what=f"ADC, {adc_bits or activation_bits} bits", pj=adc,
                   node="32 nm", source="ISAAC's ADC scaled to 4-10 bits, as used for FORMS "
                                        "(ISCA 2021)"),
        UnitEnergy(event="cells", what="pair of devices, a conversion", pj=cell, node="14 nm",
                   source="AnalogNets and AON-CiM (arXiv 2111.06503), derived: peak TOPS/W less "
                          "drivers and ADCs"),
        UnitEnergy(event="words", what="64-bit word of an 8 KiB SRAM", pj=_SRAM_PJ, node="45 nm",
                   source="Horowitz, ISSCC 2014"),
        UnitEnergy(event="multiplications", what="32-bit multiplication", pj=_MULTIPLY_PJ,
                   node="45 nm", source="Horowitz, ISSCC 2014"),
        UnitEnergy(event="additions", what="32-bit addition", pj=_ADD_PJ, node="45 nm",
                   source="Horowitz, ISSCC 2014"),
    ]


def energy_pj(events: Events, units: list[UnitEnergy]) -> Mapping[str, float]:
    """Energy by event, in pJ."""
    return {unit.event: getattr(events, unit.event) * unit.pj for unit in units}
