"""Rows of the journal and the records they stand for, both ways; the tables are in daemon/schema."""

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from daemon.records import Audit, CardChange, Receipt, Step
from estate.model import Cause, DeviceId, EquipmentId, Event
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.suppression import UNSUPPRESSED, suppression_of

INSERTS: dict[type, str] = {
    Event: "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (device, boot, seq) DO NOTHING",
    Transition: "INSERT INTO transition VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    Step: "INSERT INTO step VALUES (?,?,?,?,?,?,?,?,?)",
    Audit: "INSERT INTO audit VALUES (?,?,?,?,?,?,?)",
    Receipt: "INSERT INTO receipt VALUES (?,?,?,?,?,?,?)",
    CardChange: "INSERT INTO card VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
}
TABLES = ("event", "transition", "step", "audit", "receipt", "card")

AGES = {"event": "rx", "transition": "decided", "step": "at", "audit": "at", "receipt": "at"}
"""Tables of which the oldest rows may go, and the column that says how old they are."""

FRONT = 10_000
"""Rows of a table that are looked at for old ones at a time."""


def _forgets(table: str, whose: str, stays: str) -> str:
    """Deletes what is old of the front and does not stay. `front` has position, whose row it is, and its time."""
    front = f"SELECT position, {whose} AS whose, {AGES[table]} AS at FROM {table} ORDER BY position LIMIT {FRONT}"  # noqa: S608
    return (
        f"WITH front AS MATERIALIZED ({front}) DELETE FROM {table}"  # noqa: S608 - no data in it
        f" WHERE position IN (SELECT position FROM front WHERE at < ?) AND position NOT IN ({stays})"
    )


def _newest(table: str, whose: str) -> str:
    """Each one's last row, where it has none beyond the front. Asked once for each of them: asked for each row, ten
    thousand events of one device held the writer up for three seconds."""
    return (
        f"SELECT max(position) FROM front GROUP BY whose HAVING NOT EXISTS (SELECT 1 FROM {table} AS later"  # noqa: S608
        f" WHERE later.{whose} = front.whose AND later.position > (SELECT max(position) FROM front))"
    )


_BY_AGE_ALONE = "SELECT position FROM front WHERE 0"
_TAKEN_BACK = """
SELECT front.position FROM front JOIN step AS kept ON kept.command = front.whose
WHERE (kept.step = 'until' OR kept.detail LIKE '(end): %') AND julianday(kept.at) > julianday('now') - 30
"""
FORGETS = (
    _forgets("event", "device", _newest("event", "device")),
    _forgets("transition", "alarm", _newest("transition", "alarm")),
    _forgets("step", "command", _TAKEN_BACK),
    _forgets("audit", "who", _BY_AGE_ALONE),
    _forgets("receipt", "alarm", _BY_AGE_ALONE),
)
"""Each takes a time. The newest row of a device and of an alarm stays, because a restart folds them, and for a month
what is to be taken back and what was, however large the journal is. Only the front of
a table is looked at, so that the writer is not held up; whoever asks looks again (daemon/backups.py)."""


def iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _event_row(position: int, one: Event) -> tuple[Any, ...]:
    data = to_json(one.data).decode()
    clock = (iso(one.at), iso(one.rx), one.historic, one.clock)
    return (position, one.device, one.boot, one.seq, one.type, *clock, one.ref, data)


def _transition_row(position: int, one: Transition) -> tuple[Any, ...]:
    cause = (one.cause.device, one.cause.boot, one.cause.seq) if one.cause else (None, None, None)
    moved = (one.occurrence, one.before.value, one.after.value, one.trigger.value, one.priority)
    times = (iso(one.device_time), iso(one.received), iso(one.decided), iso(one.raised_at))
    words = (one.text_zh, one.text_en, one.by, one.note)
    hidden = "" if one.suppression is UNSUPPRESSED else to_json(one.suppression.data()).decode()
    laid_over = (one.latched, one.chatter, one.announces, hidden)
    return (position, one.alarm, one.equipment, one.rule, *moved, *words, *cause, *times, *laid_over)


def _card_row(position: int, one: CardChange) -> tuple[Any, ...]:
    done = (one.card, one.action, iso(one.at), one.by, one.console)
    whose = (one.kind, one.holder, one.household, " ".join(one.doors))
    return (position, *done, *whose, iso(one.valid_from), iso(one.valid_until), one.reason)


ROWS: dict[type, Callable[[int, Any], tuple[Any, ...]]] = {
    Event: _event_row,
    Transition: _transition_row,
    Step: lambda p, o: (p, o.command, o.alarm, o.occurrence, o.target, o.action, o.step, iso(o.at), o.detail),
    Audit: lambda p, o: (p, iso(o.at), o.who, o.console, o.action, o.target, o.detail),
    Receipt: lambda p, o: (p, o.console, o.kind, o.alarm, o.occurrence, iso(o.at), o.latency_ms),
    CardChange: _card_row,
}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def event_of(row: sqlite3.Row) -> Event:
    """A row of the table `event`, as `SELECT *` gives it."""
    return Event(
        DeviceId(row["device"]),
        row["boot"],
        row["seq"],
        row["type"],
        _time(row["at"]),
        datetime.fromisoformat(row["rx"]),
        bool(row["historic"]),
        json.loads(row["data"]),
        row["clock"],
        row["ref"],
    )


def transition_of(row: sqlite3.Row) -> Transition:
    """A row of the table `transition`, as `SELECT *` gives it."""
    cause = None
    if row["cause_device"] is not None:
        cause = Cause(DeviceId(row["cause_device"]), row["cause_boot"], row["cause_seq"])
    return Transition(
        alarm=AlarmId(row["alarm"]),
        equipment=EquipmentId(row["equipment"]),
        rule=row["rule"],
        occurrence=row["occurrence"],
        before=AlarmState(row["before"]),
        after=AlarmState(row["after"]),
        trigger=Trigger(row["trigger"]),
        decided=datetime.fromisoformat(row["decided"]),
        priority=row["priority"],
        text_zh=row["text_zh"],
        text_en=row["text_en"],
        by=row["by"],
        cause=cause,
        device_time=_time(row["device_time"]),
        received=_time(row["received"]),
        raised_at=_time(row["raised_at"]),
        note=row["note"],
        latched=bool(row["latched"]),
        suppression=suppression_of(json.loads(row["suppression"])) if row["suppression"] else UNSUPPRESSED,
        chatter=row["chatter"],
    )


def card_change_of(row: sqlite3.Row) -> CardChange:
    """A row of the table `card`, as `SELECT *` gives it."""
    return CardChange(
        row["card"],
        row["action"],
        datetime.fromisoformat(row["at"]),
        row["by"],
        row["console"],
        row["kind"],
        row["holder"],
        row["household"],
        tuple(row["doors"].split()),
        datetime.fromisoformat(row["valid_from"]),
        _time(row["valid_until"]),
        row["reason"],
    )
