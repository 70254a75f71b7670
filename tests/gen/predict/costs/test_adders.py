# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from systolith.gen.emit.platform import EmittingPlatform
from systolith.gen.predict.costs.adders import parts_of
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.partial_products import Multiplier


@pytest.mark.parametrize("final", list(FinalAdder))
@pytest.mark.parametrize("multiplier", list(Multiplier))
@pytest.mark.parametrize(("taps", "bits"), [(1, 32), (2, 20)])
def test_counts_are_those_of_the_emitted_netlist(taps, bits, multiplier, final):
    arithmetic = Arithmetic(multiplier=multiplier, final=final, inverting=True)
    dot = DotProduct(taps=taps, accumulator_bits=bits)
    verilog, _ = EmittingPlatform("t", arithmetic).convert(dot, "dot")

    def emitted(name):
        return len(re.findall(rf"^ +t_inverting_{name} +\S+ +\(", verilog, re.M))

    parts = parts_of(taps, bits, arithmetic)
    assert parts.full_adders == emitted("full_adder") > 0
    assert parts.half_adders == emitted("half_adder")
    assert parts.selectors == emitted("selector")
