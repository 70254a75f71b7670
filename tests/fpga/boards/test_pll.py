# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.boards.board import BOARDS
from systolith.fpga.boards.pll import Ecp5Pll, GowinPll, Ice40Pll, PllFault

GOWIN = GowinPll(device="GW1NR-9C", slowest=400, fastest=1200)


@pytest.mark.parametrize("pll, source, wanted", [
    (Ecp5Pll(), 25, 50), (Ecp5Pll(), 25, 40), (Ecp5Pll(), 25, 37), (Ecp5Pll(), 25, 62),
    (Ice40Pll(), 12, 24), (Ice40Pll(), 12, 18), (Ice40Pll(), 12, 48),
    (GOWIN, 27, 54), (GOWIN, 27, 50), (GOWIN, 27, 36),
])
def test_clock_is_what_the_dividers_make_and_not_above(pll, source, wanted):
    found = pll.setting(source, wanted)
    assert wanted * (1 - pll.tolerance) <= found.output <= wanted
    if pll is GOWIN:
        assert found.output == pytest.approx(source * found.feedback / found.reference)
        assert found.oscillator == pytest.approx(found.output * found.post)
        assert 400 <= found.oscillator <= 1200
    else:
        inner = 2 if isinstance(pll, Ecp5Pll) else 1
        assert found.oscillator == pytest.approx(
            source * found.feedback * inner / found.reference)
        assert found.output == pytest.approx(found.oscillator / found.post)
    assert source / found.reference >= (3 if pll is GOWIN else 10)


def test_icebreaker_at_24_is_what_icepll_says():
    found = Ice40Pll().setting(12, 24)
    assert (found.reference - 1, found.feedback - 1, found.post) == (0, 63, 32)


@pytest.mark.parametrize("pll, source, wanted, sentence", [
    (Ecp5Pll(), 25, 900, "EHXPLLL makes of 25 MHz, not 900 (nearest below: 800 MHz)"),
    (Ice40Pll(), 12, 5, "SB_PLL40_PAD makes of 12 MHz, not 5 (nearest below: none)"),
])
def test_a_clock_that_cannot_be_made(pll, source, wanted, sentence):
    with pytest.raises(PllFault) as caught:
        pll.setting(source, wanted)
    assert str(caught.value) == f"target.clock_mhz must be a clock that {sentence}"


def test_every_routable_board_has_a_pll():
    assert all(board.pll is not None for board in BOARDS.values() if board.routable)
