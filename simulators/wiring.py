"""Which point of which device shows which point of which plant, and which device speaks for a plant."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

import drivers.profile
from drivers.profile import MqttPoint, Profile, RegisterPoint
from estate.errors import ConfigError, Fault
from estate.model import Value
from estate.site import Device, Site
from simulators.plant import Happening, Plant

SHIPPED = Path(drivers.profile.__file__).with_name("profiles")


@dataclass(frozen=True, slots=True)
class Shown:
    """A plant's point behind a device's point."""

    plant: Plant
    point: str


class Wiring:
    """Read-only after construction. Device points that nothing is wired to rest at a harmless value."""

    def __init__(self, site: Site, plants: Mapping[str, Plant], profiles: Mapping[str, Profile]) -> None:
        self.profiles: Mapping[str, Profile] = {device.id: profiles[device.profile] for device in site.devices}
        self._shown: dict[tuple[str, str], Shown] = {}
        self._speakers: dict[str, list[str]] = {}
        self._unwired: dict[tuple[str, str], Value] = {
            (device.id, point): scale.low for device in site.devices for point, scale in device.scale.items()
        }
        for row in site.equipment:
            plant = plants.get(row.id)
            if plant is None:
                continue
            paths = {name: path for name, path in row.points.items() if name in plant.points}
            if row.device is not None:
                offered = self.profiles[row.device].points
                paths = {name: f"{row.device}.{name}" for name in plant.points if name in offered} | paths
            devices = dict.fromkeys([row.device] if row.device is not None else [])
            for name, path in paths.items():
                device, _, point = path.partition(".")
                self._shown.setdefault((device, point), Shown(plant, name))
                devices[device] = None
            self._speakers[row.id] = [d for d in devices if self.profiles[d].modbus is None]

    def value(self, device: str, point: str) -> Value | None:
        """What the device measures there now; None: its sensor is broken."""
        shown = self._shown.get((device, point))
        if shown is not None:
            return shown.plant.points[shown.point]
        kept = self._unwired.get((device, point))
        if kept is None:
            kept = self._unwired[device, point] = resting(self.profiles[device].points[point])
        return kept

    def watch(self, device: str) -> Callable[[], list[Value | None]]:
        """All that the device says of its state, in one look: a thousand devices are looked at with every tick."""
        places: list[tuple[Mapping[Any, Value | None], object]] = []
        for point in self.profiles[device].fields:
            self.value(device, point)
            shown = self._shown.get((device, point))
            places.append((self._unwired, (device, point)) if shown is None else (shown.plant.points, shown.point))
        return lambda: [there[at] for there, at in places]

    def write(self, device: str, point: str, value: Value, told: Mapping[str, str] | None = None) -> None:
        """A write that reached the device; an output without a load just keeps it. Raises CommandRefused."""
        shown = self._shown.get((device, point))
        if shown is None:
            self._unwired[device, point] = value
        else:
            shown.plant.told = told or {}
            shown.plant.write(shown.point, value)

    def drop(self, device: str, point: str) -> None:
        """An output that loses its supply."""
        shown = self._shown.get((device, point))
        if shown is None:
            self._unwired[device, point] = False
        else:
            shown.plant.drop(shown.point)

    def source(self, device: str, point: str) -> Shown | None:
        """What the device measures or switches there; None for what is not wired."""
        return self._shown.get((device, point))

    def is_wired(self, device: str, point: str) -> bool:
        return (device, point) in self._shown

    def speaker(self, plant: Plant, happening: Happening) -> str | None:
        """The device that reports this; the camera at a lane speaks for plates, else the first that knows it."""
        devices = self._speakers.get(plant.name, [])
        if happening.type.startswith("plate."):
            devices = sorted(devices, key=lambda device: self._topic_class(device) != "lpr")
        known = [device for device in devices if happening.type in self.profiles[device].events]
        return next(iter(known or devices), None)

    def devices_of(self, plant: str) -> list[str]:
        """Devices that show anything of a plant."""
        shown = [device for (device, _), where in self._shown.items() if where.plant.name == plant]
        return list(dict.fromkeys([*self._speakers.get(plant, []), *shown]))

    def plant_behind(self, device: str) -> Plant | None:
        return next((where.plant for (name, _), where in self._shown.items() if name == device), None)

    def _topic_class(self, device: str) -> str:
        section = self.profiles[device].mqtt
        return section.topic_class if section is not None else ""


def resting(point: RegisterPoint | MqttPoint) -> Value:
    """A value that means nothing is wrong: no state, no fault, within the valid range."""
    if isinstance(point, RegisterPoint) and point.enum is not None:
        first = point.enum.get(0)
        return first if first is not None else next(word for word in point.enum.values() if word is not None)
    if isinstance(point, RegisterPoint) and point.type.value == "text":
        return ""
    if isinstance(point, RegisterPoint) and point.is_bool:
        return False
    if isinstance(point, MqttPoint) and point.type != "number":
        usual: Mapping[str, Value] = {"bool": False, "text": "", "enum": next(iter(point.values), "unknown")}
        return usual[point.type]
    if isinstance(point, RegisterPoint) and point.current_loop:
        return 4.0
    low, high = point.valid or (0.0, 0.0)
    if point.unit == "%":
        return high
    return min(max(0.0, low), high)


def load_profiles(folder: Path, devices: Iterable[Device]) -> Mapping[str, Profile]:
    """The profiles these devices name: the site's own first, then those shipped. Raises ConfigError."""
    return {name: load_profile(folder, name) for name in {device.profile for device in devices}}


def load_profile(folder: Path, name: str) -> Profile:
    """Raises ConfigError for a missing file or one that is no profile."""
    for place in (folder / "profiles", SHIPPED):
        path = place / f"{name}.yaml"
        if path.is_file():
            return parse_profile(path)
    raise ConfigError([Fault(str(folder), 1, f"没有型号文件 {name}", f"there is no profile {name}")])


def parse_profile(path: Path) -> Profile:
    try:
        return Profile.model_validate_json(json.dumps(yaml.safe_load(path.read_text("utf-8"))))
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigError([Fault(str(path), 1, str(error), str(error))]) from error
