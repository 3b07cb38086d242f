"""Ten control rooms as their journals tell of them: seeded, each with a trouble of its own."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.journal import Journal
from daemon.records import Receipt, Record
from estate.model import EquipmentId
from rules.alarm import IN_SIGHT, TABLE, AlarmId, AlarmState, Transition, Trigger
from rules.suppression import UNSUPPRESSED, Removal, Shelf, Suppression

START = datetime(2026, 3, 1, tzinfo=UTC)  # Sunday, 08:00 in Shanghai
END = START + timedelta(days=4)


@dataclass
class Beneath:
    """One alarm while its story is written."""

    state: AlarmState = AlarmState.NORMAL
    occurrence: int = 0
    raised: datetime | None = None
    priority: int = 3
    latching: bool = False
    suppression: Suppression = UNSUPPRESSED


@dataclass(order=True)
class Act:
    at: datetime
    number: int
    alarm: str = field(compare=False)
    word: str = field(compare=False)


class ControlRoom:
    """Acts in any order; `write` puts them in order of time and lets the table of states decide what comes of each."""

    def __init__(self, seed: int, consoles: Callable[[datetime], Iterable[str]] = lambda at: ["desk-1"]) -> None:
        self.dice = random.Random(seed)
        self._acts: list[Act] = []
        self._alarms: dict[str, Beneath] = {}
        self._consoles = consoles

    def alarm(self, name: str, priority: int = 3, latching: bool = False) -> str:
        self._alarms.setdefault(name, Beneath(priority=priority, latching=latching))
        return name

    def act(self, alarm: str, word: str, at: datetime) -> datetime:
        self.alarm(alarm)
        self._acts.append(Act(at, len(self._acts), alarm, word))
        return at

    def occurrence(self, alarm: str, at: datetime, lasts: float, acknowledged_after: float | None) -> None:
        self.act(alarm, "come", at)
        self.act(alarm, "go", at + timedelta(seconds=lasts))
        if acknowledged_after is not None:
            self.act(alarm, "acknowledge", at + timedelta(seconds=acknowledged_after))

    def some(self, alarms: int, count: int, start: datetime, end: datetime, lasts: float = 600.0) -> None:
        """Ordinary alarms at random times."""
        for _ in range(count):
            number = int(self.dice.paretovariate(1.2)) % alarms
            alarm = self.alarm(f"pump-{number}.fault", priority=self.dice.choice((1, 2, 3, 3, 4, 4, 4)))
            answered = self.dice.expovariate(1 / 40) if self.dice.random() < 0.9 else None
            self.occurrence(alarm, self.between(start, end), self.dice.expovariate(1 / lasts), answered)

    def between(self, start: datetime, end: datetime) -> datetime:
        return start + timedelta(microseconds=self.dice.randrange(int((end - start) / timedelta(microseconds=1))))

    async def write(self, path: Path) -> int:
        records: list[Record] = []
        for act in sorted(self._acts):
            if act.at < END + timedelta(hours=1):
                records += self._records(act)
        with Journal(path) as journal:
            for first in range(0, len(records), 500):
                await journal.commit(records[first : first + 500])
        return len(records)

    def _records(self, act: Act) -> list[Record]:
        one = self._alarms[act.alarm]
        trigger, chatter, hidden = self._meant(act, one)
        if trigger is None:
            return []
        before = one.state
        one.suppression = hidden
        if hidden is UNSUPPRESSED or trigger not in IN_SIGHT:
            after = TABLE.get((before, trigger))
            if after is None:
                return []
            one.state = after
        if trigger in (Trigger.RAISE, Trigger.RAISE_SUPPRESSED):
            one.occurrence, one.raised = one.occurrence + 1, act.at
        equipment, _, rule = act.alarm.partition(".")
        transition = Transition(
            AlarmId(act.alarm),
            EquipmentId(equipment),
            rule,
            one.occurrence,
            before,
            one.state,
            trigger,
            act.at,
            one.priority,
            f"{equipment} 报警",
            f"alarm of {equipment}",
            "process" if act.word in ("come", "go", "remind", "shelf ends") else "li",
            raised_at=one.raised,
            latched=one.latching,
            suppression=hidden,
            chatter=chatter,
        )
        records: list[Record] = [transition]
        if one.state is AlarmState.UNACKNOWLEDGED:
            at = act.at + timedelta(milliseconds=120)
            records += [
                Receipt(console, kind, transition.alarm, one.occurrence, at, 120.0)
                for console in self._consoles(act.at)
                for kind in ("shown", "sounded")
            ]
        return records

    def _meant(self, act: Act, one: Beneath) -> tuple[Trigger | None, int, Suppression]:
        hidden = one.suppression
        present = one.state.condition_present
        match act.word:
            case "come" | "come and chatter":
                if present:
                    return None, 0, hidden
                trigger = Trigger.RAISE if hidden is UNSUPPRESSED else Trigger.RAISE_SUPPRESSED
                return trigger, 3 if act.word == "come and chatter" else 0, hidden
            case "go":
                trigger = Trigger.CLEAR_LATCHING if one.latching else Trigger.CLEAR
                return trigger if present else None, 0, hidden
            case "shelve":
                shelf = Shelf("li", act.at, act.at + timedelta(hours=1), "known")
                return Trigger.SHELVE, 0, hidden.with_shelf(shelf)
            case "shelf ends":
                return Trigger.SHELF_ENDED if hidden.shelf else None, 0, hidden.with_shelf(None)
            case "unshelve":
                return Trigger.UNSHELVE if hidden.shelf else None, 0, hidden.with_shelf(None)
            case "suppress":
                return Trigger.SUPPRESS, 0, hidden.with_design(act.at, True, ())
            case "unsuppress":
                return Trigger.UNSUPPRESS if hidden.design else None, 0, hidden.with_design(act.at, False, ())
            case "remove":
                return Trigger.REMOVE_FROM_SERVICE, 0, hidden.with_removal(Removal("wang", act.at, "repair", "WO-7"))
            case "return":
                return Trigger.RETURN_TO_SERVICE if hidden.removal else None, 0, hidden.with_removal(None)
            case word:
                return Trigger(word), 0, hidden


def quiet() -> ControlRoom:
    room = ControlRoom(1)
    room.some(8, 25, START, END)
    return room


def nothing() -> ControlRoom:
    room = ControlRoom(2)
    room.occurrence("pump-1.fault", START - timedelta(hours=9), 60, 20)
    return room


def flood() -> ControlRoom:
    """The power fails three times; once across the change of shifts, once until after the end."""
    room = ControlRoom(3)
    room.some(20, 60, START, END)
    for begin, many, seconds in (
        (START + timedelta(hours=5), 150, 40.0),
        (START + timedelta(hours=11, minutes=55), 90, 900.0),
        (END - timedelta(minutes=4), 40, 300.0),
    ):
        for number in range(many):
            at = begin + timedelta(seconds=room.dice.random() * seconds)
            room.occurrence(room.alarm(f"unit-{number}.supply", room.dice.choice((2, 3))), at, 7200, 1800)
    return room


def flood_by_the_second() -> ControlRoom:
    """Everything on whole seconds: ends of windows and annunciations fall on one moment."""
    room = ControlRoom(4)
    for _ in range(400):
        at = START + timedelta(seconds=30 * room.dice.randrange(2 * 60 * 8))
        room.occurrence(f"door-{room.dice.randrange(30)}.held", at, room.dice.choice((30, 60, 90)), 30)
    return room


def chatter() -> ControlRoom:
    """Life-safety contacts that flicker: the rules hold nothing together there."""
    room = ControlRoom(5)
    room.some(10, 40, START, END)
    for bout in range(12):
        at = room.between(START, END)
        alarm = room.alarm(f"panel-{bout % 4}.tamper", 1)
        for _ in range(room.dice.randrange(2, 40)):
            room.occurrence(alarm, at, room.dice.uniform(1, 9), None)
            at += timedelta(seconds=room.dice.uniform(10, 32))
        room.act(alarm, "acknowledge", at + timedelta(seconds=room.dice.uniform(1, 60)))
    return room


def chatter_held() -> ControlRoom:
    """The same of alarms that the rules hold together from the third raising on."""
    room = ControlRoom(6)
    for bout in range(15):
        at = room.between(START, END)
        alarm = room.alarm(f"float-{bout % 5}.high", 2)
        room.occurrence(alarm, at, 5, None)
        room.occurrence(alarm, at + timedelta(seconds=15), 5, None)
        room.act(alarm, "come and chatter", at + timedelta(seconds=30))
        room.act(alarm, "acknowledge", at + timedelta(seconds=44))
        room.act(alarm, "go", at + timedelta(seconds=600))
    return room


def latched() -> ControlRoom:
    room = ControlRoom(7)
    for number in range(80):
        at = room.between(START, END)
        alarm = room.alarm(f"zone-{number % 12}.intrusion", 1, latching=True)
        room.occurrence(alarm, at, room.dice.uniform(2, 200), room.dice.uniform(4, 90))
        room.act(alarm, "reset", at + timedelta(seconds=room.dice.uniform(100, 900)))
        if number % 7 == 0:
            room.act(alarm, "unacknowledge", at + timedelta(seconds=95))
            room.act(alarm, "acknowledge", at + timedelta(seconds=99))
    return room


def shelved() -> ControlRoom:
    """Shelved, suppressed by design and out of service, one over the other, while alarms come and go beneath."""
    room = ControlRoom(8)
    room.some(6, 200, START, END, lasts=5000)
    for number in range(6):
        for _ in range(10):
            alarm = f"pump-{number}.fault"
            at = room.between(START, END)
            for begin, finish in (("shelve", "shelf ends"), ("suppress", "unsuppress"), ("remove", "return")):
                if room.dice.random() < 0.6:
                    first = at + timedelta(seconds=room.dice.uniform(0, 900))
                    ends = "unshelve" if begin == "shelve" and room.dice.random() < 0.4 else finish
                    room.act(alarm, begin, first)
                    room.act(alarm, ends, first + timedelta(seconds=room.dice.uniform(30, 9000)))
    return room


def standing() -> ControlRoom:
    """Alarms that nobody mends: before the period, across it, into its end."""
    room = ControlRoom(9)
    room.some(10, 30, START, END)
    for number, (come, go) in enumerate(((-60, 3), (-20, 30), (-2, 200), (1, 24.5), (10, 60), (60, 85), (80, 200))):
        alarm = room.alarm(f"valve-{number}.stuck", 4)
        room.act(alarm, "come", START + timedelta(hours=come))
        room.act(alarm, "go", START + timedelta(hours=go))
        if number % 2:
            room.act(alarm, "acknowledge", START + timedelta(hours=max(come, 0), minutes=7))
            for reminder in range(1, 4):
                room.act(alarm, "remind", START + timedelta(hours=max(come, 0) + reminder * 9))
                room.act(alarm, "acknowledge", START + timedelta(hours=max(come, 0) + reminder * 9, seconds=40))
    return room


def two_desks() -> ControlRoom:
    """A second operator by day, and one alarm in five shown on one desk only."""
    dice = random.Random(10)

    def consoles(at: datetime) -> list[str]:
        by_day = at.hour < 12  # 08:00 to 20:00 in Shanghai
        return ["desk-1", "desk-2"] if by_day and dice.random() < 0.8 else ["desk-1"]

    room = ControlRoom(10, consoles)
    room.some(25, 350, START, END, lasts=300)
    for _ in range(60):
        room.act("pump-1.fault", "worsen", room.between(START, END))
    return room


JOURNALS: dict[str, Callable[[], ControlRoom]] = {
    one.__name__: one
    for one in (
        quiet, nothing, flood, flood_by_the_second, chatter, chatter_held, latched, shelved, standing, two_desks
    )
}  # fmt: skip
