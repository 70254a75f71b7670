# SPDX-License-Identifier: Apache-2.0
"""What the contract checker does to a macro: weights, conversions and resets at random."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ...rtl.cim.contract import ADC_SHIFT_BITS, WRITE_WEIGHTS, MacroParameters
from .reference import Conversion, ExactReference

__all__ = ["Script", "add_conversion", "add_writes", "draw_script"]

MOST_WRITES = 3000
"""Of one round: of larger arrays a part is written."""


@dataclass(eq=False)
class Script:
    """``steps``, for the bench, which takes them from a file; of each conversion that is not cut
    short by a reset its ``conversions`` and ``codes`` of all columns [columns]."""

    steps: list[dict] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    codes: list[np.ndarray] = field(default_factory=list)


def draw_script(p: MacroParameters, reference: ExactReference, seed: int, *, rounds: int = 3,
                conversions: int = 40) -> Script:
    """A script for the macro ``p``, ``rounds`` of writes and ``conversions`` with resets between
    them; codes by ``reference``, which is fresh."""
    rng = np.random.default_rng(seed)
    script = Script()
    groups = p.columns // WRITE_WEIGHTS
    ever = np.zeros(p.rows, bool)
    for index in range(rounds):
        if index:
            _cut_short(script, p, rng)
            reference.reset()
        # A part of a large array, whole rows of it; at first some groups stay as they came up.
        weights = _weights(p, rng)
        written = rng.permutation(p.rows)[:max(MOST_WRITES // groups, 1)]
        places = rng.permutation((written[:, None] * groups + np.arange(groups)).ravel())
        add_writes(script, reference, rng, places if index else places[len(places) // 8:],
                   weights())
        usable = ~ever  # weights from before a reset may be there or not
        ever[written] = usable[written] = True
        for half in (0, 1):
            if half:
                add_writes(script, reference, rng, places[len(places) // 8:len(places) // 4],
                           weights())
            for _ in range(conversions // 2):
                add_conversion(script, reference, rng, _draw(p, rng, usable))
    return script


def _weights(p: MacroParameters, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Draws weights [rows, groups, 8]; if they are sign-grouped, of the same signs every time."""
    shape = (p.rows, p.columns)
    if not p.fragment:
        return lambda: rng.integers(-128, 128, shape).reshape(p.rows, -1, WRITE_WEIGHTS)
    signs = rng.choice([-1, 1], (p.rows // p.fragment, p.columns)).repeat(p.fragment, axis=0)
    return lambda: (signs * rng.integers(0, 128, shape)).reshape(p.rows, -1, WRITE_WEIGHTS)


def add_writes(script: Script, reference: ExactReference, rng: np.random.Generator,
               places: np.ndarray, weights: np.ndarray) -> None:
    """Write of ``weights`` [rows, groups, 8] those at ``places``, ``row * groups + group``."""
    for place in places.tolist():
        row, group = divmod(place, weights.shape[1])
        reference.write(row, group, weights[row, group])
        pause = int(rng.integers(1, 6)) if rng.random() < 0.1 else 0
        script.steps.append({"do": "write", "row": row, "group": group,
                             "weights": weights[row, group].tolist(), "pause": pause})


def _draw(p: MacroParameters, rng: np.random.Generator, usable: np.ndarray) -> Conversion:
    rows = usable & (rng.random(p.rows) < rng.choice([0.1, 0.8, 1]))
    # Large shifts keep the sums of large arrays off the ends of an ADC's range.
    adc_shift = rng.integers(1 << ADC_SHIFT_BITS) if rng.random() < 0.2 else rng.integers(8, 18)
    return Conversion(
        operands=(rng.integers(-128, 128, p.rows) >> rng.integers(0, 8)).astype(np.uint8),
        rows=rows, adcs=rng.random(p.adcs) < rng.choice([0.3, 0.8, 1]),
        phase=int(rng.integers(p.mux)), is_signed=bool(rng.integers(2)),
        activation_bits=int(rng.choice([8, 4, *range(1, 9)])),
        weight_bits=int(rng.choice([8, *range(1, 9)])), adc_shift=int(adc_shift))


def _step(conversion: Conversion, cycles: int, rng: np.random.Generator) -> dict:
    """``cycles``: until the next one is possible."""
    def packed(bits: np.ndarray) -> str:
        return np.packbits(bits, bitorder="little").tobytes().hex()

    return {"do": "convert", "operands": conversion.operands.tobytes().hex(),
            "rows": packed(conversion.rows), "adcs": packed(conversion.adcs),
            "phase": conversion.phase, "is_signed": int(conversion.is_signed),
            "activation_bits": conversion.activation_bits, "weight_bits": conversion.weight_bits,
            "adc_shift": conversion.adc_shift, "cycles": cycles,
            "gap": int(rng.integers(1, 12)) if rng.random() < 0.3 else 0,
            "drain": bool(rng.random() < 0.5)}


def add_conversion(script: Script, reference: ExactReference, rng: np.random.Generator,
                   conversion: Conversion) -> None:
    """Convert, behind what the script has; pauses around it are at random."""
    script.conversions.append(conversion)
    script.codes.append(reference.convert(conversion))
    script.steps.append(_step(conversion, reference.cycles(conversion), rng))


def _cut_short(script: Script, p: MacroParameters, rng: np.random.Generator) -> None:
    """A reset while a conversion is under way."""
    step = _step(_draw(p, rng, np.ones(p.rows, bool)), 0, rng)
    script.steps.append(step | {"do": "cut", "after": int(rng.integers(0, 3))})
