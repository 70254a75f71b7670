# SPDX-License-Identifier: Apache-2.0
"""Networks on phase-change memory: what a day of drift costs, and the rate of AnalogNets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import systolith.gen.demo as demo
from systolith.gen.cim.centre import centre as centre_inputs
from systolith.gen.cim.centre import centred
from systolith.gen.cim.study import TIMES, Study, digital_accuracy, study
from systolith.gen.cli.cim import energy_tables, mapped
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.golden.cim.analognets import keyword_spotting

from .table import Result, Section

__all__ = ["SECTIONS"]

ARRAYS = 20
MOST_LOST = 0.8
DEMO = Path(demo.__file__).parent


def _after_a_day(model: Path, inputs: Path, *overrides: str, centre: bool = False) -> Study:
    spec = load("cim-pcm", overrides)
    network = load_model(model)
    values, labels = load_inputs(inputs, network)
    assert labels is not None
    digital = digital_accuracy(network, values, labels)
    if centre:
        network, values = centred(network), centre_inputs(values, network)
    shape, mappings, network = mapped(spec, network)
    return study(network, values, labels, shape, mappings, seeds=range(ARRAYS), digital=digital,
                 times={"1 d": TIMES["1 d"]}, adc_bits=spec.cim.adc_bits)


def _reached(found: Study) -> tuple[float, str]:
    (day,) = found.points
    loss = 100 * (found.digital - day.mean)
    return loss, (f"{loss:.2f} points ± {100 * day.half_width:.2f}, from "
                  f"{100 * found.digital:.2f} %")


def pcm_accuracy(networks: Path) -> Iterator[Result]:
    """8 bits, one gain of all ADCs, 20 arrays of the named spec, global drift compensation."""
    held_back = DEMO / "digits_held_back.npz"
    loss, text = _reached(_after_a_day(DEMO / "digits_noise_aware.tflite", held_back))
    yield ("digits, trained with noise: loss after a day of drift, mean of 20 arrays",
           f"<= {MOST_LOST} points", text, loss <= MOST_LOST)
    ordinary, text = _reached(_after_a_day(DEMO / "digits_dense.tflite", held_back))
    yield "digits, trained as usual: the same", "more than with noise", text, ordinary > loss
    kws = networks / "kws_ref_model.tflite", networks / "kws_public100.npz"
    for where in ("array", "vector"):
        for centre in (False, True):
            _, text = _reached(_after_a_day(*kws, f"cim.depthwise={where}", centre=centre))
            what = "inputs less their zero point" if centre else "inputs as they are"
            yield (f"KWS, trained as usual, depthwise layers on: {where}, {what}: the same",
                   "to be reported", text, True)


def pcm_rates(_: Path | None) -> Iterator[Result]:
    """Of conversions alone, at AnalogNets' times."""
    for bits, peak in ((8, 2.016), (6, 7.71), (4, 26.2)):
        spec = load("cim-pcm", [f"cim.activation_bits={bits}"])
        reached = spec.cim.peak_tops(bits, spec.target.clock_mhz)
        yield (f"1024 x 512 cells, 128 ADCs: peak at {bits} bits", f"{peak} TOPS",
               f"{reached:.3f} TOPS", bool(np.isclose(reached, peak, rtol=1e-3)))
    spec = load("cim-pcm")
    _, mappings, network = mapped(spec, keyword_spotting())
    total = energy_tables(spec, network, mappings)["total"]
    rate = total["inferences_per_second"]
    yield ("KWS of AnalogNets' shape: conversions, inferences/s at 130 ns", "991, 7,762",
           f"{total['conversions']}, {rate:,.0f}",
           total["conversions"] == 991 and round(rate) == 7762)


SECTIONS: tuple[Section, ...] = ((pcm_accuracy, True), (pcm_rates, False))
