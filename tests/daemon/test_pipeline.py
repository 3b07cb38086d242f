"""The one writer: what operators ask is done, audited and published; what a restart needs is in the same commit."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.assembly import Assembly, assemble
from daemon.inbox import Inbox, Operation, OperationKind
from daemon.journal import Journal
from daemon.pipeline import Decision, Pipeline, View
from daemon.points import PointStore
from daemon.publish import AlarmDocuments
from estate.annunciation import FloodLimits
from estate.model import Delivery, Now, PointId, Quality, Sample, SystemClock, Value, nothing
from rules.alarm import AlarmId
from rules.engine import Engine
from rules.refusal import AlarmRefused, Refusal

SITE = {
    "site.yaml": """\
id: oak
name: {zh: 橡树园, en: Oak Court}
timezone: Asia/Shanghai
mqtt: {host: broker.lan}
""",
    "devices.yaml": "".join(f"- {{id: door-{n}, profile: estate-door, via: acs-1}}\n" for n in (1, 2)),
    "equipment.yaml": "".join(
        f"- {{id: d-{n}, class: door, number: '{n}', name: {{zh: 门, en: Door}}, place: {{zh: 楼, en: Hall}},"
        f" device: door-{n}}}\n"
        for n in (1, 2)
    ),
    "people.yaml": "- {id: li, name: Li, role: operator, password: null}\n",
}
HELD, TAMPER = AlarmId("d-1.held"), AlarmId("d-1.tamper")


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    folder = tmp_path_factory.mktemp("oak")
    for name, text in SITE.items():
        (folder / name).write_text(text, "utf-8")
    return assemble(folder)


class MovedClock:
    """The machine's clocks, and as much later as the test likes."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.ahead = 0.0

    def now(self) -> Now:
        now = self._clock.now()
        return Now(now.utc + timedelta(seconds=self.ahead), now.mono + self.ahead)


class Room:
    """A pipeline at work. `documents` are the newest of each alarm as consoles get them."""

    def __init__(self, assembly: Assembly, journal: Journal, clock: MovedClock) -> None:
        self.clock = clock
        self.journal = journal
        self.inbox = Inbox()
        self.engine = Engine(assembly.rules, assembly.site.annunciation, assembly.masks)
        self.engine.restore(journal.last_transitions(), journal.memory())
        points = PointStore(assembly.max_age)
        documents = AlarmDocuments(assembly)
        self.recorded: list[Sample] = []
        self.pipeline = Pipeline(
            self.inbox, points, self.engine, journal, documents, clock, self.recorded.extend, nothing
        )  # fmt: skip
        self.documents: dict[str, dict[str, Any]] = {}
        self.renewed = 0
        self.floods: list[dict[str, Any]] = []
        self.pipeline.listen(self._took)
        self.pipeline.listen_renewed(self._renewed)
        self.pipeline.listen_flood(lambda row: self.floods.append(json.loads(row)))

    def _took(self, decisions: Any) -> None:
        self.documents |= {one.transition.alarm: json.loads(one.document) for one in decisions}

    def _renewed(self, decisions: list[Decision]) -> None:
        self.renewed += 1
        self._took(decisions)

    async def set(self, **values: Value) -> None:
        now = self.clock.now()
        done = asyncio.Event()
        samples = [
            Sample(PointId(name.replace("__", ".").replace("_", "-", 1)), value, Quality.GOOD, now.utc, now.mono)
            for name, value in values.items()
        ]
        await self.inbox.put(Delivery(samples, settled=lambda _: done.set()))
        await done.wait()

    async def do(self, kind: OperationKind, alarm: AlarmId = HELD, **more: Any) -> dict[str, Any]:
        await self.pipeline.operate(Operation(kind, alarm, "li", "desk-1", **more))
        return self.documents[alarm]

    async def later(self, seconds: float) -> None:
        self.clock.ahead += seconds
        await self.set()

    def ids(self, view: View) -> list[str]:
        return [json.loads(one)["id"] for one in self.pipeline.alarm_list(view)]


@asynccontextmanager
async def room(assembly: Assembly, path: Path, clock: MovedClock | None = None) -> AsyncIterator[Room]:
    with Journal(path) as journal:
        one = Room(assembly, journal, clock or MovedClock())
        running = asyncio.create_task(one.pipeline.run())
        try:
            yield one
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_shelved_alarm_is_in_its_list_with_its_end_and_in_the_audit(assembly: Assembly, tmp_path: Path) -> None:
    async with room(assembly, tmp_path / "journal.db") as it:
        await it.set(door_1__alarm="held")
        until = it.clock.now().utc + timedelta(minutes=10)
        shelved = await it.do(OperationKind.SHELVE, note="delivery", until=until)
        assert (shelved["shelved_until"], shelved["suppression"]["kind"]) == (until.isoformat(), "shelved")
        assert (it.ids(View.STANDING), it.ids(View.SHELVED), it.ids(View.ALL)) == ([], [HELD], [HELD])
        (audit,) = it.journal.newest("audit")
        assert (audit["who"], audit["console"], audit["action"], audit["target"]) == ("li", "desk-1", "shelve", HELD)
        assert "delivery" in audit["detail"]
        await it.later(601)
        assert it.documents[HELD]["state"] == "unacknowledged"
        assert it.documents[HELD]["suppression"] is None
        assert it.ids(View.STANDING) == [HELD]


async def test_every_operation_reaches_the_engine(assembly: Assembly, tmp_path: Path) -> None:
    kind = OperationKind
    async with room(assembly, tmp_path / "journal.db") as it:
        await it.set(door_1__alarm="held", door_1__tamper=True)
        assert (await it.do(kind.ACKNOWLEDGE))["state"] == "acknowledged"
        assert (await it.do(kind.UNACKNOWLEDGE))["state"] == "unacknowledged"
        removed = await it.do(kind.REMOVE_FROM_SERVICE, note="hinge", order="WO-9")
        assert removed["suppression"]["removal"]["order"] == "WO-9"
        assert it.ids(View.OUT_OF_SERVICE) == [HELD]
        await it.do(kind.RETURN_TO_SERVICE)
        until = it.clock.now().utc + timedelta(minutes=10)
        await it.do(kind.SHELVE, note="known", until=until)
        assert (await it.do(kind.UNSHELVE))["state"] == "acknowledged"
        with pytest.raises(AlarmRefused):
            await it.do(kind.SHELVE, TAMPER, note="quiet", until=until)
        await it.do(kind.ACKNOWLEDGE, TAMPER)
        await it.set(door_1__tamper=False)
        assert it.documents[TAMPER]["latched"] is True
        assert (await it.do(kind.RESET, TAMPER))["state"] == "normal"
        assert len(it.journal.newest("audit")) == 8


async def test_a_restart_goes_on_with_shelf_and_running_delay(assembly: Assembly, tmp_path: Path) -> None:
    path, clock = tmp_path / "journal.db", MovedClock()
    async with room(assembly, path, clock) as it:
        await it.set(door_1__alarm="held", door_1__online=True)
        await it.do(OperationKind.SHELVE, note="known", until=clock.now().utc + timedelta(seconds=100))
        await it.set(door_2__clock="drift")
        await it.later(2)
        assert set(it.journal.memory()) >= {"device-door-2.clock_wrong", "#alive"}
    clock.ahead += 20
    async with room(assembly, path, clock) as it:
        await it.set(door_1__alarm="held", door_2__clock="drift")
        assert it.ids(View.SHELVED) == [HELD]
        await it.later(36)
        assert "device-door-2.clock_wrong" not in it.documents
        await it.later(3)
        assert it.documents["device-door-2.clock_wrong"]["state"] == "unacknowledged"
        await it.later(45)
        assert it.documents[HELD]["state"] == "unacknowledged"


async def test_devices_behind_a_gateway_that_is_gone_are_explained_by_it(assembly: Assembly, tmp_path: Path) -> None:
    async with room(assembly, tmp_path / "journal.db") as it:
        await it.set(**{"gateway_acs-1__online": False, "door_1__online": False, "door_2__online": False})
        assert it.ids(View.STANDING) == ["gateway-acs-1.offline"]
        hidden = it.documents["device-door-1.offline"]["suppression"]
        assert (hidden["kind"], hidden["design"]["parents"]) == ("suppressed by design", ["gateway-acs-1.offline"])


async def test_an_alarm_that_chatters_tells_its_count_and_a_cure(assembly: Assembly, tmp_path: Path) -> None:
    async with room(assembly, tmp_path / "journal.db") as it:
        for _ in range(6):
            await it.set(door_1__alarm="held")
            await it.later(2)
            await it.set(door_1__alarm="none")
            await it.later(4)
        assert it.documents[HELD]["chatter"] == {"count": 6, "proposal": {"part": "off_delay", "value": 5.0}}
        assert it.renewed > 0
        assert len(it.journal.newest("transition")) == 5


async def test_a_flood_is_told_and_its_alarms_carry_their_group(assembly: Assembly, tmp_path: Path) -> None:
    flood = assembly.site.annunciation.model_copy(update={"flood": FloodLimits(count=2, ends=2)})
    site = assembly.site.model_copy(update={"annunciation": flood})
    async with room(replace(assembly, site=site), tmp_path / "journal.db") as it:
        await it.set(door_1__alarm="held", door_2__alarm="held")
        await it.later(2)
        assert it.documents[HELD]["group"] is None
        await it.set(door_1__wire="open_circuit")
        await it.later(2)
        assert (it.documents[HELD]["group"], it.documents[HELD]["first_out"]) == ("place:楼", True)
        assert it.documents["d-2.held"]["first_out"] is False
        await it.later(600)
        await it.later(2)
        assert it.documents[HELD]["group"] is None
        assert [one["active"] for one in it.floods] == [True, False]
        assert it.floods[0]["first_out"] == HELD


async def test_an_answer_to_an_alarm_that_has_come_again_meanwhile_is_refused(
    assembly: Assembly, tmp_path: Path
) -> None:
    """Between the operator's look and his key the alarm may end and come again: the new one is not his."""
    async with room(assembly, tmp_path / "journal.db") as it:
        await it.set(door_1__alarm="held")
        seen = it.engine.alarms[HELD].occurrence
        for alarm in ("none", "held"):
            await it.later(60)
            await it.set(door_1__alarm=alarm)
        with pytest.raises(AlarmRefused) as refused:
            await it.do(OperationKind.ACKNOWLEDGE, occurrence=seen)
        assert refused.value.why is Refusal.CHANGED
        assert it.engine.standing[HELD].after.needs_acknowledge
        await it.do(OperationKind.ACKNOWLEDGE, occurrence=it.engine.alarms[HELD].occurrence)


async def test_what_is_not_yet_in_the_journal_is_in_no_list(assembly: Assembly, tmp_path: Path) -> None:
    """CR-1: a console that joins while a commit waits for the disk sees nothing that a crash could undo."""
    path = tmp_path / "journal.db"
    async with room(assembly, path) as it:
        await it.set(door_1__alarm="none")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # the journal has to wait
            setting = asyncio.create_task(it.set(door_1__alarm="held"))
            while HELD not in it.engine.standing:
                await asyncio.sleep(0.01)
            assert it.ids(View.ALL) == []
            other.execute("ROLLBACK")
        await setting
        assert it.ids(View.ALL) == [HELD]


LOCK = PointId("door-1.lock")


async def test_news_that_waited_behind_a_stall_come_before_silence_is_judged(
    assembly: Assembly, tmp_path: Path
) -> None:
    """A slow disk makes no value stale that its device has gone on saying."""
    async with room(replace(assembly, max_age={LOCK: 2.0}), tmp_path / "journal.db") as it:
        await it.set(door_1__lock="locked")
        for _ in range(3):
            it.clock.ahead += 5
            await it.set(door_1__lock="locked")
        assert {one.quality for one in it.recorded if one.point == LOCK} == {Quality.GOOD}
        await it.later(5)
        assert it.pipeline.points.latest(LOCK).quality is Quality.STALE


async def test_a_value_that_is_said_again_and_again_is_recorded_once_a_minute(
    assembly: Assembly, tmp_path: Path
) -> None:
    """A constant value and a dead one must not look alike in a trend."""
    async with room(replace(assembly, max_age={LOCK: 15.0}), tmp_path / "journal.db") as it:
        for _ in range(31):
            await it.set(door_1__lock="locked")
            it.clock.ahead += 10
        times = [one.at for one in it.recorded if one.point == LOCK]
        assert len(times) == 6
        assert max(times) - min(times) > timedelta(minutes=4)
