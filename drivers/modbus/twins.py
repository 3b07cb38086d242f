"""Two units of one line that are one device: a gateway which answers for a unit that is not there. No I/O, no clock."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations

from drivers.profile import Profile, RegisterPoint
from estate.model import PointId, Sample, point_id

COUNTS = ("Wh", "kWh", "MWh", "m3", "h")
"""Units of what only ever grows. Volts of one busbar are alike by right, counts are not."""

AGREED = 8
"""Counts in a row that two units have to show alike before they are taken for one."""

MOST = 32
"""Units of one profile that are compared, each with each: as many as a serial line carries."""

APART = 0.1
"""Share of a count's last step by which it may have moved between the two questions."""


def counting(point: RegisterPoint) -> bool:
    return point.unit in COUNTS and point.registers > 1 and not point.is_partial


@dataclass(slots=True)
class _Pair:
    """Two units of one profile. Each count is compared once both have said a new one."""

    units: tuple[str, str]
    said: dict[tuple[str, str], float] = field(default_factory=dict)
    compared: dict[str, float] = field(default_factory=dict)
    agreed: int = 0

    def hear(self, unit: str, name: str, value: float) -> None:
        self.said[unit, name] = value
        values = [self.said.get((one, name)) for one in self.units]
        if None in values:
            return
        one, other = (self.said.pop((unit, name)) for unit in self.units)
        before, self.compared[name] = self.compared.get(name), one
        if before is None or one == before:
            return
        self.agreed = self.agreed + 1 if abs(one - other) <= APART * abs(one - before) else 0

    @property
    def is_one(self) -> bool:
        return self.agreed >= AGREED


class Twins:
    """Told every sample of a line. Only units whose profile has a long count (energy, volume, hours) can be told apart
    this way; two meters never count in step."""

    def __init__(self, units: Iterable[tuple[str, Profile]]) -> None:
        alike: defaultdict[str, list[tuple[str, Profile]]] = defaultdict(list)
        for name, profile in units:
            if any(counting(point) for point in profile.registers.values()):
                alike[profile.profile].append((name, profile))
        self._pairs: list[_Pair] = []
        self._of: dict[PointId, tuple[str, str, list[_Pair]]] = {}
        for rows in (every[:MOST] for every in alike.values()):
            pairs = [_Pair((one, other)) for (one, _), (other, _) in combinations(rows, 2)]
            self._pairs += pairs
            for name, profile in rows:
                own = [pair for pair in pairs if name in pair.units]
                for point in (one for one, register in profile.registers.items() if own and counting(register)):
                    self._of[point_id(name, point)] = name, point, own

    def hear(self, samples: Iterable[Sample]) -> bool:
        """True when `found` has changed by it."""
        changed = False
        for sample in samples if self._of else ():
            watched = self._of.get(sample.point)
            if watched is not None and isinstance(sample.value, int | float) and not sample.quality.is_bad:
                unit, name, pairs = watched
                for pair in pairs:
                    was = pair.is_one
                    pair.hear(unit, name, float(sample.value))
                    changed |= pair.is_one is not was
        return changed

    @property
    def found(self) -> str:
        """The ids of units that are one device, as people read them; nothing when all are their own."""
        return ", ".join(dict.fromkeys(unit for pair in self._pairs if pair.is_one for unit in pair.units))
