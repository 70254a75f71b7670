# SPDX-License-Identifier: Apache-2.0
"""Sub-expressions that sums share: pairs of signed digits, the one that saves most first.

After Potkonjak, Srivastava, Chandrakasan, "Multiple constant multiplications", 1996 (iterative
matching), over all inputs and outputs at once, with bits instead of additions as the cost.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ...rtl.constants.graph import Operand, Range
from .digits import canonical_digits

__all__ = ["Sharing"]

Pair = tuple[int, int, int, int]
"""Two sources, in order, the shift of the second relative to the first, the product of the signs.
"""


class Sharing:
    """Sums of ``rows`` (a constant of each input), as terms of inputs and of shared ``nodes``.

    ``rate``: bits that the unit of cost, by which two terms are added bit by bit, takes away where
    many terms are summed. ``terms``: of every sum, by source, the sign of each shift.
    """

    def __init__(self, rows: Sequence[Sequence[int]], ranges: Sequence[Range], rate: float):
        self.rate = rate
        self.nodes: list[tuple[Operand, Operand]] = []
        self.inputs = len(ranges)
        self.spans = [highest - lowest for lowest, highest in ranges]
        self.terms: list[dict[int, dict[int, int]]] = [
            {source: dict(canonical_digits(value)) for source, value in enumerate(row) if value}
            for row in rows]
        self.counts: Counter[Pair] = Counter()
        self.places: dict[Pair, set[int]] = defaultdict(set)
        self.queue: list[tuple[float, Pair]] = []

    def share(self) -> None:
        """Make nodes as long as one saves."""
        for place, terms in enumerate(self.terms):
            flat = [(source, shift, sign) for source, shifts in terms.items()
                    for shift, sign in shifts.items()]
            for index, term in enumerate(flat):
                self._count(place, term, flat[:index], 1)
        self.queue = [(-self._saving(pair), pair) for pair, count in self.counts.items()
                      if count > 1 and self._saving(pair) > 0]
        heapq.heapify(self.queue)
        while self.queue:
            saving, pair = heapq.heappop(self.queue)
            now = self._saving(pair)
            if now <= 0:
                continue
            if now < -saving:
                heapq.heappush(self.queue, (-now, pair))
            else:
                self._make(pair)

    @staticmethod
    def _pair(one: tuple[int, int, int], other: tuple[int, int, int]) -> Pair:
        (a, shift_a, sign_a), (b, shift_b, sign_b) = sorted((one, other))
        return a, b, shift_b - shift_a, sign_a * sign_b

    def _count(self, place: int, term: tuple[int, int, int], others, change: int) -> None:
        """Count the pairs of ``term`` with ``others``, or, negative, no more."""
        for other in others:
            pair = self._pair(term, other)
            self.counts[pair] += change
            if change > 0:
                self.places[pair].add(place)

    def _saving(self, pair: Pair) -> float:
        """Units of cost that a node of ``pair`` saves."""
        a, b, distance, _ = pair
        shift_a, shift_b = max(0, -distance), max(0, distance)
        width_a, width_b = self.spans[a].bit_length(), self.spans[b].bit_length()
        width = ((self.spans[a] << shift_a) + (self.spans[b] << shift_b)).bit_length()
        overlap = min(width_a + shift_a, width_b + shift_b) - max(shift_a, shift_b)
        return self.counts[pair] * (width_a + width_b - width) / self.rate - overlap

    def _found(self, pair: Pair, place: int) -> Iterator[tuple[int, int]]:
        """Shifts of the pair's two terms wherever the sum has both."""
        a, b, distance, product = pair
        terms = self.terms[place]
        for shift, sign in sorted(terms.get(a, {}).items()):
            if terms.get(b, {}).get(shift + distance) == sign * product:
                yield shift, shift + distance

    def _make(self, pair: Pair) -> None:
        """A node of ``pair``, put wherever it is."""
        a, b, distance, product = pair
        source = self.inputs + len(self.nodes)
        shift_a, shift_b = max(0, -distance), max(0, distance)
        # Bits that are subtracted cost nothing but above all others.
        high_a = (self.spans[a] << shift_a) > (self.spans[b] << shift_b)
        negative_a, negative_b = product < 0 and not high_a, product < 0 and high_a
        self.nodes.append((Operand(a, shift_a, negative_a), Operand(b, shift_b, negative_b)))
        self.spans.append((self.spans[a] << shift_a) + (self.spans[b] << shift_b))
        touched: set[Pair] = set()
        for place in sorted(self.places.pop(pair)):
            for first, second in list(self._found(pair, place)):
                terms = self.terms[place]
                if first not in terms.get(a, {}) or second not in terms.get(b, {}):
                    continue
                sign = -terms[a][first] if negative_a else terms[a][first]
                self._remove(place, a, first)
                self._remove(place, b, second)
                new = (source, min(first, second), sign)
                flat = self._flat(place)
                self._count(place, new, flat, 1)
                touched.update(self._pair(new, other) for other in flat)
                terms.setdefault(source, {})[min(first, second)] = sign
        self.counts[pair] = 0
        for each in sorted(touched):
            saving = self._saving(each)
            if saving > 0:
                heapq.heappush(self.queue, (-saving, each))

    def _flat(self, place: int) -> list[tuple[int, int, int]]:
        return [(source, shift, sign) for source, shifts in self.terms[place].items()
                for shift, sign in shifts.items()]

    def _remove(self, place: int, source: int, shift: int) -> None:
        shifts = self.terms[place][source]
        sign = shifts.pop(shift)
        if not shifts:
            del self.terms[place][source]
        self._count(place, (source, shift, sign), self._flat(place), -1)
