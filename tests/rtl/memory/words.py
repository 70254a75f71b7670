# SPDX-License-Identifier: Apache-2.0
"""Accesses of memories that may be busy."""

from ..streams import sample_until

__all__ = ["merge", "read_word", "write_word"]


def merge(old, new, mask):
    """``old`` with the bytes that ``mask`` marks taken from ``new``."""
    bits = sum(0xFF << 8 * byte for byte in range(8) if mask >> byte & 1)
    return old & ~bits | new & bits


async def write_word(ctx, port, address, value, mask=0xFF):
    """Write through an access port once it is granted."""
    ctx.set(port.address, address)
    ctx.set(port.write_data, value)
    ctx.set(port.write_mask, mask)
    ctx.set(port.write, 1)
    ctx.set(port.enable, 1)
    await sample_until(ctx, port.grant)
    ctx.set(port.enable, 0)


async def read_word(ctx, port, address):
    """Read through an access port once it is granted."""
    ctx.set(port.address, address)
    ctx.set(port.write, 0)
    ctx.set(port.enable, 1)
    await sample_until(ctx, port.grant)
    ctx.set(port.enable, 0)
    return ctx.get(port.read_data)
