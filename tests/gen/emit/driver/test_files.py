# SPDX-License-Identifier: Apache-2.0
"""The driver compiles strictly, for a machine without any library, at every level."""

import ctypes
import platform
import re
import subprocess

import pytest
from systolith.gen.build import parameters
from systolith.gen.emit.driver import DRIVER, write_driver
from systolith.gen.spec import load
from systolith.rtl.sequencer.sequencer import Cause

STRICT = ["-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wshadow",
          "-Wconversion", "-Wno-sign-conversion"]
# So that what could be a call of memcpy or memset is one.
CALLS = ["-mstringop-strategy=libcall"] if platform.machine() == "x86_64" else []


def _write(folder, *overrides):
    write_driver("demo", parameters(load("demo", overrides)), folder)
    return folder


def _compile(folder, *options):
    subprocess.run(["gcc", *STRICT, *options, "-c", "systolith_driver.c", "-o", "driver.o"],
                   cwd=folder, check=True)


def _undefined(path) -> str:
    return subprocess.run(["nm", "-u", path], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("overrides", [(), ("bus.dma=null",), ("bus.window=null",),
                                       ("memory.weight_source=external",)])
@pytest.mark.parametrize("standard", ["c99", "c11"])
def test_freestanding_without_anything_undefined(tmp_path, overrides, standard):
    folder = _write(tmp_path, *overrides)
    for level in ("-O0", "-Os", "-O2", "-O3"):
        _compile(folder, f"-std={standard}", level, *CALLS)
        assert not _undefined(folder / "driver.o")


@pytest.mark.skipif(not CALLS, reason="needs an x86-64 compiler")
def test_a_call_of_a_library_would_be_seen(tmp_path):
    folder = _write(tmp_path)
    with (folder / "systolith_driver.c").open("a") as file:
        file.write("struct page { uint64_t words[512]; };\n"
                   "void plain(struct page *to, const struct page *from);\n"
                   "void plain(struct page *to, const struct page *from) { *to = *from; }\n")
    _compile(folder, "-std=c99", "-O2", *CALLS)
    assert "memcpy" in _undefined(folder / "driver.o")


def test_links_without_startup_files(tmp_path):
    folder = _write(tmp_path)
    (folder / "main.c").write_text(
        '#include "systolith_driver.h"\n'
        "void start(void);\n"
        "void start(void) { struct systolith_core core; systolith_open(&core, 64, 128);\n"
        "    for (;;) systolith_wait(&core, 0); }\n")
    subprocess.run(["gcc", *STRICT, "-std=c99", "-O2", "-static", "-e", "start", "main.c",
                    "systolith_driver.c", "-o", "image"], cwd=folder, check=True)


def test_header_is_fit_for_cpp(tmp_path):
    folder = _write(tmp_path)
    (folder / "use.cpp").write_text('#include "systolith_driver.h"\n')
    subprocess.run(["g++", "-Wall", "-Werror", "-fsyntax-only", "use.cpp"], cwd=folder, check=True)


def test_every_cause_has_a_sentence_of_its_own(tmp_path):
    folder = _write(tmp_path)
    subprocess.run(["gcc", "-shared", "-fPIC", DRIVER[1], "-o", "driver.so"], cwd=folder,
                   check=True)
    text = ctypes.CDLL(str(folder / "driver.so")).systolith_text
    text.restype = ctypes.c_char_p
    codes = [*(cause.value for cause in Cause), *range(256, 263)]
    assert len({text(code) for code in codes}) == len(codes)
    assert {text(255), text(263)} == {b"the core gave a cause that this driver does not know"}


def test_no_division(tmp_path):
    text = (_write(tmp_path) / "systolith_driver.c").read_text()
    code = re.sub(r"/\*.*?\*/|\"[^\"\n]*\"", "", text, flags=re.S)
    assert set(re.findall(r"[/%] *(\w+)", code)) == {"8u", "BLOCK"}  # powers of two
