"""The table of faults: what each must raise, when it can be seen, and which other alarms belong to it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from daemon.assembly import Assembly
from rules.alarm import AlarmId
from rules.instance import RuleInstance

TABLE = Path(__file__).with_name("faults.yaml")


class Row(BaseModel):
    """One fault of one kind of thing.

    `alarm`, `also` (what comes along each time) and `may` (what comes along by chance) are rules of the thing itself or
    whole alarm ids; `{thing}` is its id. `cause` is the alarm that would tell the fault if anybody could still hear it.
    `takes` s or parameters pass until what it measures shows the fault. `script` says what happens, one after the
    other: `fault` is the fault itself, a number a pause in s, `thing word` another fault or act, `- thing word` its
    end, `! thing command` a command of the operator, `acknowledge` what it says. The delay counts from the last of it.
    `heal` is done when the fault is ended. `hours` are those of the day in which it shows. `dry`: not while it rains;
    `closely`: at every poll. Faults of `slow` rows take days.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    thing: str
    alarm: str = ""
    nothing: str = ""
    unseen: str = ""
    details: Mapping[str, Any] = {}
    takes: tuple[float | str, ...] | float | str = 0.0
    also: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    cause: str = ""
    script: tuple[float | str, ...] = ("fault",)
    heal: tuple[float | str, ...] = ()
    hours: tuple[float, float] = (0.0, 24.0)
    dry: bool = False
    slow: bool = False
    closely: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """A row with its names made whole. `alarm` is None where nothing is to be raised."""

    name: str
    kind: str
    word: str
    row: Row
    alarm: AlarmId | None
    takes: float
    named: frozenset[AlarmId]
    may: frozenset[AlarmId]
    excused: frozenset[AlarmId]


@cache
def rows() -> Mapping[str, Row]:
    """By `kind.fault`."""
    return {name: Row.model_validate(row) for name, row in yaml.safe_load(TABLE.read_text("utf-8")).items()}


class Plan:
    """The table on one site."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self.rules = {one.alarm: one for one in assembly.rules}
        self._children: dict[AlarmId, set[AlarmId]] = {}
        for one in assembly.rules:
            for parents in one.parents:
                for parent in parents:
                    self._children.setdefault(parent, set()).add(one.alarm)
        self._parents = {one.alarm: {parent for some in one.parents for parent in some} for one in assembly.rules}
        self._readers: dict[str, set[AlarmId]] = {}
        for one in assembly.rules:
            for point in one.points:
                self._readers.setdefault(str(point), set()).add(one.alarm)

    def fault(self, name: str) -> Fault:
        """Raises ValueError for an alarm that the site does not have."""
        kind, _, word = name.partition(".")
        row = rows()[name]
        alarm = self._alarm(row.alarm, row.thing, kind) if row.alarm else None
        named, may = (frozenset(self._alarm(one, row.thing, kind) for one in some) for some in (row.also, row.may))
        excused = frozenset({self._alarm(row.cause, row.thing, kind)} if row.cause else ())
        return Fault(name, kind, word, row, alarm, self._seconds(row, alarm), named, may, excused | self._set_up(row))

    def _set_up(self, row: Row) -> frozenset[AlarmId]:
        """What the other faults of its script raise by themselves, as their own rows say."""
        found: set[AlarmId] = set()
        for step in steps(row.script):
            if isinstance(step, Step) and step.how == "":
                kind, _, thing = step.thing.rpartition(":")
                other = rows().get(f"{kind}.{step.word}")
                if other is not None:
                    told = (other.alarm, *other.also, *other.may) if other.alarm else ()
                    found |= {self._alarm(one, thing, kind) for one in told}
        return frozenset(found)

    def limit(self, fault: Fault, poll_least: float) -> float:
        """s from the end of the script to the alarm: what it takes, the rule's delay, and two polls."""
        assert fault.alarm is not None, "nothing is waited for"
        return fault.takes + self.rules[fault.alarm].on_delay + 2 * max(self.poll(fault.alarm), poll_least)

    def poll(self, alarm: AlarmId) -> float:
        """s between two readings of the slowest value that the alarm's rule reads; 0 for what reports by itself."""
        devices = {one.id: one for one in self._assembly.site.devices}
        found = 0.0
        for point in self.rules[alarm].points:
            owner, _, name = str(point).partition(".")
            device = devices.get(owner)
            if device is not None and device.bus is not None:
                register = self._assembly.profiles[device.profile].registers.get(name)
                found = max(found, device.poll * (register.every if register is not None else 1))
        return found

    def relatives(self, alarms: Iterable[AlarmId], on: str, shown: Iterable[str]) -> Mapping[AlarmId, str]:
        """Alarms that may come with these, and why: derived from the site, not listed.

        Children that these explain and parents that explain them, over several generations; all that is fed by what
        one of them says to be without supply; and alarms of other equipment whose rules read a point that the broken
        thing (`on`) shows. What else its own rules raise is not excused by this: the table has to name it.
        """
        found: dict[AlarmId, str] = {}
        for word, next_of in (("child", self._children), ("parent", self._parents)):
            waiting = list(alarms)
            while waiting:
                for one in next_of.get(waiting.pop(), ()):
                    if one not in found:
                        found[one] = word
                        waiting.append(one)
        dark = self._fed_by({str(self.rules[one].equipment) for one in alarms if self.rules[one].rule.cuts_supply})
        for one in self.rules.values():
            if one.equipment in dark:
                found.setdefault(one.alarm, "fed by it")
        for point in shown:
            for one in self._readers.get(point, ()):
                if self.rules[one].equipment != on:
                    found.setdefault(one, "reads it")
        return found

    def _fed_by(self, feeders: set[str]) -> set[str]:
        """All that hangs on these, and on what hangs on them; devices, buses and gateways under their own ids."""
        site = self._assembly.site
        hung = [(one.id, one.fed_by) for one in site.equipment]
        hung += [(f"device-{one.id}", one.fed_by) for one in site.devices]
        hung += [(f"bus-{one.id}", one.fed_by) for one in site.buses]
        hung += [(f"gateway-{one.id}", one.fed_by) for one in site.gateways]
        found: set[str] = set()
        waiting = set(feeders)
        while waiting:
            feeder = waiting.pop()
            new = {name for name, by in hung if by == feeder and name not in found}
            found |= new
            waiting |= new
        return found

    def _alarm(self, name: str, on: str, kind: str) -> AlarmId:
        whole = name.replace("{thing}", on)
        if whole.partition(".")[0] not in {one.equipment for one in self.rules.values()}:
            whole = f"{on}.{whole}"
        if AlarmId(whole) not in self.rules:
            raise ValueError(f"{kind}: the site has no alarm {whole}")
        return AlarmId(whole)

    def _seconds(self, row: Row, alarm: AlarmId | None) -> float:
        parts = row.takes if isinstance(row.takes, tuple) else (row.takes,)
        return sum(part if isinstance(part, float | int) else self._parameter(part, alarm) for part in parts)

    def _parameter(self, name: str, alarm: AlarmId | None) -> float:
        """A parameter of the equipment that alarms; `silence` is how long a device of its may say nothing."""
        assert alarm is not None, "only a rule has parameters"
        one = self.rules[alarm]
        item = next((item for item in self._assembly.site.equipment if item.id == one.equipment), None)
        if item is not None and name in item.parameters:
            return float(item.parameters[name])
        kind = item.class_ if item is not None else str(one.equipment).partition("-")[0]
        classes = self._assembly.own_classes
        cls = classes[one.equipment] if one.equipment in classes else self._assembly.classes[kind]
        return float(cls.parameters[name].default)


STEP = re.compile(r"(?P<how>[-!]?) ?(?P<thing>\S+) (?P<word>\S+)(?: (?P<details>\{.*\}))?")


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a script. `how`: "" begins a fault or act, "-" ends it, "!" is a command of the operator."""

    how: str
    thing: str
    word: str
    details: Mapping[str, Any]


def steps(script: Iterable[float | str]) -> Iterator[float | str | Step]:
    """Pauses in s, the words `fault` and `acknowledge`, and steps."""
    for part in script:
        if not isinstance(part, str) or part in ("fault", "acknowledge"):
            yield part
            continue
        found = STEP.fullmatch(part)
        if found is None:
            raise ValueError(f"no step: {part!r}")
        yield Step(found["how"], found["thing"], found["word"], yaml.safe_load(found["details"] or "{}"))


def known(rule: RuleInstance) -> str:
    """The rule's name and priority, for people."""
    return f"P{rule.rule.priority} {rule.alarm}"
