# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Goals that hold, that do not, that are empty, and that get no answer."""

import pytest
from amaranth import Module, Signal
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from systolith.verif.formal import runner
from systolith.verif.formal.runner import FormalMissing, Goal, Mode, Verdict, check

pytestmark = pytest.mark.xdist_group("formal")


class Counter(wiring.Component):
    """Counts to 3 and stays there, or if ``wraps`` counts on to 7 and starts over."""

    def __init__(self, *, wraps=False, claims=("at most 3", "never 7"), covers=True, silent=False):
        self.wraps = wraps
        self.claims = claims
        self.covers = covers
        self.silent = silent
        super().__init__({"enable": In(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(3)
        with m.If(self.enable & (count != 3)):
            m.d.sync += count.eq(count + 1)
        if self.wraps:
            with m.If(self.enable):
                m.d.sync += count.eq(count + 1)
        checks = {"at most 3": count <= 3, "never 7": count != 7}
        m.d.comb += [Assert(checks[name], name) for name in self.claims]
        if self.covers:
            m.d.comb += [Cover(count == 2, "two"), Cover(count == 4, "four")]
        if self.silent:
            m.d.comb += [Assume(self.enable), Assume(~self.enable)]
        return m


def test_verdicts(tmp_path):
    verdicts = check({
        "always": Goal(top=Counter(claims=["at most 3"]), mode=Mode.ALWAYS, depth=2),
        "bounded": Goal(top=Counter(), mode=Mode.BOUNDED, depth=6),
        "refuted": Goal(top=Counter(wraps=True), mode=Mode.BOUNDED, depth=6),
        "early": Goal(top=Counter(wraps=True), mode=Mode.BOUNDED, depth=4),
        "reached": Goal(top=Counter(wraps=True), mode=Mode.COVER, depth=5),
        "missed": Goal(top=Counter(), mode=Mode.COVER, depth=20),
    }, tmp_path)
    assert verdicts == {
        "always": Verdict(holds=True, named=frozenset()),
        "bounded": Verdict(holds=True, named=frozenset()),
        "refuted": Verdict(holds=False, named=frozenset({"at most 3"})),
        "early": Verdict(holds=True, named=frozenset()),
        "reached": Verdict(holds=True, named=frozenset({"two", "four"})),
        "missed": Verdict(holds=False, named=frozenset({"two"})),
    }


def test_no_induction_no_answer(tmp_path):
    """Without its bound the counter may start at 6, as far as induction knows."""
    goal = Goal(top=Counter(claims=["never 7"]), mode=Mode.ALWAYS, depth=1)
    with pytest.raises(RuntimeError, match="^goals_open ended as UNKNOWN:"):
        check({"open": goal}, tmp_path)


def test_contradictory_assumptions_are_no_proof(tmp_path):
    goal = Goal(top=Counter(silent=True), mode=Mode.BOUNDED, depth=4)
    with pytest.raises(RuntimeError, match="^goals_silent ended as ERROR:"):
        check({"silent": goal}, tmp_path)


@pytest.mark.parametrize("top, mode, message", [
    (Counter(claims=[]), Mode.BOUNDED, "^Top of goal 'empty' must assert something$"),
    (Counter(claims=[]), Mode.ALWAYS, "^Top of goal 'empty' must assert something$"),
    (Counter(covers=False), Mode.COVER, "^Top of goal 'empty' must cover something$"),
], ids=["bounded", "always", "cover"])
def test_empty_goals(top, mode, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        check({"empty": Goal(top=top, mode=mode, depth=1)}, tmp_path)


def test_missing_tools_name_their_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "TOOLS", ("no-such-prover",))
    with pytest.raises(FormalMissing, match=r"^no-such-prover is not installed, .*"
                                            r"systolith\[formal\]"):
        check({}, tmp_path)
