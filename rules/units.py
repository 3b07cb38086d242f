"""Units of measure: which may be compared, how they convert, and what their products are in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Unit:
    """`dimensions` are base symbols with exponents, in order; `factor` is how many base units one of this is."""

    dimensions: tuple[tuple[str, int], ...]
    factor: float

    def times(self, other: "Unit", sign: int = 1) -> "Unit":
        """The unit of a product, or with sign -1 of a quotient."""
        powers = dict(self.dimensions)
        for base, power in other.dimensions:
            powers[base] = powers.get(base, 0) + sign * power
        kept = tuple(sorted((base, power) for base, power in powers.items() if power))
        return Unit(kept, self.factor * other.factor**sign)

    def fits(self, other: "Unit") -> bool:
        return self.dimensions == other.dimensions

    @property
    def is_time(self) -> bool:
        return self.dimensions == SECOND.dimensions


ONE = Unit((), 1.0)
SECOND = Unit((("s", 1),), 1.0)
KELVIN = Unit((("K", 1),), 1.0)
CELSIUS = Unit((("degC", 1),), 1.0)
PERCENT = Unit((("%", 1),), 1.0)
MINUTE = Unit(SECOND.dimensions, 60.0)


def _of(base: str, factor: float = 1.0, power: int = 1) -> Unit:
    return Unit(((base, power),), factor)


_WATT = (("A", 1), ("V", 1))
_WATT_SECOND = (("A", 1), ("V", 1), ("s", 1))

# Degrees Celsius and kelvin do not convert: a limit of 5 K against a reading of 30 degC is a mistake in
# nine cases of ten. Percent stays percent, so that 0.95 is never taken for 95 %.
_SYMBOLS: Mapping[str, Unit] = MappingProxyType(
    {
        "m": _of("m"), "km": _of("m", 1e3), "cm": _of("m", 1e-2), "mm": _of("m", 1e-3),
        "l": _of("m", 1e-3, 3), "L": _of("m", 1e-3, 3),
        "s": SECOND, "ms": _of("s", 1e-3), "min": MINUTE, "h": _of("s", 3600.0), "d": _of("s", 86400.0),
        "Pa": _of("Pa"), "kPa": _of("Pa", 1e3), "MPa": _of("Pa", 1e6), "mbar": _of("Pa", 1e2), "bar": _of("Pa", 1e5),
        "V": _of("V"), "mV": _of("V", 1e-3), "kV": _of("V", 1e3),
        "A": _of("A"), "mA": _of("A", 1e-3), "kA": _of("A", 1e3),
        "W": Unit(_WATT, 1.0), "kW": Unit(_WATT, 1e3), "MW": Unit(_WATT, 1e6),
        "VA": Unit(_WATT, 1.0), "kVA": Unit(_WATT, 1e3),
        "J": Unit(_WATT_SECOND, 1.0), "Wh": Unit(_WATT_SECOND, 3.6e3),
        "kWh": Unit(_WATT_SECOND, 3.6e6), "MWh": Unit(_WATT_SECOND, 3.6e9),
        "Hz": _of("s", 1.0, -1), "kHz": _of("s", 1e3, -1), "rpm": _of("s", 1 / 60, -1),
        "g": _of("g"), "kg": _of("g", 1e3),
        "K": KELVIN, "degC": CELSIUS, "°C": CELSIUS, "℃": CELSIUS, "%": PERCENT, "lx": _of("lx"), "Ah": _of("Ah"),
    }
)  # fmt: skip
_POWER = re.compile(r"(?P<symbol>[A-Za-z]+)(?P<power>[1-9])")


def is_unit(symbol: str) -> bool:
    """Whether one symbol (no slash) is in the table; `m3` is, as a power of `m`."""
    return _known(symbol) is not None


def _known(symbol: str) -> Unit | None:
    found = _SYMBOLS.get(symbol)
    power = _POWER.fullmatch(symbol) if found is None else None
    if power is None or power["symbol"] not in _SYMBOLS:
        return found
    one = whole = _SYMBOLS[power["symbol"]]
    for _ in range(int(power["power"]) - 1):
        whole = whole.times(one)
    return whole


@lru_cache(maxsize=512)
def parse_unit(text: str) -> Unit | None:
    """`m3/h`, `bar`, `1/min`. A symbol that is not in the table is a dimension of its own; "" is None: not known."""
    if not text:
        return None
    first, *rest = text.replace("³", "3").replace("²", "2").split("/")
    whole = ONE if first == "1" else _known(first) or _of(first)
    for symbol in rest:
        whole = whole.times(_known(symbol) or _of(symbol), -1)
    return whole


def converted(value: float, source: Unit, target: Unit) -> float:
    """The same quantity in another unit of its dimension, without the dust of binary fractions."""
    if source.factor == target.factor:
        return value
    return float(f"{value * source.factor / target.factor:.15g}")


def scale(source: Unit, target: Unit) -> float:
    """What a number in `source` is multiplied by to be in `target`."""
    return converted(1.0, source, target)
