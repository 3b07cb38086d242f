"""Whether a device's registers look as its profile says: addresses off by one and swapped words show. Pure.

Devices with 32768 or 65536 for a value, or halves of two neighbours joined to a huge number, are the most common
mistakes when a map is typed in (reference: Tasmota #17467, OpenEMS #86, libmodbus #652). So each point is also
read one address lower and higher, and with its words the other way round, and the ways are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from math import isfinite

from drivers.modbus.decode import Reading, decode
from drivers.profile import ModbusSection, Profile, RegisterPoint, RegisterType, Table, WordOrder
from estate.installation import Scale
from estate.model import Quality

Dump = Mapping[tuple[Table, int], int]
"""What stood at each wire address; bits as 0 and 1."""

LARGE, TINY, HUGE = 1 << 20, 1e-6, 1e9
"""An integer of several words above LARGE, a float below TINY or above HUGE, is seldom what a building has."""

ALIKE = 0.8
"""Ways whose sound values say at least so much of what the best say cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to read: so many addresses further on, and with the words of a number the other way round."""

    shift: int = 0
    swapped: bool = False

    @property
    def is_as_written(self) -> bool:
        return not self.shift and not self.swapped


class Doubt(StrEnum):
    """Why a reading hardly is what stands there."""

    NONE = ""
    NO_SUCH_VALUE = "no_such_value"
    OUT_OF_RANGE = "out_of_range"
    UNLIKELY_FLOAT = "unlikely_float"
    NO_TEXT = "no_text"
    SWAPPED_WORDS = "swapped_words"


AS_WRITTEN = Way()
WAYS = tuple(Way(shift, swapped) for shift, swapped in product((0, -1, 1), (False, True)))


@dataclass(frozen=True, slots=True)
class Found:
    """One point read one way; `raw` is empty where nothing could be read."""

    raw: tuple[int, ...]
    reading: Reading
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class Score:
    """How a whole map reads one way: `weight` speaks for it, the `doubtful` points, or unread ones, against it."""

    way: Way
    weight: float
    doubtful: tuple[str, ...]


def look(profile: Profile, name: str, dump: Dump, way: Way, scales: Mapping[str, Scale]) -> Found:
    """One point, one way."""
    section, point = profile.modbus, profile.registers[name]
    assert section is not None, "only a Modbus profile has registers"
    raw = _registers(section, point, dump, way)
    if len(raw) != point.registers:
        return Found((), Reading(None, Quality.NO_COMMUNICATION, "not read"))
    reading = decode(point, _in_order(raw, way), section.word_order, scales.get(name))
    return Found(raw, reading, _doubt(point, _in_order(raw, way), section, reading))


def scores(profile: Profile, dump: Dump, scales: Mapping[str, Scale]) -> list[Score]:
    """Every way, as written first, then the best first."""
    found = [_score(profile, dump, way, scales) for way in WAYS]
    return [found[0], *sorted(found[1:], key=lambda one: (len(one.doubtful), -one.weight))]


def likely(profile: Profile, dump: Dump, scales: Mapping[str, Scale]) -> tuple[Way, ...]:
    """The ways that look right, the one to try first at the front: as written, unless that raises doubts.

    An address off by one and a wrong word order often look alike: 0 A 0 B read one place on is A 0 B, which both
    cures turn into A and B. Then both are named, the address first: with the wrong cure the values move to their
    neighbours. As written and shifted may both be sound as well.
    """
    written, *others = scores(profile, dump, scales)
    if not written.doubtful:
        rivals = [one.way for one in others if _is_rival(profile, one, written)]
        return (AS_WRITTEN, *rivals)
    better = [one for one in others if len(one.doubtful) < len(written.doubtful) and one.weight > written.weight]
    if not better:
        return (AS_WRITTEN,)
    fewest, most = min(len(one.doubtful) for one in better), max(one.weight for one in better)
    ways = [one.way for one in better if len(one.doubtful) == fewest and one.weight >= ALIKE * most]
    plain = [way for way in ways if not (way.shift and way.swapped)]
    return tuple(sorted(plain or ways, key=lambda way: way.swapped))


def _is_rival(profile: Profile, one: Score, written: Score) -> bool:
    """Whether numbers of several words make as much sense read at other addresses."""
    joined = any(point.type.registers > 1 for point in profile.registers.values())
    return joined and not one.way.swapped and not one.doubtful and one.weight >= written.weight >= 1


def _score(profile: Profile, dump: Dump, way: Way, scales: Mapping[str, Scale]) -> Score:
    weight, doubtful = 0.0, []
    for name, point in profile.registers.items():
        found = look(profile, name, dump, way, scales)
        if found.doubt or not found.raw:
            doubtful.append(name)
        elif any(found.raw):  # nothing but zeros fits everywhere
            weight += _evidence(point, found.reading)
    return Score(way, weight, tuple(doubtful))


def _evidence(point: RegisterPoint, reading: Reading) -> float:
    """How much a sound value says: a float or a listed word hardly comes by chance, a bit always fits."""
    if point.table.is_bits or point.is_partial or point.is_bool:
        return 0.0
    if reading.quality is Quality.SENSOR_FAULT:
        return 0.5
    if point.type in (RegisterType.FLOAT32, RegisterType.TEXT):
        return 3.0
    if point.enum is not None or point.valid is not None or point.registers > 1:
        return 1.0
    return 0.1


def _doubt(point: RegisterPoint, raw: Sequence[int], section: ModbusSection, reading: Reading) -> Doubt:
    if reading.quality in (Quality.DECODE, Quality.CONFIGURATION):
        if point.type is RegisterType.TEXT:
            return Doubt.NO_TEXT
        return Doubt.NO_SUCH_VALUE if point.enum is not None else Doubt.OUT_OF_RANGE
    if reading.quality is Quality.OUT_OF_RANGE and not point.is_scaled_on_site:
        return Doubt.OUT_OF_RANGE
    if point.table.is_bits or point.is_partial or reading.quality.is_bad:
        return Doubt.NONE
    if point.type is RegisterType.FLOAT32:
        value = reading.value
        number = float(value) if isinstance(value, int | float) else 0.0
        likely = not number or (isfinite(number) and TINY < abs(number) < HUGE)
        return Doubt.NONE if likely else Doubt.UNLIKELY_FLOAT
    if point.registers > 1 and _looks_swapped(raw, point.word_order or section.word_order):
        return Doubt.SWAPPED_WORDS
    return Doubt.NONE


def _looks_swapped(raw: Sequence[int], order: WordOrder) -> bool:
    """A number whose low words are empty while its high ones are not: small when it is read the other way round.

    A counter of a building grows from below: its high words stay empty for years. A number whose low words are all
    zero is one in 65536, and what two neighbours joined look like.
    """
    words = list(raw) if order == "high_first" else list(reversed(raw))
    if words[0] in (0, 0xFFFF):
        return False
    low = sum(word << 16 * place for place, word in enumerate(reversed(words)))
    other = sum(word << 16 * place for place, word in enumerate(words))
    return not any(words[1:]) or (low > LARGE and other < LARGE)


def _registers(section: ModbusSection, point: RegisterPoint, dump: Dump, way: Way) -> tuple[int, ...]:
    first = section.wire(point.address) + way.shift
    places = [(point.table, first + offset) for offset in range(point.registers)]
    return tuple(dump[place] for place in places if place in dump)


def _in_order(raw: tuple[int, ...], way: Way) -> tuple[int, ...]:
    return raw[::-1] if way.swapped else raw
