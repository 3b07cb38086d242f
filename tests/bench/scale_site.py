"""A large estate: examples/riverside with more of everything that an estate has many of, in the same files."""

import csv
import io
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.running import ROOT

RIVERSIDE = ROOT / "examples" / "riverside"
PANELS_PER_GATEWAY, DOORS_PER_GATEWAY, UNITS_PER_SUMP_LINE, UNITS_PER_METER_LINE = 100, 25, 5, 10
CHANNELS, RELAYS, COUNTERS = 16, 8, 8  # of a recorder, a relay module, a pulse module

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Size:
    """What the issue asks for; `tenth` of it for a smoke test."""

    households: int = 1000
    doors: int = 60
    zones: int = 48
    cameras: int = 64
    sumps: int = 40
    meters: int = 200

    def tenth(self) -> "Size":
        return Size(100, 12, 18, 10, 6, 20)


@dataclass(slots=True)
class Growth:
    """Rows to be added. A dotted key is a column, as in the site's own tables."""

    devices: list[Row]
    equipment: list[Row]
    buses: list[str]
    gateways: list[str]
    households: list[str]


def scale_site(folder: Path, size: Size) -> Path:
    """Writes the site; `folder` must not exist. Counts are totals, those of riverside among them."""
    shutil.copytree(RIVERSIDE, folder)
    shutil.rmtree(folder / "tests")
    there = [row for name in ("equipment.csv", "equipment.yaml") for row in _classes(folder / name)]
    more = {class_: there.count(class_) for class_ in dict.fromkeys(there)}
    grown = Growth([], [], [], [], [])
    _panels(grown, size.households - more["panel"])
    _doors(grown, size.doors - more["door"])
    _zones(grown, more["zone"] + 1, size.zones)
    _cameras(grown, size.cameras - more["camera"])
    _sumps(grown, size.sumps - more["sump"])
    metered = sum(more[class_] for class_ in ("energy_meter", "pv_meter", "water_meter"))
    _meters(grown, size.meters - metered)
    _append(folder / "devices.csv", grown.devices)
    _append(folder / "equipment.csv", grown.equipment)
    outline = (folder / "site.yaml").read_text("utf-8")
    outline = outline.replace("\nbuses:\n", "\nbuses:\n" + "".join(grown.buses), 1)
    outline = outline.replace("\ngateways:\n", "\ngateways:\n" + "".join(grown.gateways), 1)
    (folder / "site.yaml").write_text(outline, "utf-8")
    with (folder / "households.yaml").open("a", encoding="utf-8") as file:
        file.writelines(grown.households)
    return folder


def _row(name: str, class_: str, number: str, zh: str, en: str, place: tuple[str, str], **more: object) -> Row:
    texts = {"name.zh": zh, "name.en": en, "place.zh": place[0], "place.en": place[1]}
    spot = sum(map(ord, name))
    at = {"map.plan": "estate", "map.x": 150 + spot * 37 % 1300, "map.y": 130 + spot * 53 % 720}
    return {"id": name, "class": class_, "number": number, **texts, **at, **more}


def _panels(grown: Growth, count: int) -> None:
    for n in range(count):
        via, flat = f"hh-{2 + n // PANELS_PER_GATEWAY}", f"{n % 30 + 1:02}{n // 30 % 40 + 1:02}"
        building = (f"{7 + n // PANELS_PER_GATEWAY}号楼", f"Building {7 + n // PANELS_PER_GATEWAY}")
        name, household = f"panel-s{n:04}", f"h-s{n:04}"
        grown.devices.append({"id": name, "profile": "estate-panel", "via": via})
        grown.equipment.append(
            _row(name, "panel", f"{flat}室", f"{flat}室报警主机", f"Flat {flat} alarm panel", building,
                 device=name, household=household, fed_by="supply-1")
        )  # fmt: skip
        grown.households.append(
            f'- {{id: {household}, room: "{flat}", building: {building[0]}, note: "",'
            f' residents: [{{name: 住户{n}, phone: "139{n:08}", note: 户主}}]}}\n'
        )
        if n % PANELS_PER_GATEWAY == 0:
            grown.gateways.append(f"  - {{id: {via}, fed_by: ups-1}}\n")


def _doors(grown: Growth, count: int) -> None:
    for n in range(count):
        name, via = f"door-s{n:02}", f"acs-{2 + n // DOORS_PER_GATEWAY}"
        grown.devices.append({"id": name, "profile": "estate-door", "via": via})
        place = (f"{7 + n}号楼大堂", f"Building {7 + n} lobby")
        grown.equipment.append(
            _row(name, "door", f"{n + 11}号门", f"{7 + n}号楼大堂门", f"Lobby door {n + 11}", place, device=name,
                 fed_by="ups-1", **{"parameters.place_kind": "lobby"})
        )  # fmt: skip
        if n % DOORS_PER_GATEWAY == 0:
            grown.gateways.append(f"  - {{id: {via}, fed_by: ups-1}}\n")


def _zones(grown: Growth, first: int, last: int) -> None:
    """New stretches of wall with their lamps; each knows its neighbours among them."""
    names = {n: f"zone-{n:02}" for n in range(first, last + 1)}
    for n, name in names.items():
        lamp, module = f"lamp-{n:02}", 3 + (n - first) // RELAYS
        relay = f"lamp-relay-{module}"
        around = {"left_2": n - 2, "left": n - 1, "right": n + 1, "right_2": n + 2}
        beside = {f"points.{side}": f"{names[at]}.state" for side, at in around.items() if at in names}
        watched = {"points.armed": "partition-1.armed", "points.bad_weather": "weather-1.bad_weather"}
        built = {"parameters.wall_height": 2.4, "parameters.detector_gap": 0.08}
        place = (f"围墙第{n}段", f"Wall, stretch {n}")
        grown.devices.append({"id": name, "profile": "estate-zone", "via": "pids-2"})
        grown.equipment.append(
            _row(name, "zone", f"{n:02}号防区", f"周界{n:02}号防区", f"Perimeter zone {n:02}", place, device=name,
                 lamp=lamp, **watched, **beside, **built)
        )  # fmt: skip
        on_module = (n - first) % RELAYS + 1
        contacts = {"points.on": f"{relay}.on_{on_module}", "points.lit": f"{relay}.lit_{on_module}"}
        grown.equipment.append(
            _row(lamp, "lamp", f"{n:02}号灯", f"周界{n:02}号照明灯", f"Perimeter lamp {n:02}", place, fed_by="feeder-3",
                 **contacts)
        )  # fmt: skip
        if on_module == 1:
            grown.devices.append(
                {"id": relay, "profile": "waveshare-relay-8", "bus": "wall-lamps", "unit": module, "poll": 0.5,
                 "commands": "true", "fed_by": "feeder-3"}
            )  # fmt: skip
    if names:
        grown.gateways.append("  - {id: pids-2, fed_by: ups-1}\n")


def _cameras(grown: Growth, count: int) -> None:
    for n in range(count):
        name, recorder, channel = f"cam-s{n:02}", f"nvr-{2 + n // CHANNELS}", n % CHANNELS + 1
        via = f"cctv-{2 + n // CHANNELS}"
        place = (f"车库{n + 1}区", f"Car park, bay {n + 1}")
        grown.devices.append({"id": name, "profile": "estate-camera", "via": via})
        kept = {
            "points.retention": f"{recorder}.retention_{channel}",
            "points.recording_age": f"{recorder}.recording_age_{channel}",
        }
        grown.equipment.append(
            _row(f"camera-s{n:02}", "camera", f"{n + 9:02}号摄像机", f"车库{n + 1}区摄像机", f"Camera of bay {n + 1}",
                 place, device=name, camera=name, fed_by="ups-1", **kept, **{"parameters.light": "infrared"})
        )  # fmt: skip
        if channel == 1:
            grown.devices.append({"id": recorder, "profile": "estate-nvr", "via": via})
            room = ("中控室", "Control room")
            grown.equipment.append(
                _row(recorder, "nvr", f"{recorder[4:]}号录像机", "录像机", "Recorder", room, device=recorder)
            )
            grown.gateways.append(f"  - {{id: {via}, fed_by: ups-1}}\n")


def _sumps(grown: Growth, count: int) -> None:
    for n in range(count):
        name, line = f"sump-s{n:02}", f"sump-line-{n // UNITS_PER_SUMP_LINE}"
        unit = n % UNITS_PER_SUMP_LINE + 1
        grown.devices.append(
            {"id": f"{name}-ctl", "profile": "wilo-ec-lift", "bus": line, "unit": unit, "poll": 2.0, "fed_by": "ats-1"}
        )
        place = (f"地下车库{n + 1}区", f"Car park, bay {n + 1}")
        grown.equipment.append(
            _row(name, "sump", f"{n + 6}号", f"{n + 6}号集水井", f"Sump {n + 6}", place, device=f"{name}-ctl",
                 fed_by="ats-1")
        )  # fmt: skip
        if unit == 1:
            grown.buses.append(_serial(line, f"192.168.41.{n // UNITS_PER_SUMP_LINE + 1}:4001"))


def _meters(grown: Growth, count: int) -> None:
    """Two in three measure energy, on serial lines; the others are water pulses."""
    for n in range(count - count // 3):
        name, line, unit = f"meter-s{n:03}", f"meter-line-{n // UNITS_PER_METER_LINE}", n % UNITS_PER_METER_LINE + 1
        profile = ("eastron-sdm630", "schneider-iem3000")[n % 2]
        grown.devices.append(
            {"id": name, "profile": profile, "bus": line, "unit": unit, "poll": 5.0, "fed_by": "feeder-1"}
        )
        place = ("配电间", "Meter room")
        grown.equipment.append(
            _row(f"energy-s{n:03}", "energy_meter", f"{n + 1}号回路", f"{n + 1}号回路电表", f"Meter {n + 1}", place,
                 device=name, fed_by="feeder-1")
        )  # fmt: skip
        if unit == 1:
            grown.buses.append(_serial(line, f"192.168.42.{n // UNITS_PER_METER_LINE + 1}:4001"))
    for n in range(count // 3):
        module, counter = f"pulse-s{n // COUNTERS}", n % COUNTERS + 1
        place = ("管道井", "Riser")
        volume = {"points.volume": f"{module}.counter_{counter}"}
        grown.equipment.append(
            _row(
                f"water-s{n:03}",
                "water_meter",
                f"{n + 1}号水表",
                f"{n + 1}号水表",
                f"Water meter {n + 1}",
                place,
                **volume,
            )
        )
        if counter == 1:
            scales = {f"scale.counter_{c}.{part}": value for c in range(1, COUNTERS + 1)
                      for part, value in (("low", 0), ("high", 0.01), ("unit", "m3"))}  # fmt: skip
            grown.devices.append(
                {"id": module, "profile": "moxa-iologik-e1212", "bus": module, "unit": 1, "poll": 2.0, **scales}
            )
            grown.buses.append(f"  - {{id: {module}, tcp: '192.168.43.{n // COUNTERS + 1}:502', fed_by: ups-1}}\n")


def _serial(line: str, address: str) -> str:
    return f"  - {{id: {line}, tcp: '{address}', framing: rtu, baud: 19200, timeout: 0.5, quiet: 0.3, fed_by: ups-1}}\n"


def _classes(file: Path) -> Iterator[str]:
    """The class of every equipment in a file, as far as counting needs it."""
    text = file.read_text("utf-8")
    if file.suffix == ".csv":
        yield from (row["class"] for row in csv.DictReader(io.StringIO(text)))
    else:
        yield from (part.partition(",")[0].partition("\n")[0].strip() for part in text.split("class: ")[1:])


def _append(file: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """More rows for a table, with the columns that they need."""
    there = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
    both: list[Mapping[str, object]] = [*there, *rows]
    columns = dict.fromkeys(name for row in both for name in row)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(both)
