# SPDX-License-Identifier: Apache-2.0
"""Host library to RTL, over a pseudo-terminal and the line: networks, and faults on the way."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
import typer
from systolith.fpga.host.board import Board
from systolith.fpga.host.commands import register
from systolith.fpga.host.faults import BoardReset, Garbled, HostFault, NoAnswer, WrongBitstream
from systolith.fpga.host.link import Link
from systolith.fpga.host.session import compile_for_board, load_image, run_on_board
from systolith.gen.cli.inputs import Inputs
from systolith.gen.spec import load
from systolith.verif.board import BAUD, DIVISOR, SimulatedBoard
from systolith.verif.networks import small_network
from typer.testing import CliRunner

DIGITS = Path(demo.__file__).parent
SPEC = load("demo", ["bus.dma=null"])
TIMEOUT = 4.0
"""Seconds: what a real board does in milliseconds takes a simulated one its time."""

pytestmark = pytest.mark.xdist_group("board")


@pytest.fixture(scope="module")
def simulated():
    with SimulatedBoard(SPEC) as board:
        yield board


@pytest.fixture(scope="module")
def compiled():
    return compile_for_board(SPEC, small_network(np.random.default_rng(6)))


def exact(link, compiled, count=2):
    """Whether a new session over ``link`` answers inputs as golden does."""
    values = np.random.default_rng(count).integers(-128, 128, (count, 8, 10, 3)).astype(np.int8)
    report = run_on_board(Board(link), compiled, Inputs(values, None), seconds=60, quiet=True)
    assert report.bit_exact, report.mismatch
    return report


def host(port, *arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, [
        "host", "--port", str(port), "--timeout", str(TIMEOUT), *map(str, arguments)])


def test_digits_by_the_commands(simulated):
    arguments = ("demo", DIGITS / "digits_dbb4.tflite", "--set", "bus.dma=null", "--json")
    inputs = ("--input", DIGITS / "digits_held_back.npz", "--count", 3)
    loaded = host(simulated.port, "load", *arguments)
    assert loaded.exit_code == 0, loaded.output
    ran = host(simulated.port, "run", *arguments, *inputs)
    assert ran.exit_code == 0, ran.output
    report = json.loads(ran.output)
    assert report["bit_exact"] and report["inferences"] == 3 and report["mismatch"] is None
    assert report["cycles"] == report["predicted_cycles_per_inference"]
    assert report["activity"] == report["predicted_activity"]
    benched = host(simulated.port, "bench", *arguments, *inputs)
    assert benched.exit_code == 0, benched.output
    figures = json.loads(benched.output)
    assert figures["cycles_per_inference"] == report["cycles"]
    assert figures["clock_hz"] == DIVISOR * BAUD
    assert figures["ms_per_inference"] == 1e3 * report["cycles"] / (DIVISOR * BAUD)
    # The image was loaded once: over the line, it is longer than all that followed.
    seconds = json.loads(loaded.output)["link_seconds"]
    assert seconds > 3 * figures["link_seconds_per_inference"]


def test_an_image_stays_until_another_is_loaded(simulated, compiled):
    with Link(simulated.port, timeout=TIMEOUT) as link:
        exact(link, compiled)
        board = Board(link)
        assert board.token == compiled.token
        load_image(board, compile_for_board(SPEC, small_network(np.random.default_rng(7))),
                   quiet=True)
        assert Board(link).token != compiled.token
        exact(link, compiled)


@pytest.mark.parametrize("toward", ["board", "host"])
@pytest.mark.parametrize("kind", ["flip", "drop"])
def test_damage_on_the_line_is_repaired(simulated, compiled, kind, toward):
    with Link(simulated.port, timeout=TIMEOUT) as link:
        exact(link, compiled, 1)
        repeated = link.repeated
        for after in (30, 57):
            simulated.inject(kind, after=after, toward=toward)
        exact(link, compiled)
        assert link.repeated > repeated


@pytest.mark.parametrize("toward", ["board", "host"])
@pytest.mark.parametrize("kind", ["flip", "drop"])
def test_damage_without_repetition_is_told_and_the_link_works(simulated, compiled, kind, toward):
    with Link(simulated.port, timeout=TIMEOUT, retries=0) as link:
        exact(link, compiled, 1)
        simulated.inject(kind, after=30, toward=toward)
        with pytest.raises((Garbled, NoAnswer)) as raised:
            exact(link, compiled)
        assert "garbled" in str(raised.value) or "did not answer" in str(raised.value)
        exact(link, compiled)


@pytest.mark.parametrize("after", [0, 40])
def test_reset_is_told_and_the_link_works(simulated, compiled, after):
    """Between requests, and in the midst of one."""
    with Link(simulated.port, timeout=TIMEOUT) as link:
        exact(link, compiled, 1)
        board = Board(link)
        simulated.inject("reset", after=after)
        with pytest.raises(BoardReset, match="the board was reset in between .*; load the network"):
            for _ in range(9):
                board.read("ID")
        assert Board(link).token != compiled.token
        exact(link, compiled)


def test_reset_while_an_image_is_loaded(simulated, compiled):
    with Link(simulated.port, timeout=TIMEOUT) as link:
        simulated.inject("reset", after=1500)
        with pytest.raises(BoardReset):
            load_image(Board(link), compiled, quiet=True)
        exact(link, compiled)


def test_wrong_bitstream_is_told_and_the_link_works(simulated, compiled):
    other = load("demo", ["bus.dma=null", "memory.weights=32 KiB"])
    with Link(simulated.port, timeout=TIMEOUT) as link:
        with pytest.raises(WrongBitstream) as raised:
            load_image(Board(link), replace(compiled, spec=other), quiet=True)
        assert str(raised.value) == (
            f"{simulated.port}: wrong bitstream: board holds spec 0x{SPEC.hash:016x}, "
            f"not demo (0x{other.hash:016x})")
        exact(link, compiled)


def test_faults_of_the_commands_are_one_sentence(simulated, tmp_path):
    model, inputs = DIGITS / "digits_dbb4.tflite", DIGITS / "digits_held_back.npz"
    wrong = host(simulated.port, "run", "demo", model, "--input", inputs,
                 "--set", "bus.dma=null", "--set", "memory.weights=32 KiB")
    assert wrong.exit_code == 2
    assert "wrong bitstream: board holds spec 0x" in wrong.output.replace("\n", " ")
    missing = host(tmp_path / "none", "load", "demo", model, "--set", "bus.dma=null")
    assert missing.exit_code == 2
    assert missing.output.endswith("serial port must be there and free, but: "
                                   "No such file or directory\n")


def test_spec_with_a_dma_is_refused():
    with pytest.raises(HostFault, match="^demo: bus.dma of a board must be null, not axi4$"):
        compile_for_board(load("demo"), small_network(np.random.default_rng(6)))
