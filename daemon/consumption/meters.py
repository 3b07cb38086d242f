"""The meters of a site: which points count, how far they can be believed, and which stand behind which."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from daemon.assembly import Assembly
from daemon.metering import Meter
from drivers.profile import RegisterPoint, RegisterType
from estate.installation import Device, Equipment
from estate.model import EquipmentId, PointId, Value

COUNTS: Mapping[str, tuple[str, str]] = {
    "energy_meter": ("energy_import", "power_most"),
    "water_meter": ("volume", "flow_most"),
    "pv_meter": ("energy_yield", "power_most"),
}
"""Class to the point that counts, and the parameter that says what the branch can carry at most in an hour."""

PAIRS, MAIN, SUBS = "meter_balance", "main", "sub_"
SPANS = {RegisterType.UINT16: 2**16, RegisterType.UINT32: 2**32, RegisterType.INT32: 2**31}
LAST_DIGIT = 0.25
"""By which a count may fall without meaning anything: the last digit of a 32-bit float near 2,000,000."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A point that counts, in `unit`."""

    point: PointId
    unit: str
    meter: Meter


@dataclass(frozen=True, slots=True)
class Branch:
    """An equipment with a count of its own."""

    item: Equipment
    counter: Counter


@dataclass(frozen=True, slots=True)
class Balanced:
    """A main meter and those behind it."""

    item: Equipment
    main: Counter
    subs: tuple[Counter, ...]


@dataclass(frozen=True, slots=True)
class Photovoltaics:
    """`tariff` in CNY/kWh; no `fed_in` where nobody counts what goes back to the grid."""

    item: Equipment
    produced: Counter
    fed_in: Counter | None
    tariff: float


@dataclass(frozen=True, slots=True)
class Meters:
    branches: tuple[Branch, ...]
    balances: tuple[Balanced, ...]
    photovoltaics: tuple[Photovoltaics, ...]

    @property
    def counters(self) -> tuple[Counter, ...]:
        """Each counting point once."""
        every = [one.counter for one in self.branches]
        every += [counter for one in self.balances for counter in (one.main, *one.subs)]
        every += [one.fed_in for one in self.photovoltaics if one.fed_in is not None]
        return tuple({one.point: one for one in every}.values())

    @property
    def water(self) -> tuple[Branch, ...]:
        return tuple(one for one in self.branches if one.item.class_ == "water_meter")


def meters_of(assembly: Assembly) -> Meters:
    devices = {one.id: one for one in assembly.site.devices}
    known: dict[PointId, Counter] = {}

    def counter(point: PointId, most: float) -> Counter:
        meter = Meter(most, _end(assembly, devices, point), LAST_DIGIT)
        return Counter(point, assembly.units.get(point, ""), meter)

    branches, photovoltaics = [], []
    for item in assembly.site.equipment:
        bound = assembly.bindings[EquipmentId(item.id)]
        count, limit = COUNTS.get(item.class_, ("", ""))
        if count not in bound:
            continue
        most = _number(assembly, item, limit)
        branches.append(Branch(item, counter(bound[count], most)))
        known[bound[count]] = branches[-1].counter
        if item.class_ == "pv_meter":
            back = bound.get("energy_feed_in")
            fed_in = counter(back, most) if back is not None else None
            photovoltaics.append(Photovoltaics(item, branches[-1].counter, fed_in, _number(assembly, item, "tariff")))
    balances = []
    for item in assembly.site.equipment:
        if item.class_ == PAIRS:
            bound = assembly.bindings[EquipmentId(item.id)]
            main, *subs = (
                known.get(point) or counter(point, inf)
                for name, point in sorted(bound.items())
                if name == MAIN or name.startswith(SUBS)
            )
            balances.append(Balanced(item, main, tuple(subs)))
    return Meters(tuple(branches), tuple(balances), tuple(photovoltaics))


def _end(assembly: Assembly, devices: Mapping[str, Device], point: PointId) -> float | None:
    """Where the register begins anew; None for a float, which does not."""
    device, _, name = point.partition(".")
    owner = devices.get(device)
    if owner is None:
        return None
    register = assembly.profiles[owner.profile].points.get(name)
    if not isinstance(register, RegisterPoint) or register.type not in SPANS:
        return None
    scale = owner.scale.get(name)
    step = scale.high - scale.low if register.pulses and scale is not None else register.factor
    return float(SPANS[register.type]) * step


def _number(assembly: Assembly, item: Equipment, name: str) -> float:
    default = assembly.own_classes[EquipmentId(item.id)].parameters[name].default
    value: Value = item.parameters.get(name, default)
    return float(value) if isinstance(value, int | float) else inf
