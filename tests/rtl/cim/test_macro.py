# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from systolith.gen.emit.platform import EmittingPlatform
from systolith.rtl.cim.contract import MacroParameters, MacroSignature
from systolith.rtl.cim.digital import DigitalMacro
from systolith.rtl.cim.macro import ModuleMacro, macro_of

TIMING = (3, 4, 6, 10, 18, 34, 66, 130)


def shape(**changes):
    return MacroParameters(**{"macro": "digital", "rows": 16, "columns": 32, "mux": 2} | changes)


@pytest.mark.parametrize(("changes", "kind"), [
    ({}, DigitalMacro), ({"macro": "pcm", "timing": TIMING}, ModuleMacro),
    ({"macro": "mine", "timing": TIMING}, ModuleMacro)], ids=str)
def test_macro_has_the_contract_s_ports(changes, kind):
    p = shape(**changes)
    macro = macro_of(p)
    assert type(macro) is kind
    assert dict(macro.signature.members) == dict(MacroSignature(p).flip().members)


def emitted(p):
    platform = EmittingPlatform("test")
    source, ports = platform.convert(macro_of(p), "top")
    return source, ports, platform


def test_instance_of_the_user_s_module():
    source, ports, platform = emitted(shape(macro="mine", timing=TIMING, adjacent=True))
    assert platform.black_boxes == {"mine"}
    instance = source[source.index("  mine #("):source.index("endmodule")]
    assert dict(re.findall(r"\.([A-Z_]+)\(32'd(\d+)\)", instance)) == {
        "ROWS": "16", "COLUMNS": "32", "MUX": "2", "ADJACENT": "1", "CODE_BITS": "24",
        "LANES": "8"}
    assert sorted(re.findall(r"\.([a-z_]+)\(", instance)) == sorted(ports)


def test_instance_of_the_pcm_macro_knows_its_times():
    source, _, platform = emitted(shape(macro="pcm", timing=TIMING, adc_bits=7))
    assert platform.black_boxes == {"systolith_pcm_macro"}
    for name, value in [("ADC_BITS", 7), *((f"T{bits}", cycles)
                                           for bits, cycles in enumerate(TIMING, 1))]:
        assert f".{name}(32'd{value})" in source


def test_one_module_for_all_columns():
    source, _, platform = emitted(shape(columns=64))
    assert not platform.black_boxes
    assert len(re.findall(r"^module ", source, re.M)) == 4  # macro, column, its cells, its sum
    assert len(re.findall(r"^  test_digital_column_16x2_code24 ", source, re.M)) == 32


def test_errors():
    with pytest.raises(ValueError, match="^Digital macro must have no timing but its own, not "):
        DigitalMacro(shape(timing=TIMING))
    with pytest.raises(ValueError, match="^Macro of a Verilog module must be 'pcm' or the "
                                         "module's name, not 'digital'$"):
        ModuleMacro(shape(timing=TIMING))
    with pytest.raises(ValueError, match=r"^Macro mine must have a timing of 8 numbers, not \(\)$"):
        ModuleMacro(shape(macro="mine"))
    with pytest.raises(ValueError, match=r"^ADC must have 2 \.\.\. 24 bits, those of a code, or 0, "
                                         "not 25$"):
        shape(adc_bits=25)
