"""A whole site as a simulation: its world, and every device of it on a real protocol."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from estate.command_keys import read_command_keys
from estate.model import Clock, SystemClock
from estate.site import Device, Equipment, Site
from simulators.command_guard import Guard
from simulators.dc09_panel import Dc09Panel
from simulators.faults import Breakable
from simulators.guard import set_out
from simulators.lighting import LightingCircuit
from simulators.modbus_device import Line
from simulators.modbus_unit import Unit
from simulators.mqtt_adapter import Adapter
from simulators.mqtt_device import MqttDevice
from simulators.mqtt_foreign import ForeignDevice
from simulators.mqtt_link import BrokerAt, Link, Linking
from simulators.network import BOOT
from simulators.plant import Plant
from simulators.registers import RegisterImage
from simulators.targets import Targets
from simulators.wiring import Wiring, load_profiles
from simulators.world import World

FOREIGN = "foreign"
"""The one connection of all devices that speak another dialect."""


class Simulation:
    """Built, not running: `lines` are opened and run, `adapters` are run, `advance` moves the world."""

    def __init__(
        self,
        site: Site,
        broker: BrokerAt | None,
        *,
        seed: int = 1,
        traffic: float = 1.0,
        clock: Clock | None = None,
        link: Linking = Link,
    ) -> None:
        self.site = site
        self._link = link
        self._keys, _ = read_command_keys(site.folder)
        left_alone = shunned(site.rules) | roof_exits(site.equipment)
        self.world = World(site.equipment, seed=seed, traffic=traffic, shunned=left_alone)
        self.wiring = Wiring(site, self.world.plants, load_profiles(site.folder, site.devices))
        self._clock = clock or SystemClock()
        begun, zone = self._clock.now().utc, ZoneInfo(site.timezone)
        set_out(self.world.plants, site.tours, lambda now: (begun + timedelta(seconds=now)).astimezone(zone))
        for name in (name for table in site.timetables for name in table.equipment):
            circuit = self.world.plants.get(name)
            if isinstance(circuit, LightingCircuit):
                circuit.has_twilight_switch = False  # two that switch one circuit would work against each other
        units = {d.id: self._unit(d, seed) for d in site.devices if d.bus is not None}
        self.lines = [
            Line(bus, {d.unit or 0: units[d.id] for d in site.devices if d.bus == bus.id}) for bus in site.buses
        ]
        self.spoken: dict[str, MqttDevice | ForeignDevice] = {}
        self.adapters = [] if broker is None else self._adapters(broker)
        self.panels = {
            device.id: Dc09Panel(device.id, device.account or "", profile.dc09, self._clock)
            for device in site.devices
            if (profile := self.wiring.profiles[device.id]).dc09 is not None
        }
        plants = self.world.plants
        self._devices: Mapping[str, Breakable] = {**self.spoken, **self.panels, **units}
        self._hang()
        things: list[Breakable] = [
            *plants.values(),
            *self.spoken.values(),
            *self.panels.values(),
            *units.values(),
            *self.lines,
            *self.adapters,
        ]
        behind = {name: [d for d in self.wiring.devices_of(name) if d in self._devices] for name in plants}
        self.targets = Targets(things, behind)

    def advance(self, seconds: float) -> None:
        """Move the world on by simulated seconds, then let the MQTT devices tell what happened."""
        self.world.advance(seconds)
        self.targets.expire(self.world.now)
        self.tell()

    def tell(self) -> None:
        """Events in order of happening, then each state that has changed."""
        for plant in self.world.plants.values():
            self.report(plant)
        for device in self.spoken.values():
            device.refresh()

    def report(self, plant: Plant) -> None:
        """What happened to one plant, told by whoever speaks for it."""
        for happening in plant.take():
            speaker = self.wiring.speaker(plant, happening)
            if speaker in self.spoken:
                self.spoken[speaker].emit(happening.type, happening.data, historic=happening.historic)
            elif speaker in self.panels:
                self.panels[speaker].emit(happening.type, happening.data)

    def state(self) -> dict[str, Any]:
        """What is true in the plants, and what stands on whom."""
        return {
            "now": self.world.now,
            "equipment": {name: dict(plant.points) for name, plant in self.world.plants.items()},
            "devices": {
                name: {point: self.wiring.value(name, point) for point in self.wiring.profiles[name].points}
                for name in self._devices
            },
            "events": {name: d.seq for name, d in self.spoken.items() if isinstance(d, MqttDevice)},
            "outbox": {adapter.name: len(adapter.outbox) for adapter in self.adapters},
            "standing": {t["target"]: t["standing"] for t in self.targets.describe() if t["standing"]},
        }

    def _hang(self) -> None:
        """Let everything that names its feeder go dark with it; a plant first, then what speaks for it."""
        network, plants = self.world.network, self.world.plants
        lines = {line.name: line for line in self.lines}
        adapters = {adapter.name: adapter for adapter in self.adapters}
        hung: list[tuple[Breakable | None, str | None, float]] = [
            *((plants.get(one.id), one.fed_by, 0.0) for one in self.site.equipment if one.id not in network.plants),
            *((self._devices.get(one.id), one.fed_by, BOOT) for one in self.site.devices),
            *((lines.get(one.id), one.fed_by, BOOT) for one in self.site.buses),
            *((adapters.get(one.id), one.fed_by, BOOT) for one in self.site.gateways),
        ]
        for thing, feeder, boot in hung:
            if thing is not None and feeder is not None:
                network.hang(thing, feeder, boot)

    def _unit(self, device: Device, seed: int) -> Unit:
        image = RegisterImage(
            self.wiring.profiles[device.id],
            lambda point: self.wiring.value(device.id, point),
            lambda point, value: self.wiring.write(device.id, point, value),
            device.scale,
            lambda point: self.wiring.drop(device.id, point),
        )
        return Unit(device.id, image, Random(f"{seed}/{device.id}"))

    def _adapters(self, broker: BrokerAt) -> list[Adapter]:
        """One for each `via`, one for each device with a connection of its own, one for all other dialects."""
        behind: dict[str, list[MqttDevice | ForeignDevice]] = {}
        gateways = set()
        for device in self.site.devices:
            profile = self.wiring.profiles[device.id]
            if profile.mqtt is None:
                continue
            name = device.via or (device.id if profile.mqtt.dialect == "estate" else FOREIGN)
            spoken = self._spoken(device)
            self.spoken[device.id] = spoken
            behind.setdefault(name, []).append(spoken)
            if device.via is not None:
                gateways.add(name)
        return [
            Adapter(
                name, devices, broker, site=self.site.id, gateway=name in gateways, clock=self._clock, link=self._link
            )
            for name, devices in behind.items()
        ]

    def _spoken(self, device: Device) -> MqttDevice | ForeignDevice:
        profile = self.wiring.profiles[device.id]
        assert profile.mqtt is not None, "only MQTT devices speak"
        if profile.mqtt.dialect == "topic":
            return ForeignDevice(
                device.id,
                profile,
                root=device.topic or device.id,
                value=lambda point: self.wiring.value(device.id, point),
                clock=self._clock,
            )
        key = self._keys.get(device.id) if device.commands else None
        return MqttDevice(
            device.id,
            profile,
            site=self.site.id,
            via=device.via,
            value=lambda point: self.wiring.value(device.id, point),
            watch=self.wiring.watch(device.id),
            plant=self.wiring.plant_behind(device.id),
            clock=self._clock,
            guard=Guard(self.site.id, device.id, key, self._clock) if key is not None else None,
            write=lambda point, value, told: self.wiring.write(device.id, point, value, told),
        )


def roof_exits(equipment: Iterable[Equipment]) -> set[str]:
    """Doors that nobody opens but in an emergency."""
    return {item.id for item in equipment if item.parameters.get("place_kind") == "roof_exit"}


def shunned(rules: Mapping[str, Any]) -> set[str]:
    """Equipment with an alarm written for it alone: it is not a way for people."""
    changed = rules.get("equipment") or {}
    return {
        name
        for name, change in changed.items()
        if any("when" in rule for rule in ((change or {}).get("rules") or {}).values())
    }
