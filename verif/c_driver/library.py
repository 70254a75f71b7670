# SPDX-License-Identifier: Apache-2.0
"""The C driver as a shared library, and its functions in Python."""

import ctypes
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...gen.compile.program import Program
from ...gen.emit.driver import symbol_of, write_driver, write_model

__all__ = ["DriverError", "DriverLibrary", "build_driver"]

HERE = Path(__file__).parent
STRICT = ("-std=c99", "-ffreestanding", "-Wall", "-Wextra", "-Werror", "-pedantic")
Read = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint64)
Write = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint32)
Pause = ctypes.CFUNCTYPE(None)


def build_driver(name: str, programs: Sequence[Program], folder: Path) -> Path:
    """Write the driver of the spec ``name`` and the models of ``programs`` into ``folder`` and
    compile them; returns the library's path. Raises CalledProcessError where the compiler refuses.
    """
    write_driver(name, programs[0].parameters, folder)
    sources = ["systolith_driver.c", str(HERE / "host.c")]
    for program in programs:
        sources.append(next(file for file in write_model(program, folder)
                            if file.endswith(".c")))
    library = folder / "libsystolith.so"
    subprocess.run(["gcc", *STRICT, "-O2", "-fPIC", "-shared", f"-I{HERE}", "-I.",
                    "-include", "host.h", *sources, "-o", library.name], cwd=folder, check=True)
    return library


class Tensor(ctypes.Structure):
    """``struct systolith_tensor``."""

    _fields_ = [*((name, ctypes.c_uint32) for name in (
        "address", "height", "width", "channels", "split", "pitch", "step", "phase_x", "phase_y",
        "plane", "pixel_stride", "channel_stride")),
        ("order", ctypes.c_void_p), ("flip", ctypes.c_uint8), ("outside", ctypes.c_uint8)]


class Image(ctypes.Structure):
    """``struct systolith_image``."""

    _fields_ = [("spec_hash", ctypes.c_uint64), ("words", ctypes.c_void_p),
                ("sections", ctypes.c_void_p), ("section_count", ctypes.c_uint32),
                ("external_words", ctypes.c_uint32), ("external", ctypes.c_void_p),
                ("external_bytes", ctypes.c_uint32), ("input", Tensor), ("output", Tensor)]


class Core(ctypes.Structure):
    """``struct systolith_core``."""

    _fields_ = [("registers", ctypes.c_void_p), ("window", ctypes.c_void_p),
                ("dma_offset", ctypes.c_uint64), ("memory", ctypes.c_void_p),
                ("memory_bytes", ctypes.c_uint32)]


U16, U32, U64, POINTER = ctypes.c_uint16, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p
IMAGE = ctypes.POINTER(Image)
FUNCTIONS = {
    "open": (U64, U64), "set_dma_offset": (U64,), "set_memory": (POINTER, U32), "load": (IMAGE,),
    "write_input": (IMAGE, POINTER), "set_watchdog": (U32,), "set_interrupt": (ctypes.c_int,),
    "set_conditions": (U16,), "start": (), "finish": (), "wait": (U32,),
    "read_output": (IMAGE, POINTER), "infer": (IMAGE, POINTER, POINTER, U32), "reset": (U32,),
    "cycles": (), "layer": (), "copy_in": (U32, POINTER, U32), "copy_out": (POINTER, U32, U32)}
"""Parameters behind the core, by the function's name without ``systolith_``."""
VALUES = ("cycles", "layer")
VOID = ("set_dma_offset", "set_watchdog", "set_interrupt", "set_conditions")


class DriverError(RuntimeError):
    """The driver gave ``code``, not SYSTOLITH_OK; the text is what it says of it."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code


class DriverLibrary:
    """The functions of the library at ``path``, for one core.

    ``read`` (address to value), ``write`` (address, value) and ``pause`` are called by the driver;
    what they raise, ``call`` does.
    """

    def __init__(self, path: Path, read: Callable[[int], int],
                 write: Callable[[int, int], None], pause: Callable[[], None]):
        self._library = ctypes.CDLL(str(path))
        self._fault: BaseException | None = None
        self._hooks = [Read(self._guarded(read)), Write(self._guarded(write)),
                       Pause(self._guarded(pause))]
        for name, hook in zip(("read32", "write32", "pause"), self._hooks, strict=True):
            place = ctypes.c_void_p.in_dll(self._library, f"systolith_host_{name}")
            place.value = ctypes.cast(hook, ctypes.c_void_p).value
        self._core = Core()
        self._library.systolith_text.restype = ctypes.c_char_p

    def _guarded(self, hook: Callable) -> Callable:
        def guarded(*arguments):
            try:
                return hook(*arguments) if self._fault is None else 0
            except BaseException as fault:
                self._fault = fault
                return 0
        return guarded

    def image(self, name: str) -> Image:
        """A copy of the image of the model ``name``, to be changed at will."""
        return Image.from_buffer_copy(Image.in_dll(self._library, symbol_of(name)))

    def text(self, code: int) -> str:
        """A result as a sentence."""
        return self._library.systolith_text(code).decode()

    def call(self, name: str, *arguments) -> int:
        """``systolith_<name>`` of the core; arrays are passed as pointers. Raises DriverError."""
        function = getattr(self._library, f"systolith_{name}")
        function.argtypes = (ctypes.POINTER(Core), *FUNCTIONS[name])
        function.restype = None if name in VOID else ctypes.c_uint32
        code = function(self._core, *(
            value.ctypes.data if isinstance(value, np.ndarray) else value for value in arguments))
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        if name not in (*VALUES, *VOID) and code:
            raise DriverError(code, self.text(code))
        return code
