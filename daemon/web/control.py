"""What the console may ask of the running daemon: everything the web needs, and nothing more."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from daemon.historian.trend import Bucket, TrendQuery
from daemon.inbox import Operation
from daemon.latency import Report
from daemon.pipeline import View
from daemon.records import Record
from daemon.web.personal import Personal
from daemon.web.site_document import SiteDocument
from rules.alarm import Alarm, AlarmId, Transition


@dataclass(frozen=True, slots=True)
class Control:
    """`operate` returns once the journal holds the transition and raises CommandRefused; `record` once it holds
    the records (False: in memory, the disk refuses for now). `newest(table, limit, before)` reads the journal and
    blocks: it runs in a thread. `standing` are all alarms that are not normal as the journal holds them,
    `alarms` all that the engine knows, and `alarm_list` the documents of one of its lists. `first_shelved` is since
    when its present occurrence is, or was, put aside; `personal` hides what not everyone may see."""

    site: SiteDocument
    alarms: Mapping[AlarmId, Alarm]
    standing: Mapping[AlarmId, Transition]
    alarm_list: Callable[[View], list[bytes]]
    operate: Callable[[Operation], Awaitable[Transition]]
    record: Callable[[Sequence[Record]], Awaitable[bool]]
    newest: Callable[[str, int, int | None], list[dict[str, Any]]]
    trend: Callable[[TrendQuery], Awaitable[list[Bucket]]]
    report: Callable[[str, Sequence[Report]], Awaitable[None]]
    figures: Callable[[], Mapping[str, float | int | None]]
    healthy: Callable[[], bool]
    first_shelved: Callable[[AlarmId], datetime | None]
    personal: Personal
    version: str
