# SPDX-License-Identifier: Apache-2.0
"""What is compared: a TPE of each engine, at operating points, in the ways it may be built."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....golden.dbb import BLOCK
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.arith.carry_save import FinalAdder
from ....rtl.arith.partial_products import Multiplier
from ....rtl.facts import Encoding, EngineFacts
from ....rtl.kinds import facts_of
from ....rtl.parameters import EngineParameters
from ..synthesis import SCRIPTS
from ..technology import Technology

__all__ = ["ACCUMULATOR_BITS", "BASELINES", "DENSITY", "ENGINES", "Engine", "Point", "Variant",
           "points_of", "variants"]

ACCUMULATOR_BITS = 32
"""Of all engines."""
DENSITY = 4
"""Non-zeros of 8 in the sparse weights, and in what S2TA-AW keeps of activations."""
BASELINES = ("SA", "SA-ZVCG")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A TPE of ``a x b x c``. ``spec``: the shipped spec with which it runs networks, and the
    fields in which it differs; its array has 256 multipliers."""

    name: str
    kind: str
    a: int
    b: int
    c: int
    zero_gating: bool = False
    spec: tuple[str, ...]

    @property
    def shape(self) -> str:
        """As papers write it."""
        return f"{self.a}x{self.b}x{self.c}"

    @property
    def baseline(self) -> bool:
        """What others are compared with: it gets every variant."""
        return self.name in BASELINES

    def facts(self, *, overlapped: bool) -> EngineFacts:
        """Facts of one TPE."""
        return facts_of(EngineParameters(
            kind=self.kind, a=self.a, b=self.b, c=self.c, m=1, n=1, nnz=DENSITY,
            accumulator_bits=ACCUMULATOR_BITS, zero_gating=self.zero_gating,
            overlapped=overlapped))

    @property
    def sparse(self) -> bool:
        """It gains by weights of 4/8."""
        return self.facts(overlapped=False).compressed

    @property
    def bound(self) -> int:
        """Of 8 activations it keeps so many."""
        return DENSITY if self.facts(overlapped=False).holds_weights else BLOCK

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the dense layer that a step of the TPE is worth, on weights, or
        with S2TA-AW activations, of 4/8."""
        f = self.facts(overlapped=False)
        each = {Encoding.DENSE: f.depth, Encoding.MASK: BLOCK, Encoding.INDEX: BLOCK // DENSITY,
                Encoding.HELD: BLOCK // DENSITY}
        return f.a * f.c * each[f.encoding]


ENGINES = (
    Engine(name="SA", kind="sa", a=1, b=1, c=1, spec=("kws-sa", "engine.zero_gating=false")),
    Engine(name="SA-ZVCG", kind="sa", a=1, b=1, c=1, zero_gating=True, spec=("kws-sa",)),
    Engine(name="STA", kind="sta", a=4, b=8, c=4, spec=(
        "kws-sta", "engine.tpe.b=8", "engine.grid.m=1", "engine.grid.n=2")),
    Engine(name="STA-DBB", kind="sta-dbb", a=4, b=8, c=4, spec=("kws-edge",)),
    Engine(name="VDBB", kind="vdbb", a=4, b=8, c=8, spec=(
        "kws-vdbb", "engine.tpe.c=8", "engine.grid.n=4")),
    Engine(name="S2TA-W", kind="s2ta-w", a=4, b=8, c=4, zero_gating=True, spec=("kws-s2ta-w",)),
    Engine(name="S2TA-AW", kind="s2ta-aw", a=8, b=8, c=4, zero_gating=True,
           spec=("kws-s2ta-aw",)),
)


@dataclass(frozen=True)
class Point:
    """An operating point: clock ``period`` in ps (tau without a library); ``relaxed``: the slower
    of two, at which small adders do."""

    period: float
    relaxed: bool

    def label(self, unit: str = "ps") -> str:
        """As a clock rate, or where time has no unit as the period."""
        if unit != "ps":
            return f"{self.period:.0f} {unit}"
        mhz = 1e6 / self.period
        return f"{mhz / 1000:g} GHz" if mhz >= 1000 else f"{mhz:.0f} MHz"


def points_of(technology: Technology, clocks: Sequence[float] = ()) -> tuple[Point, ...]:
    """The operating points: ``clocks``, periods in ps from the fastest on, or the technology's."""
    periods = sorted(clocks or technology.clocks)
    if not 1 <= len(periods) <= 2:
        raise ValueError(f"Clock periods must be one or two, not {len(periods)}: technology "
                         f"{technology.name} states none, so name them by --clock")
    if periods[0] <= 0:
        raise ValueError(f"Clock period must be positive, not {periods[0]!r}")
    return tuple(Point(period, index > 0) for index, period in enumerate(periods))


@dataclass(frozen=True)
class Variant:
    """One way to build a TPE: multiplier (BW: Baugh-Wooley), final adder and a way through abc
    (``SCRIPTS``)."""

    multiplier: Multiplier
    final: FinalAdder
    script: str

    def arithmetic(self, technology: Technology) -> Arithmetic:
        """For full adders as the technology's are."""
        adder = technology.full_adder
        return Arithmetic(multiplier=self.multiplier, final=self.final,
                          inverting=adder is not None and adder.inverted)

    def __str__(self) -> str:
        multiplier = "BW" if self.multiplier is Multiplier.BAUGH_WOOLEY else self.multiplier
        return f"{multiplier} {self.final} {self.script}"


OWN = Variant(Multiplier.BAUGH_WOOLEY, FinalAdder.PREFIX, "flow")


def variants(engine: Engine, point: Point) -> tuple[Variant, ...]:
    """The ways to build ``engine``, that of least energy last: of a baseline, which has a single
    product, all there are, so that it is the best of more than any other is."""
    if engine.baseline:
        return tuple(Variant(multiplier, final, script)
                     for multiplier in (Multiplier.BAUGH_WOOLEY, Multiplier.RADIX_4,
                                        Multiplier.BOOTH)
                     for final in FinalAdder for script in SCRIPTS)
    shares = engine.facts(overlapped=False).products > 1
    if not point.relaxed:  # mixed, dense products take longer
        return (replace(OWN, multiplier=Multiplier.MIXED) if shares and engine.sparse else OWN,)
    if engine.zero_gating:  # for energy alone
        return (OWN,)
    smaller = (Multiplier.DISTRIBUTED, Multiplier.MIXED) if shares else (Multiplier.RADIX_4,)
    return (*(Variant(each, FinalAdder.RIPPLE, "flow") for each in smaller), OWN)
