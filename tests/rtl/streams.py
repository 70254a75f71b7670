# SPDX-License-Identifier: Apache-2.0
"""Test verbs for streams, and the simulation that runs them."""

from amaranth.sim import Simulator

__all__ = [
    "idle", "sample_until", "simulate", "stream_assert", "stream_get", "stream_put", "watch_held",
]


def simulate(dut, *benches, background=(), cycles=20_000):
    """Run ``benches`` to their ends, next to ``background`` ones; TimeoutError after ``cycles``."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)

    async def watchdog(ctx):
        await idle(ctx, cycles)
        raise TimeoutError(f"not finished after {cycles} cycles")

    for bench in (watchdog, *background):
        simulator.add_testbench(bench, background=True)
    simulator.run()


async def idle(ctx, cycles):
    """Let ``cycles`` pass, possibly none."""
    for _ in range(cycles):
        await ctx.tick()


async def sample_until(ctx, condition, *values):
    """Sample ``values`` in the first cycle in which ``condition`` holds."""
    # Unlike Amaranth's own, this leaves no open generator behind when a simulation ends early.
    while True:
        _, _, holds, *sampled = await ctx.tick().sample(condition, *values)
        if holds:
            return sampled


async def stream_put(ctx, stream, payload):
    """Offer ``payload`` until it is taken."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await sample_until(ctx, stream.ready)
    ctx.set(stream.valid, 0)


async def stream_get(ctx, stream):
    """Take the next payload."""
    ctx.set(stream.ready, 1)
    payload, = await sample_until(ctx, stream.valid, stream.payload)
    ctx.set(stream.ready, 0)
    return payload


async def stream_assert(ctx, stream, expected):
    """Take the next payload, which must be ``expected``."""
    payload = await stream_get(ctx, stream)
    assert payload == expected, f"{payload!r} instead of {expected!r}"


def watch_held(valid, ready, *payload):
    """A background bench: once valid, a payload stays as it is until it is taken."""
    async def bench(ctx):
        offered = None
        while True:
            _, _, is_valid, is_ready, *values = await ctx.tick().sample(valid, ready, *payload)
            if offered is not None:
                assert is_valid, "valid fell before ready"
                assert values == offered, f"payload changed from {offered!r} to {values!r}"
            offered = values if is_valid and not is_ready else None
    return bench
