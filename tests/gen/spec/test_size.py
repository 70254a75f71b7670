# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec.size import format_size, parse_size


@pytest.mark.parametrize(("text", "size"), [
    ("64 KiB", 65536), ("64KiB", 65536), ("1 MiB", 1048576), ("1024 B", 1024), (4096, 4096)])
def test_size_is_read(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["64 KB", "64k", "64", "1.5 MiB", "-1 KiB", "64  KiB", "", "KiB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="Size must be a number of B, KiB or MiB, not"):
        parse_size(text)


@pytest.mark.parametrize("size", [0, 1, 1000, 1024, 1536 * 1024, 16 * 1048576])
def test_format_and_parse_agree(size):
    assert parse_size(format_size(size)) == size
