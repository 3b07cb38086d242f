"""`estated scan SITE BUS`: finds the units of a bus without writing, and names the profiles that fit them."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from pydantic import ValidationError

from daemon.catalogue import PROFILES, read_catalogue
from daemon.commands.refusal import refuse
from drivers.modbus.client import Connection
from drivers.modbus.inspection import scores
from drivers.modbus.plan import plan
from drivers.modbus.survey import Survey
from drivers.profile import Profile, Table
from estate.errors import ConfigError, TransportError
from estate.installation import Bus
from estate.site import read_site
from estate.wording import catalogue, nearest, some

FIRST, LAST = 1, 247
NOT_THERE = ("exception 10", "exception 11")
"""What a gateway answers for a unit that does not."""

TIMEOUT, QUIET = 0.3, 0.05
MOST_NAMED = 3
SAYS_ENOUGH = 2.0
"""Evidence (drivers.modbus.inspection) from which a profile without an identity register is worth a look."""

BAR = 30


@dataclass(frozen=True, slots=True)
class Seen:
    """A unit that answered. `certain` are profiles whose identity fits, `possible` those whose registers do."""

    unit: int
    answer: str
    certain: tuple[str, ...]
    possible: tuple[str, ...]


def main_scan(
    folder: Path | None,
    bus_id: str | None,
    line: Mapping[str, object],
    units: tuple[int, int] = (FIRST, LAST),
    language: str = "en",
    as_json: bool = False,
) -> int:
    """`line` describes a bus without a site: tcp and framing, or serial, baud and parity; and the timeout (s).

    0 when a unit answered, 1 when none did, 2 when the bus is unknown or cannot be reached.
    """
    words = catalogue()
    bus = _bus(folder, bus_id, line, language)
    if bus is None:
        return 2
    knowledge = read_catalogue(folder or Path(), [file.stem for file in PROFILES.glob("*.yaml")], ())
    profiles = {name: one for name, one in knowledge.profiles.items() if one.modbus is not None}
    shows = sys.stderr.isatty() and not as_json
    begin = perf_counter()
    try:
        seen = asyncio.run(scan(bus, profiles, units, _progress if shows else _quiet))
    except TransportError as error:
        print(words["scan_unreachable"][language].format(bus=bus.id, why=error), file=sys.stderr)
        return 2
    if shows:
        print(file=sys.stderr)
    seconds = perf_counter() - begin
    if as_json:
        rows = [
            {"unit": one.unit, "answer": one.answer, "certain": one.certain, "possible": one.possible} for one in seen
        ]
        print(json.dumps({"bus": bus.id, "units": rows, "seconds": round(seconds, 2)}, indent=2))
        return 0 if seen else 1
    for one in seen:
        code = "scan_certain" if one.certain else "scan_possible" if one.possible else "scan_unknown"
        names = ", ".join(one.certain or one.possible)
        print(words[code][language].format(unit=one.unit, profiles=names, answer=one.answer))
    asked = units[1] - units[0] + 1
    print(words["scan_done"][language].format(bus=bus.id, found=len(seen), asked=asked, seconds=f"{seconds:.1f}"))
    return 0 if seen else 1


def _bus(folder: Path | None, bus_id: str | None, line: Mapping[str, object], language: str) -> Bus | None:
    """The bus that was meant, with the patience of a scan; None when there is none, and why is said."""
    words = catalogue()
    given = {key: value for key, value in line.items() if value is not None}
    patience = {"timeout": given.pop("timeout", TIMEOUT), "quiet": QUIET}
    if folder is None:
        try:
            return Bus.model_validate({"id": "line", **given, **patience})
        except ValidationError:
            print(words["scan_no_line"][language], file=sys.stderr)
            return None
    try:
        outline = read_site(folder).outline
    except ConfigError as error:
        refuse("scan", error, language)
        return None
    buses = {one.id: one for one in outline.buses} if outline is not None else {}
    if bus_id not in buses:
        near = nearest(bus_id or "", buses) or "-"
        print(words["scan_no_bus"][language].format(id=bus_id, near=near, known=some(buses)), file=sys.stderr)
        return None
    return buses[bus_id].model_copy(update=patience)


async def scan(
    bus: Bus, profiles: Mapping[str, Profile], units: tuple[int, int], progress: Callable[[int, int, int], None]
) -> list[Seen]:
    """Raises TransportError when the line cannot be opened at all."""
    connection = Connection(bus)
    await connection.open()
    seen = []
    try:
        for unit in range(units[0], units[1] + 1):
            survey = Survey(connection, unit, bus.timeout)
            answer = await _answer(survey)
            if answer:
                seen.append(await _recognise(survey, answer, profiles))
            progress(unit - units[0] + 1, units[1] - units[0] + 1, len(seen))
    finally:
        connection.close()
    return seen


async def _answer(survey: Survey) -> str:
    """What it said to a single register; empty for a unit that is not there. An exception is an answer too."""
    for table in (Table.HOLDING, Table.INPUT):
        if await survey.read(table, 0, 1):
            return f"{table.value} 0 = {survey.dump[table, 0]:#06x}"
        refusal = survey.refused.get((table, 0, 1), "")
        if refusal.startswith(NOT_THERE):
            return ""
        if refusal:
            return refusal
    return ""


async def _recognise(survey: Survey, answer: str, profiles: Mapping[str, Profile]) -> Seen:
    certain = []
    for name, profile in profiles.items():
        probe = profile.modbus.probe if profile.modbus is not None else None
        if probe is not None and probe.agrees(await survey.identity(probe, profile)):
            certain.append(name)
    possible: Sequence[tuple[float, str]] = ()
    if not certain:
        possible = [
            (weight, name)
            for name, profile in profiles.items()
            if profile.modbus is not None
            and profile.modbus.probe is None
            and (weight := await _fit(survey, profile)) >= SAYS_ENOUGH
        ]
    named = tuple(name for _, name in sorted(possible, reverse=True)[:MOST_NAMED])
    return Seen(survey.unit, answer, tuple(certain), named)


async def _fit(survey: Survey, profile: Profile) -> float:
    """What speaks for a profile that has no identity register; 0 as soon as one of its registers is refused."""
    for block in plan(profile):
        if not await survey.read(block.table, block.start, block.count, profile):
            return 0.0
    written = scores(profile, survey.dump, {})[0]
    return 0.0 if written.doubtful else written.weight


def _progress(done: int, of: int, found: int) -> None:
    filled = BAR * done // of
    print(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {done}/{of}  {found} found", end="", file=sys.stderr, flush=True)


def _quiet(done: int, of: int, found: int) -> None:
    """No terminal to draw on."""
