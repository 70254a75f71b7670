# SPDX-License-Identifier: Apache-2.0
"""Model files whose bytes lie: one way of damage each."""

from collections.abc import Callable

import numpy as np

__all__ = ["MUTATIONS", "changed_bytes", "extreme_words", "flipped_bits", "swapped_tables",
           "truncated"]

METADATA = 6000
"""Bytes at either end in which most of a file's tables lie."""
EXTREMES = (0, 1, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1,
            0x7F800000, 0x7FC00000, 0x00000001, 0x7F7FFFFF)
"""Integers, and of 32-bit reals infinity, none, the smallest, the largest."""

Mutation = Callable[[bytes, np.random.Generator], bytes]


def _places(rng: np.random.Generator, length: int, count: int) -> np.ndarray:
    """Positions behind the identifier, most of them near the ends, where the tables are."""
    near = min(METADATA, length - 8)
    return np.where(rng.random(count) < 0.5, rng.integers(8, 8 + near - 4, count),
                    length - rng.integers(4, near, count))


def truncated(content: bytes, rng: np.random.Generator) -> bytes:
    """The file ends too soon."""
    return content[:int(rng.integers(0, len(content)))]


def flipped_bits(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight bits."""
    raw = np.frombuffer(content, np.uint8).copy()
    places = _places(rng, len(raw), int(rng.integers(1, 9)))
    raw[places] ^= np.uint8(1) << rng.integers(0, 8, len(places)).astype(np.uint8)
    return raw.tobytes()


def changed_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """One to twenty bytes."""
    raw = np.frombuffer(content, np.uint8).copy()
    places = _places(rng, len(raw), int(rng.integers(1, 21)))
    raw[places] = rng.integers(0, 256, len(places))
    return raw.tobytes()


def extreme_words(content: bytes, rng: np.random.Generator) -> bytes:
    """One to four words take extreme values."""
    raw = bytearray(content)
    for place in _places(rng, len(raw), int(rng.integers(1, 5))) & ~3:
        raw[place:place + 4] = int(rng.choice(EXTREMES)).to_bytes(4, "little")
    return bytes(raw)


def swapped_tables(content: bytes, rng: np.random.Generator) -> bytes:
    """Two stretches of words change places, or one is a copy of the other."""
    raw = bytearray(content)
    size = 4 * int(rng.integers(1, 17))
    first, second = (int(place) & ~3 for place in _places(rng, len(raw) - size, 2))
    kept = raw[first:first + size]
    raw[first:first + size] = raw[second:second + size]
    if rng.random() < 0.5:
        raw[second:second + size] = kept
    return bytes(raw)


MUTATIONS: tuple[Mutation, ...] = (truncated, flipped_bits, changed_bytes, extreme_words,
                                   swapped_tables)
