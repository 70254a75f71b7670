# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.rtl.cim.contract import MacroParameters
from systolith.verif.cim.cycles import measured_cycles
from systolith.verif.cim.reference import Conversion, ExactReference
from systolith.verif.simulator import SimulationFault

pytestmark = pytest.mark.xdist_group("macro")

P = MacroParameters(macro="digital", rows=16, columns=16, mux=1, early_stop=True)


def conversions(top):
    rng = np.random.default_rng(top)
    return [Conversion(operands=rng.integers(top // 2 + 1, top + 1, 16).astype(np.uint8),
                       rows=np.arange(16) < 12, adcs=np.ones(16, bool), phase=0, is_signed=False,
                       activation_bits=8, weight_bits=bits, adc_shift=0) for bits in (1, 5, 8)]


def test_cycles_are_those_of_the_longest_operand():
    assert measured_cycles(P, conversions(31)) == [5 + 2, 25 + 2, 40 + 2]
    assert measured_cycles(P, conversions(200)) == [8 + 2, 40 + 2, 64 + 2]


def test_other_codes_than_golden_s_are_refused(monkeypatch):
    golden = ExactReference.convert
    monkeypatch.setattr(ExactReference, "convert", lambda self, each: golden(self, each) + 1)
    with pytest.raises(SimulationFault, match=r"^conversion \d: code of ADC \d+ must be -?\d+,"):
        measured_cycles(P, conversions(200))
