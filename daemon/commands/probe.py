"""`estated probe SITE DEVICE`: reads one device once by its profile, raw beside decoded, and says what looks wrong."""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from daemon.catalogue import read_catalogue
from daemon.commands.refusal import refuse
from drivers.modbus.client import Connection
from drivers.modbus.inspection import AS_WRITTEN, WAYS, Doubt, Found, Way, likely, look
from drivers.modbus.survey import Survey
from drivers.modbus.unit import DEFAULT_UNIT
from drivers.profile import Probe, Profile
from estate.errors import ConfigError
from estate.installation import Bus, Device
from estate.site import in_order, read_site
from estate.wording import catalogue, nearest, some

UNREADABLE, DOUBTFUL = 2, 1
WORDS = {
    Doubt.NO_SUCH_VALUE: "probe_no_such_value",
    Doubt.OUT_OF_RANGE: "probe_out_of_range",
    Doubt.UNLIKELY_FLOAT: "probe_unlikely_float",
    Doubt.NO_TEXT: "probe_no_text",
    Doubt.SWAPPED_WORDS: "probe_swapped_words",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """`beside` is how many addresses away the expected words stand; 0 for where they belong."""

    expected: tuple[int | str, ...]
    said: Any
    is_right: bool
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Probed:
    """What one reading of a device showed. `ways` are how it would look right, the one to try first at the front.

    `unread` says of points why they could not be read; `answers`: whether the unit said anything at all.
    """

    device: Device
    profile: Profile
    points: dict[str, Found]
    alternatives: dict[str, tuple[Way, ...]]
    identity: Identity | None
    ways: tuple[Way, ...]
    refused: dict[str, str]
    unread: dict[str, str]
    answers: bool
    reads: int
    seconds: float

    @property
    def way(self) -> Way:
        return self.ways[0]

    @property
    def code(self) -> int:
        if not any(found.raw for found in self.points.values()):
            return UNREADABLE
        doubts = any(found.doubt for found in self.points.values())
        stranger = self.identity is not None and not self.identity.is_right
        missing = any(not found.raw for found in self.points.values())
        return DOUBTFUL if doubts or stranger or missing or self.ways != (AS_WRITTEN,) else 0


def main_probe(folder: Path, device: str, language: str = "en", as_json: bool = False) -> int:
    """Prints to standard output; nothing is ever written to the device.

    0 when all of it looks right, 1 when something does not, 2 when nothing could be read or asked for.
    """
    words = catalogue()
    try:
        site = read_site(folder)
    except ConfigError as error:
        refuse("probe", error, language)
        return UNREADABLE
    found = next((one for one in site.devices.values if one.id == device), None)
    if found is None:
        if device in site.devices.ids or site.outline is None:
            refuse("probe", ConfigError(in_order(site.faults)), language)
            return UNREADABLE
        known = some(site.devices.ids)
        near = nearest(device, site.devices.ids) or "-"
        print(words["probe_no_device"][language].format(id=device, near=near, known=known), file=sys.stderr)
        return UNREADABLE
    knowledge = read_catalogue(folder, (found.profile,), ())
    profile = knowledge.profiles.get(found.profile)
    buses = site.outline.buses if site.outline is not None else ()
    bus = next((one for one in buses if one.id == found.bus), None)
    if profile is None and knowledge.faults:
        refuse("probe", ConfigError(in_order(knowledge.faults)), language)
        return UNREADABLE
    if profile is None or profile.modbus is None or bus is None:
        print(words["probe_no_bus"][language].format(id=device, profile=found.profile), file=sys.stderr)
        return UNREADABLE
    probed = asyncio.run(probe(bus, found, profile))
    if as_json:
        print(json.dumps(document(probed), ensure_ascii=False, indent=2))
    else:
        for line in told(probed, bus, language):
            print(line)
    return probed.code


async def probe(bus: Bus, device: Device, profile: Profile) -> Probed:
    """One reading. The line is closed again whatever happens."""
    section = profile.modbus
    assert section is not None, "an MQTT device has no registers"
    begin = perf_counter()
    unit = DEFAULT_UNIT if device.unit is None else device.unit
    connection = Connection(bus)
    survey = Survey(connection, unit, section.timeout or bus.timeout)
    try:
        identity = await _identify(survey, section.probe, profile) if section.probe is not None else None
        dump = await survey.take(profile)
    finally:
        connection.close()
    scales = device.scale
    points = {name: look(profile, name, dump, AS_WRITTEN, scales) for name in profile.registers}
    alternatives = {
        name: tuple(way for way in WAYS if not way.is_as_written and _sound(look(profile, name, dump, way, scales)))
        for name, found in points.items()
        if found.doubt
    }
    ways = likely(profile, dump, scales)
    if identity is not None and identity.beside:
        ways = (next((way for way in ways if way.shift == identity.beside), Way(identity.beside)),)
    elif identity is not None and identity.is_right and len(ways) > 1:
        ways = tuple(way for way in ways if not way.shift) or ways
    unanswered = survey.refused | survey.silent
    refused = {f"{table.value} {place}": why for (table, place, _), why in unanswered.items()}
    unread = {
        name: survey.why_unread(register.table, section.wire(register.address), register.registers)
        for name, register in profile.registers.items()
        if not points[name].raw
    }
    answers = bool(survey.refused or dump)
    seconds = perf_counter() - begin
    return Probed(
        device, profile, points, alternatives, identity, ways, refused, unread, answers, survey.reads, seconds
    )


async def _identify(survey: Survey, wanted: Probe, profile: Profile) -> Identity:
    said = await survey.identity(wanted, profile)
    if said != "" and wanted.agrees(said):
        return Identity(wanted.expect, said, True)
    for shift in (-1, 1):
        beside = await survey.identity(wanted, profile, shift)
        if beside != "" and wanted.agrees(beside):
            return Identity(wanted.expect, said, False, shift)
    return Identity(wanted.expect, said, False)


def _sound(found: Found) -> bool:
    return bool(found.raw) and not found.doubt and not found.reading.quality.is_bad


def document(probed: Probed) -> dict[str, Any]:
    """For `--json`: addresses as the maker prints them and as sent, raw registers in hex."""
    section = probed.profile.modbus
    assert section is not None
    identity = probed.identity
    return {
        "device": probed.device.id,
        "profile": probed.profile.profile,
        "unit": probed.device.unit,
        "identity": None
        if identity is None
        else {"expected": identity.expected, "said": identity.said, "right": identity.is_right, "at": identity.beside},
        "looks_right": {"as_written": probed.way.is_as_written, **_as_json(probed.way)},
        "looks_right_too": [_as_json(way) for way in probed.ways[1:]],
        "points": [
            {
                "point": name,
                "table": register.table.value,
                "address": register.address,
                "wire": section.wire(register.address),
                "raw": [f"{word:04x}" for word in probed.points[name].raw],
                "value": probed.points[name].reading.value,
                "unit": _unit(probed, name),
                "quality": probed.points[name].reading.quality.value,
                "reason": probed.unread.get(name) or probed.points[name].reading.reason,
                "doubt": probed.points[name].doubt,
                "would_look_right": [_as_json(way) for way in probed.alternatives.get(name, ())],
            }
            for name, register in probed.profile.registers.items()
        ],
        "not_answered": probed.refused,
        "reads": probed.reads,
        "seconds": round(probed.seconds, 3),
    }


def told(probed: Probed, bus: Bus, language: str) -> list[str]:
    """The same for people, to be compared with the device's own display."""
    words = catalogue()

    def say(code: str, **values: object) -> str:
        return words[code][language].format(**values)

    where = bus.tcp or bus.serial or ""
    name = f"{probed.profile.vendor} {probed.profile.model}"
    lines = [say("probe_head", id=probed.device.id, model=name, bus=where, unit=probed.device.unit or DEFAULT_UNIT)]
    identity = probed.identity
    if identity is None:
        lines.append(say("probe_no_identity"))
    elif identity.is_right:
        lines.append(say("probe_identity", said=identity.said))
    else:
        expected = " / ".join(map(str, identity.expected))
        lines.append(say("probe_stranger", said=identity.said or "-", expected=expected))
    lines += _table(probed, language)
    if probed.code == UNREADABLE:
        nothing = "probe_no_registers" if probed.answers else "probe_nothing"
        lines.append(say(nothing, why=next(iter(probed.refused.values()), "-")))
        if probed.way.shift:
            lines.append(say("probe_better", way=_way(probed.way, language)))
    elif len(probed.ways) > 1:
        first, *others = (_way(way, language) for way in probed.ways)
        code = "probe_two_ways" if probed.way.is_as_written else "probe_either"
        lines.append(say(code, first=first, others=", ".join(others)))
    elif not probed.way.is_as_written:
        lines.append(say("probe_better", way=_way(probed.way, language)))
    elif probed.code == 0:
        lines.append(say("probe_fine"))
    else:
        lines.append(say("probe_doubts"))
    lines.append(say("probe_cost", reads=probed.reads, seconds=f"{probed.seconds:.2f}"))
    return lines


def _table(probed: Probed, language: str) -> list[str]:
    rows = []
    for name, register in probed.profile.registers.items():
        found = probed.points[name]
        raw = " ".join(f"{word:04x}" if not register.table.is_bits else str(word) for word in found.raw) or "-"
        value = "-" if found.reading.value is None else f"{found.reading.value} {_unit(probed, name)}".strip()
        notes = [found.reading.reason] if found.reading.reason else []
        if probed.unread.get(name):
            notes.append(probed.unread[name])
        if found.doubt:
            notes.append(catalogue()[WORDS[found.doubt]][language])
            better_ways = [_way(way, language) for way in probed.alternatives.get(name, ())]
            if better_ways:
                notes.append(catalogue()["probe_rather"][language].format(ways=", ".join(better_ways)))
        rows.append((name, f"{register.table.value} {register.address}", raw, value, "; ".join(notes)))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    return ["  ".join([*map(str.ljust, row, widths), row[4]]).rstrip() for row in rows]


def _as_json(way: Way) -> dict[str, int | bool]:
    return {"shift": way.shift, "swapped": way.swapped}


def _unit(probed: Probed, name: str) -> str:
    scale = probed.device.scale.get(name)
    return scale.unit if scale is not None else probed.profile.registers[name].unit


def _way(way: Way, language: str) -> str:
    words = catalogue()
    parts = []
    if way.shift:
        parts.append(words["probe_shifted"][language].format(shift=f"{way.shift:+d}"))
    if way.swapped:
        parts.append(words["probe_swapped"][language])
    return words["probe_and"][language].join(parts)
