# SPDX-License-Identifier: Apache-2.0
"""The contract checker: macros that keep all rules, and one for every rule that is broken."""

import re
from importlib.resources import files

import pytest
from systolith.gen.emit.cim import pcm_macro
from systolith.rtl.cim.contract import MacroParameters
from systolith.verif.cim.check import check_macro

pytestmark = pytest.mark.xdist_group("macro")

EXAMPLE = files("systolith.verif.cim").joinpath("example_macro.v").read_text()
SIZE = {"rows": 24, "columns": 32, "mux": 2}
PCM_TIMING = (3, 4, 6, 10, 18, 34, 66, 130)
FIXED = {"macro": "example_macro", "timing": (4,) * 8}

CODE = r"conversion \d+'s code of ADC \d+ is -?\d+"
FAULTS = [
    # (name, which expression <in> the example becomes what, the sentence)
    ("late done", "<CYCLES - 1>", "CYCLES",
     r"time: done is high 4 cycles after fire, not 3, with activation_bits \d and weight_bits \d"),
    ("early done", "<CYCLES - 1>", "CYCLES - 2",
     "time: done is high 2 cycles after fire, not 3, .*"),
    ("no done", "<left - 1>", "left",
     "time: done is not high 80 cycles after fire, where it must be 3, .*"),
    ("done of two cycles", "<left == 1>", "left == 1 || was_done",
     "time: done is high while no conversion is under way"),
    ("done without fire", "<left == 1>", "left == 1 || write_valid",
     "time: done is high while no conversion is under way"),
    ("ready with done", "<left == 0>", "left < 2",
     "ready: ready is high 3 cycles after fire, before or with done"),
    ("ready too late", "<left == 0>", "left == 0 && !was_done",
     "ready: ready is low while no conversion is under way"),
    ("never ready", "<left == 0>", "0", "ready: ready is not high 65536 cycles after a reset"),
    ("no write is taken", "write_ready = <ready>", "0",
     "write: a weight is not taken within 65536 cycles, in which no conversion is under way"),
    ("another mux map", "<ADJACENT != 0>", "ADJACENT == 0",
     rf"order: {CODE}, that of column \d+, where it must be that of column \d+, -?\d+"),
    ("another order of ADCs", "latched[<adc> * CODE_BITS +: CODE_BITS]", "ADCS - 1 - adc",
     rf"order: {CODE}, that of column \d+, where it must be that of column \d+, -?\d+"),
    ("codes that change too early", "if (<done>)", "left == 2",
     rf"order: {CODE}, that of conversion \d+, before that one is done"),
    ("codes that change too late",
     "<latched[int'(read_group) * LANES * CODE_BITS +: LANES * CODE_BITS]>",
     "was_latched[int'(read_group) * LANES * CODE_BITS +: LANES * CODE_BITS]",
     rf"order: {CODE}, that of conversion \d+, though this one is done"),
    ("codes of ADCs that are not enabled", "<!adc_enable[adc]>", "0",
     rf"gated: {CODE}, though the ADC was not enabled"),
    ("weights that were never written", "<written[row * GROUPS + column / 8]>", "1",
     rf"known: {CODE} or -?\d+, depending on how registers came up"),
    ("operands of other rows", "<row_enable[row]>", "1",
     rf"known: {CODE} or -?\d+, depending on operands of rows that are not enabled or inputs .*"),
    ("all bits of a weight", "<weight_bits>, 1'b1", "8",
     rf"sum: {CODE}, not -?\d+"),
]


def shape(**changes):
    return MacroParameters(**SIZE | changes)


@pytest.fixture(scope="module")
def broken():
    """A module that breaks what +fault=N names, of all of ``FAULTS``."""
    text = EXAMPLE.replace("example_macro", "broken_macro")
    text = text.replace("  localparam CYCLES = 4;\n", """  localparam CYCLES = 4;
  int fault;
  initial if (!$value$plusargs("fault=%d", fault)) fault = -1;
  reg was_done;
  reg [ADCS * CODE_BITS - 1:0] was_latched;
  always @(posedge clk) {was_done, was_latched} <= {done, latched};
""")
    for place in dict.fromkeys(place for _, place, _, _ in FAULTS):
        head, old, tail = re.fullmatch("(.*?)<(.*)>(.*)", place).groups()
        chosen = old
        for index, (_, other, new, _) in enumerate(FAULTS):
            if other == place:
                chosen = f"(fault == {index} ? {new} : {chosen})"
        assert text.count(head + old + tail) == 1, place
        text = text.replace(head + old + tail, head + chosen + tail)
    return text


@pytest.mark.parametrize("changes", [
    FIXED, FIXED | {"timing": (9,) * 8, "early_stop": True},
    {"macro": "pcm", "timing": PCM_TIMING},
    {"macro": "pcm", "timing": (5,) * 8, "adc_bits": 10, "mux": 4, "adjacent": True},
    {"macro": "digital", "early_stop": True},
    {"macro": "digital", "early_stop": True, "fragment": 8, "mux": 4, "adjacent": True},
    {"macro": "digital", "columns": 64, "lanes": 16, "code_bits": 20},
], ids=str)
def test_macros_that_keep_all_rules(changes):
    sources = {"example_macro": [EXAMPLE], "pcm": [pcm_macro()]}.get(changes["macro"], [])
    assert check_macro(shape(**changes), sources) is None


@pytest.mark.parametrize("index", range(len(FAULTS)), ids=[fault[0] for fault in FAULTS])
def test_broken_rules_are_named(index, broken):
    sentence = check_macro(shape(macro="broken_macro", timing=(4,) * 8), [broken],
                           plusargs=[f"+fault={index}"], conversions=20)
    assert sentence is not None
    assert re.fullmatch(FAULTS[index][3], sentence), sentence


def test_the_module_without_a_fault_keeps_all_rules(broken):
    assert check_macro(shape(macro="broken_macro", timing=(4,) * 8), [broken]) is None
