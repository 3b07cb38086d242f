"""A control room without an estate: the real web part, and alarms moved by the real table, on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.historian.trend import Bucket, TrendQuery
from daemon.inbox import Operation, OperationKind
from daemon.latency import Report
from daemon.pipeline import View
from daemon.records import Audit, Receipt, Record
from daemon.web.application import console_hosts, create_app
from daemon.web.auth import SignIn
from daemon.web.control import Control
from daemon.web.password import PasswordHash
from daemon.web.personal import Personal
from daemon.web.routes import Routes
from daemon.web.server import WebServer, bind
from daemon.web.sessions import Sessions
from daemon.web.site_document import SiteDocument
from daemon.web.stream import Stream
from estate.errors import CommandRefused
from estate.model import EquipmentId, Now, PointId, SystemClock
from estate.people import Role, User
from rules.alarm import Alarm, AlarmId, AlarmState, Transition, Trigger, move

PASSWORD = "correct horse battery"
_CHEAP = PasswordHash.parse("scrypt$2$8$1$" + "00" * 16 + "$" + "00" * 32)

PLAN = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 500">
<rect width="800" height="500" fill="#232a2f"/>
<rect x="60" y="60" width="680" height="380" fill="none" stroke="#a9b4bf" stroke-width="6"/>
<rect x="150" y="150" width="160" height="90" fill="#46525d"/>
<rect x="450" y="150" width="160" height="90" fill="#46525d"/>
</svg>"""

PLACES = {
    "zone": ("东侧围墙 {n} 段", "East wall, stretch {n}", "号防区", "Zone", "入侵报警", "intrusion"),
    "sump": ("地下车库 {n} 区", "Basement car park {n}", "号集水坑", "Sump", "高水位", "high level"),
    "door": ("{n} 号楼大堂", "Building {n}, lobby", "号门", "Door", "开门超时", "held open"),
}
TRIGGERS = {
    OperationKind.ACKNOWLEDGE: Trigger.ACKNOWLEDGE,
    OperationKind.UNACKNOWLEDGE: Trigger.UNACKNOWLEDGE,
    OperationKind.RESET: Trigger.RESET,
    OperationKind.SHELVE: Trigger.SHELVE,
    OperationKind.UNSHELVE: Trigger.UNSHELVE,
    OperationKind.REMOVE_FROM_SERVICE: Trigger.REMOVE_FROM_SERVICE,
    OperationKind.RETURN_TO_SERVICE: Trigger.RETURN_TO_SERVICE,
}
LEVELS = {"zone": 1, "sump": 2, "door": 3}


def cheap_hash(password: str) -> str:
    """A real scrypt hash at a cost that tests can bear."""
    import hashlib

    key = hashlib.scrypt(password.encode(), salt=_CHEAP.salt, n=_CHEAP.n, r=_CHEAP.r, p=_CHEAP.p, dklen=32)
    return str(replace(_CHEAP, key=key))


def people() -> list[User]:
    names = {"viewer": "赵敏", "operator": "李娜", "supervisor": "张伟", "engineer": "工程师", "auditor": "陈静"}
    hashed = cheap_hash(PASSWORD)
    return [User(id=role, name=name, role=Role(role), password=hashed) for role, name in names.items()]


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.mono = 1000.0

    def now(self) -> Now:
        return Now(datetime(2026, 11, 23, 4, 0, tzinfo=UTC), self.mono)


@dataclass(frozen=True, slots=True)
class Facts:
    """What never changes of one alarm."""

    equipment: str
    class_: str
    number: str
    place: dict[str, str]
    text: dict[str, str]
    priority: int
    map: dict[str, Any]


class Desk:
    """`raise_alarm`, `clear` and `point` play the estate; `records` is what the journal got; `more` adds routes."""

    def __init__(
        self, folder: Path, clock: Any = None, zones: int = 12, hides: Personal | None = None, site: Any = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.more: list[Callable[[Routes], None]] = []
        self.records: list[Record] = []
        self.trend_text: str | None = None
        self.journal: dict[str, list[dict[str, Any]]] = {}
        self.operations: list[Operation] = []
        self.reports: list[tuple[str, Report]] = []
        self.facts: dict[str, Facts] = {}
        self.alarms: dict[AlarmId, Alarm] = {}
        self.standing: dict[AlarmId, Transition] = {}
        self.rows: dict[AlarmId, bytes] = {}
        self.points: dict[str, bytes] = {}
        for class_ in PLACES:
            for number in range(1, zones + 1):
                self._install(class_, number)
        self.personal = hides or Personal()
        self.first_shelved: dict[str, datetime] = {}
        self.stream = Stream(
            lambda: list(self.rows.values()),
            lambda: list(self.points.values()),
            self.clock,
            "0.1.0-test",
            self.personal,
        )
        self.sessions = Sessions()
        self.sign_in = SignIn(people(), self.sessions, self.clock)
        self.control = Control(
            site=site or self._site(folder),
            alarms=self.alarms,
            standing=self.standing,
            alarm_list=lambda view: list(self.rows.values()) if view in (View.ALL, View.STANDING) else [],
            operate=self.operate,
            record=self.record,
            newest=lambda table, limit, before: [dict(one) for one in self.journal.get(table, ())],
            trend=self.trend,
            report=self.report,
            figures=lambda: {"count": 3, "p50": 0.021, "p99": 0.09, "max": 0.12, "limit": 2.0},
            healthy=lambda: True,
            first_shelved=self.first_shelved.get,
            personal=self.personal,
            version="0.1.0-test",
        )

    def app(self, *hosts: str) -> Any:
        return create_app(self.control, self.stream, self.sign_in, self.sessions, self.clock, hosts, self.more)

    @asynccontextmanager
    async def serve(
        self, port: int = 0, names: Sequence[str] = (), proxy: str | None = None
    ) -> AsyncIterator[WebServer]:
        """The console on a free loopback port, or again on the one it had; `names` and `proxy` as in site.yaml."""
        bound = bind("127.0.0.1", port)
        server = WebServer(self.app(*console_hosts("127.0.0.1", bound.getsockname()[1], names)), bound, proxy)
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.run_here())
            try:
                yield server
            finally:
                server.stop()
                await serving

    def _install(self, class_: str, number: int) -> None:
        place_zh, place_en, unit_zh, unit_en, text_zh, text_en = PLACES[class_]
        equipment = f"{class_}-{number:02d}"
        place = {"zh": place_zh.format(n=number), "en": place_en.format(n=number)}
        label = f"{number:02d}{unit_zh}"
        text = {"zh": f"{place['zh']} {label} {text_zh}", "en": f"{place['en']}: {unit_en} {number:02d} {text_en}"}
        row = {"zone": 60, "sump": 250, "door": 440}[class_]
        where = {"plan": "estate", "x": 60 + number * 55, "y": row}
        self.facts[f"{equipment}.alarm"] = Facts(equipment, class_, label, place, text, LEVELS[class_], where)
        self.alarms[AlarmId(f"{equipment}.alarm")] = Alarm(
            AlarmId(f"{equipment}.alarm"), AlarmState.NORMAL, self.clock.now().utc
        )

    def _site(self, folder: Path) -> SiteDocument:
        plan = folder / "estate.svg"
        plan.write_text(PLAN, "utf-8")
        procedure = folder / "perimeter.md"
        procedure.write_text("# 周界入侵处置\n\n1. 查看摄像机画面。\n2. 派巡逻员到场。\n", "utf-8")
        equipment: list[dict[str, Any]] = [
            {
                "id": one.equipment,
                "class": one.class_,
                "number": one.number,
                "name": {"zh": one.number, "en": one.equipment},
                "place": one.place,
                "camera": "cam-wall-03" if one.class_ == "zone" else None,
                "lamp": "lamp-01" if one.class_ == "zone" else None,
                "map": one.map,
                "points": {
                    "level": {"id": f"{one.equipment}-ctl.level", "unit": "m"},
                    "pump_1_running": {"id": f"{one.equipment}-ctl.pump_1_running", "unit": ""},
                }
                if one.class_ == "sump"
                else {"state": {"id": f"{one.equipment}.state", "unit": ""}},
            }
            for one in self.facts.values()
        ]
        lamp_points = {
            "lit": {"id": "lamps.di_1", "unit": ""},
            "command_state": {"id": "lamp-01.command_state", "unit": ""},
        }
        lamp = {"zh": "东墙灯", "en": "East wall lamp"}
        equipment.append(
            {
                "id": "lamp-01",
                "class": "lamp",
                "number": "01号灯",
                "name": lamp,
                "place": lamp,
                "camera": None,
                "lamp": None,
            }
            | {"map": None, "points": lamp_points}
        )
        names = {
            "zone": ("周界防区", "Zone"),
            "sump": ("集水坑", "Sump"),
            "door": ("门", "Door"),
            "lamp": ("照明", "Lamp"),
        }
        points = {
            "level": {"name": {"zh": "液位", "en": "Level"}, "unit": "m"},
            "pump_1_running": {"name": {"zh": "1号泵", "en": "Pump 1"}, "unit": ""},
            "state": {"name": {"zh": "状态", "en": "State"}, "unit": ""},
            "lit": {"name": {"zh": "亮灯反馈", "en": "Lit"}, "unit": ""},
            "command_state": {"name": {"zh": "命令", "en": "Command"}, "unit": ""},
        }
        guidance = {
            "consequence": {"zh": "可能有人翻越围墙。", "en": "Someone may be climbing over."},
            "response": {"zh": "看画面,派最近的巡逻岗。", "en": "Look at the camera, send the nearest patrol."},
        }
        document = {
            "id": "test",
            "name": {"zh": "水岸豪庭", "en": "Riverside Court"},
            "timezone": "Asia/Shanghai",
            "people": {one.id: one.name for one in people()},
            "equipment": equipment,
            "classes": {one: {"name": {"zh": zh, "en": en}, "points": points} for one, (zh, en) in names.items()},
            "plans": [{"id": "estate", "name": {"zh": "总平面", "en": "Estate"}, "box": [0, 0, 800, 500]}],
            "guidance": [guidance | {"plan": "perimeter"}],
            "alarms": {alarm: {"guidance": 0, "delay": 0.0} for alarm in self.facts},
        }
        bound = frozenset(PointId(one["id"]) for item in equipment for one in item["points"].values())
        body = json.dumps(document, ensure_ascii=False).encode()
        return SiteDocument(body, {"estate": plan}, {"perimeter": procedure}, bound)

    def change(self, alarms: Sequence[str], trigger: Trigger, by: str = "process") -> list[Transition]:
        """Move alarms by the table and publish them in one frame, as the pipeline does after the commit."""
        now = self.clock.now()
        moved = []
        for name in alarms:
            before = self.alarms[AlarmId(name)]
            after = move(before, trigger, now)
            self.alarms[after.id] = after
            facts = self.facts[name]
            transition = Transition(
                alarm=after.id,
                equipment=EquipmentId(facts.equipment),
                rule="alarm",
                occurrence=after.occurrence,
                before=before.state,
                after=after.state,
                trigger=trigger,
                decided=now.utc,
                priority=facts.priority,
                text_zh=facts.text["zh"],
                text_en=facts.text["en"],
                by=by,
                device_time=now.utc,
                received=now.utc,
                raised_at=after.raised_at,
            )
            self.standing[after.id] = transition
            self.rows[after.id] = self._row(facts, transition)
            moved.append(transition)
        self.stream.publish("alarms", [self.rows[one.alarm] for one in moved])
        for one in moved:
            if one.after is AlarmState.NORMAL:
                del self.standing[one.alarm], self.rows[one.alarm]
        return moved

    def raise_alarm(self, *alarms: str) -> None:
        self.change(alarms, Trigger.RAISE)

    def clear(self, *alarms: str) -> None:
        self.change(alarms, Trigger.CLEAR)

    def _row(self, facts: Facts, one: Transition) -> bytes:
        times = {
            "device": one.device_time and one.device_time.isoformat(),
            "received": one.received and one.received.isoformat(),
            "decided": one.decided.isoformat(),
            "committed": self.clock.now().utc.isoformat(),
        }
        document = {
            "v": 1,
            "id": one.alarm,
            "equipment": one.equipment,
            "rule": one.rule,
            "kind": "process",
            "class": facts.class_,
            "number": facts.number,
            "place": facts.place,
            "lamp": "lamp-01" if facts.class_ == "zone" else None,
            "camera": "cam-wall-03" if facts.class_ == "zone" else None,
            "map": facts.map,
            "life_safety": False,
            "occurrence": one.occurrence,
            "state": one.after.value,
            "priority": one.priority,
            "text": facts.text,
            "by": one.by,
            "note": one.note,
            "raised": one.raised_at and one.raised_at.isoformat(),
            "cause": {"dev": facts.equipment, "boot": "b1", "seq": one.occurrence},
            "times": times,
        }
        return json.dumps(document, ensure_ascii=False).encode()

    def point(self, point: str, value: Any, quality: str = "good", why: str = "") -> None:
        row = {"id": point, "v": value, "q": quality, "at": self.clock.now().utc.isoformat(), "age": 0.0, "why": why}
        self.points[point] = json.dumps(row, ensure_ascii=False).encode()
        self.stream.publish("points", [self.points[point]])

    async def operate(self, operation: Operation) -> Transition:
        if operation.note == "refuse me":
            raise CommandRefused("not now")
        self.operations.append(operation)
        return self.change([operation.alarm], TRIGGERS[operation.kind], operation.by)[0]

    async def record(self, records: Sequence[Record]) -> None:
        self.records += records

    async def until(self, true: Callable[[], object], within: float = 5.0) -> None:
        """Wait for what a page says after it has painted or sounded: a busy machine paints late."""
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.02)

    @property
    def receipts(self) -> list[Receipt]:
        """Those that are no measure of speed."""
        return [one for one in self.records if isinstance(one, Receipt)]

    async def report(self, console: str, reports: Sequence[Report]) -> None:
        self.reports += [(console, one) for one in reports]

    async def trend(self, query: TrendQuery) -> list[Bucket]:
        return [Bucket(int(query.start.timestamp() * 1000), 1.0, 2.0, 1.5, self.trend_text, "good")]

    @property
    def audit(self) -> list[tuple[str, str, str]]:
        return [(one.who, one.action, one.target) for one in self.records if isinstance(one, Audit)]
