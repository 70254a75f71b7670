# SPDX-License-Identifier: Apache-2.0
"""The driver's tensors, in layouts of every kind, against a memory that is a dictionary."""

from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.compile.compact.layout import PixelLayout
from systolith.gen.compile.layout import TensorLayout
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.rtl.bus.register_map import ID, VERSION
from systolith.verif.c_driver import DriverError, DriverLibrary, build_driver

DIGITS = Path(demo.__file__).parent / "digits_dbb4.tflite"
SPEC = load("demo")
REGISTERS, WINDOW = 0x1000, 0x10_0000
NO_CORE, OTHER_CORE = 256, 257
LAYOUTS = {
    "dense": TensorLayout.plan(5, 7, 11),
    "wide, one channel": TensorLayout.plan(2, 100, 1),
    "split": TensorLayout.plan(6, 8, 3, split=2),
    "split, odd": TensorLayout.plan(5, 71, 9, split=2, extra_pitch=3),
    "sorted channels": TensorLayout(height=3, width=2, channels=10, pitch=2, plane=7, base=40,
                                    order=(9, 3, 1, 0, 2, 8, 7, 6, 5, 4)),
    "pixel by pixel": PixelLayout.dense(4, 40, 20),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("driver")


@pytest.fixture(scope="module")
def library(folder):
    return build_driver("demo", [compile_network(SPEC, load_model(DIGITS))], folder)


def _open(library, registers=None):
    """The driver and its memory, by address."""
    memory = {REGISTERS + 0x00: ID, REGISTERS + 0x04: VERSION,
              REGISTERS + 0x08: SPEC.hash & 0xFFFF_FFFF, REGISTERS + 0x0C: SPEC.hash >> 32}
    memory |= registers or {}
    driver = DriverLibrary(library, lambda address: memory.get(address, 0),
                           memory.__setitem__, lambda: None)
    driver.call("open", REGISTERS, WINDOW)
    return driver, memory


@pytest.mark.parametrize("name", LAYOUTS)
def test_tensors_lie_as_their_layout_says(library, name):
    layout = LAYOUTS[name]
    driver, memory = _open(library)
    image = driver.image("digits_dbb4")
    for tensor in (image.input, image.output):
        for field in ("height", "width", "channels", "split", "pitch", "phase_x", "phase_y",
                      "plane"):
            setattr(tensor, field, getattr(layout, field))
        tensor.step = getattr(layout, "step", 1)
        tensor.address = 8 * layout.base
        tensor.pixel_stride, tensor.channel_stride = layout.channels, 1
        order = np.array(layout.order, np.uint32)
        tensor.order = order.ctypes.data if order.size else None
    values = np.random.default_rng(1).integers(
        -128, 128, (layout.height, layout.width, layout.channels)).astype(np.int8)
    driver.call("write_input", image, values)
    words = layout.pack(values)
    found = {address - WINDOW: value for address, value in memory.items() if address >= WINDOW}
    assert found == {8 * word + 4 * half: value >> 32 * half & 0xFFFF_FFFF
                     for word, value in words.items() for half in (0, 1)}
    back = np.zeros_like(values)
    driver.call("read_output", image, back)
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize(("offset", "code"), [(0x00, NO_CORE), (0x08, OTHER_CORE),
                                              (0x0C, OTHER_CORE)])
def test_another_core_is_refused(library, offset, code):
    with pytest.raises(DriverError) as caught:
        _open(library, {REGISTERS + offset: 7})
    assert caught.value.code == code


def test_a_newer_minor_version_is_accepted_and_a_major_one_is_not(library):
    _open(library, {REGISTERS + 0x04: VERSION + 0x0000_0100})
    with pytest.raises(DriverError, match="no core of this version"):
        _open(library, {REGISTERS + 0x04: VERSION + 0x0001_0000})


def test_faults_of_the_bus_reach_the_caller(library):
    def broken(address):
        raise LookupError("no bus")

    driver = DriverLibrary(library, broken, lambda *_: None, lambda: None)
    with pytest.raises(LookupError, match="no bus"):
        driver.call("open", REGISTERS, WINDOW)
