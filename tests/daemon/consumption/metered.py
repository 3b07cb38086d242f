"""A small metered estate, and a history of it that is written as the daemon writes one."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from daemon.assembly import Assembly, assemble
from daemon.consumption.book import FILE, BookReader
from daemon.consumption.totals import Source
from daemon.historian.embedded import EmbeddedFile, EmbeddedHistory
from daemon.historian.line_protocol import nanoseconds
from estate.model import PointId, Quality, Sample

ZONE = ZoneInfo("Asia/Shanghai")
FIVE = timedelta(minutes=5)
SITE = """\
id: elm
name: {zh: 榆园, en: Elm Court}
timezone: Asia/Shanghai
mqtt: {host: broker.lan}
buses: [{id: power, tcp: "10.0.0.1:502"}, {id: water, tcp: "10.0.0.2:502"}]
plans: []
"""
DEVICES = """\
- {id: m-main, profile: schneider-iem3000, bus: power, unit: 1}
- {id: m-a, profile: schneider-iem3000, bus: power, unit: 2}
- {id: m-b, profile: schneider-iem3000, bus: power, unit: 3}
- {id: m-pv, profile: acrel-adw300, bus: power, unit: 4}
- {id: w-main, profile: moxa-iologik-e1212, bus: water, unit: 1, scale: {counter_1: {low: 0, high: 0.01, unit: m3}}}
"""
EQUIPMENT = """\
- id: main
  class: energy_meter
  number: "0"
  name: {zh: 总表, en: Main}
  place: {zh: 配电室, en: Switch room}
  device: m-main
  parameters: {power_most: 500.0}
- id: house-a
  class: energy_meter
  number: "1"
  name: {zh: 甲楼, en: House A}
  place: {zh: 配电室, en: Switch room}
  device: m-a
- id: house-b
  class: energy_meter
  number: "2"
  name: {zh: 乙楼, en: House B}
  place: {zh: 配电室, en: Switch room}
  device: m-b
- id: sun
  class: pv_meter
  number: "3"
  name: {zh: 光伏, en: Sun}
  place: {zh: 屋顶, en: Roof}
  points: {energy_yield: m-pv.energy_import, energy_feed_in: m-main.energy_export}
- id: water
  class: water_meter
  number: "4"
  name: {zh: 水表, en: Water}
  place: {zh: 泵房, en: Pump room}
  points: {volume: w-main.counter_1}
- id: balance
  class: meter_balance
  number: "5"
  name: {zh: 平衡, en: Balance}
  place: {zh: 配电室, en: Switch room}
  points: {main: m-main.energy_import, sub_1: m-a.energy_import, sub_2: m-b.energy_import}
"""
PEOPLE = "- {id: li, name: 李娜, role: operator, password: null}\n"

Count = tuple[datetime, float | None]
"""What a meter showed at a moment; None: nobody could read it from then on."""


def elm(folder: Path) -> Assembly:
    for name, text in {"site": SITE, "devices": DEVICES, "equipment": EQUIPMENT, "people": PEOPLE}.items():
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    return assemble(folder)


def local(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A time on the estate's clocks, in UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def steadily(start: datetime, end: datetime, begin: float, per_hour: float) -> Iterator[Count]:
    """A count read every five minutes."""
    at = start
    while at < end:
        yield at, begin + per_hour * (at - start).total_seconds() / 3600.0
        at += FIVE


def write(folder: Path, counts: Mapping[str, Iterable[Count]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with closing(EmbeddedFile(folder / "history.db", keep=timedelta(days=4000), max_bytes=1 << 30)) as file:
        for point, course in counts.items():
            file.append(
                [
                    (Sample(PointId(point), value, quality, at, 0.0), nanoseconds(at))
                    for at, value in course
                    for quality in (Quality.GOOD if value is not None else Quality.NO_COMMUNICATION,)
                ]
            )


def source(folder: Path) -> Source:
    return Source(EmbeddedHistory(folder / "history.db"), BookReader(folder / FILE), ZONE)


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]
