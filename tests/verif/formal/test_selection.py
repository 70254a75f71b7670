# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""TPEs choose activations by index and sum up, for any blocks, pairs and tokens."""

import pytest
from systolith.rtl.facts import Encoding, EngineFacts
from systolith.rtl.pe.tpe import Tpe
from systolith.verif.formal.runner import Mode
from systolith.verif.formal.selection import (
    HeldWeightsAreRanked,
    OperandsAreChosen,
    SumsAreKept,
)

from .judge import catalogued, judge, planted

pytestmark = pytest.mark.xdist_group("formal")

TPE = "rtl/pe/tpe.py"
NNZ = {Encoding.DENSE: 8, Encoding.MASK: 4, Encoding.INDEX: 1, Encoding.HELD: 4}
SIGNED = planted(TPE, "dot.signed_activations.eq(self.signed_activations)",
                 "dot.signed_activations.eq(1)")
SELECT = catalogued("wrong activation multiplexer select")
PASSING = planted(TPE, "opens = self.token.valid & self.token.start", "opens = self.token.valid")
EARLY = planted(TPE, "yield operand, weights[c].as_signed()",
                "yield operand, self.south[c][:8].as_signed()")
BLIND = planted(TPE, "Mux(hit, value, 0)", "value")
MISCOUNTED = planted(TPE, "count(self.south[c][:position])",
                     "count(self.south[c][:position + 1])")
UNGATED = catalogued("sums accumulate without a valid token")
DRAINED = catalogued("drain overrides a finishing sum")
RESTING = planted(TPE, "(token.first | delay", "(token.first & 0 | delay")
STALE = planted(TPE, "moves = moves | self.east_token.valid", "moves = self.token.valid")
HELD_BACK = planted(TPE, "self.east_token.valid | (0 if f.overlapped else token.valid)",
                    "self.east_token.valid")
MIXED = planted(TPE, "~(token.first | self.drain)", "~token.first")
UNMOVED = planted(TPE, "adds = adds | self.drain", "adds = adds | 0")


def tops(prove, encoding, faults, **options):
    """The top, and its twins by name from (module, failing assertion)."""
    facts = EngineFacts(a=1, c=1, m=1, n=1, depth=8, nnz=NNZ[encoding], accumulator_bits=32,
                        encoding=encoding, **options)

    def top(make=Tpe):
        return prove(make(facts))

    return top, {name: (lambda module=module: top(module.Tpe), message)
                 for name, (module, message) in faults.items()}


@pytest.mark.parametrize("encoding, faults", [
    (Encoding.MASK, {"every select is the first": (SELECT, "activation "),
                     "bytes sign-extended": (SIGNED, "activations keep")}),
    (Encoding.INDEX, {"block not held": (PASSING, "the held block"),
                      "value a cycle early": (EARLY, "value 0"),
                      "bytes sign-extended": (SIGNED, "activations keep")}),
], ids=["mask", "index"])
def test_operands_are_chosen(encoding, faults, tmp_path):
    judge(tmp_path, *tops(OperandsAreChosen, encoding, faults), mode=Mode.ALWAYS, depth=3,
          reach=6)


def test_held_weights_are_ranked(tmp_path):
    faults = {"misses count": (BLIND, "weight of the position"),
              "rank counts itself": (MISCOUNTED, "weight of the position"),
              "block not held": (PASSING, "the held block"),
              "bytes sign-extended": (SIGNED, "activations keep")}
    judge(tmp_path, *tops(HeldWeightsAreRanked, Encoding.HELD, faults),
          mode=Mode.ALWAYS, depth=3, reach=6)


@pytest.mark.parametrize("encoding", [Encoding.MASK, Encoding.INDEX])
@pytest.mark.parametrize("zero_gating", [False, True], ids=["plain", "gated"])
def test_sums_are_kept(encoding, zero_gating, tmp_path):
    faults = {"tokens ignored": (UNGATED, "the sum goes on"),
              "drained too soon": (DRAINED, "the sum is handed over")}
    if zero_gating:
        faults["sums not opened by zeros"] = (RESTING, "the sum goes on")
    judge(tmp_path, *tops(SumsAreKept, encoding, faults, zero_gating=zero_gating), depth=12,
          unknown=True)


@pytest.mark.parametrize(("encoding", "zero_gating"), [
    (Encoding.MASK, False), *((encoding, True) for encoding in Encoding)])
def test_sums_are_kept_in_place(encoding, zero_gating, tmp_path):
    """Sums move through the adders, whatever registers held before the reset."""
    faults = {"operands of the last step": (STALE, "the sum "),
              "sums from above add": (MIXED, "the sum "), "sums stay": (UNMOVED, "the sum ")}
    if encoding in (Encoding.INDEX, Encoding.HELD):
        faults["chosen operands of the last step"] = (HELD_BACK, "the sum ")
    if zero_gating:
        faults["sums not opened by zeros"] = (RESTING, "the sum ")
    judge(tmp_path, *tops(SumsAreKept, encoding, faults, zero_gating=zero_gating,
                          overlapped=False), depth=12, unknown=True)
