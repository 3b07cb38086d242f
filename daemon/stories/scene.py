"""What a story is played on: the alarms, bindings and devices of a site, or of one stock class."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from daemon.wiring import INTERNAL
from drivers.mqtt.mapping import DeviceMap
from drivers.profile import Profile
from estate.annunciation import Annunciation
from estate.installation import Device, Equipment
from estate.model import EquipmentId, PointId, point_id
from estate.site import Site
from rules.engine import Engine
from rules.instance import RuleInstance


@dataclass(frozen=True, slots=True)
class Scene:
    """`devices` are those that speak MQTT, with the words of their profiles."""

    rules: tuple[RuleInstance, ...]
    bindings: Mapping[EquipmentId, Mapping[str, PointId]]
    equipment: tuple[Equipment, ...]
    devices: Mapping[str, DeviceMap]
    annunciation: Annunciation = field(default_factory=Annunciation)

    def engine(self) -> Engine:
        """One that knows nothing yet. The mask of a start is left out: a story begins in a system that runs."""
        return Engine(self.rules, self.annunciation)

    def point(self, path: str) -> PointId:
        """`equipment.point` as the point behind it; anything else is a device's point itself."""
        return resolve(path, self.bindings)

    def points_of(self, device: str) -> tuple[PointId, ...]:
        """What equipment reads of one device, without what its driver says about it."""
        bound = dict.fromkeys(point for points in self.bindings.values() for point in points.values())
        own = {point_id(device, name) for name in INTERNAL}
        return tuple(point for point in bound if point.startswith(f"{device}.") and point not in own)


def site_scene(
    site: Site,
    profiles: Mapping[str, Profile],
    rules: tuple[RuleInstance, ...],
    bindings: Mapping[EquipmentId, Mapping[str, PointId]],
) -> Scene:
    return Scene(rules, bindings, site.equipment, speakers(site.devices, profiles), site.annunciation)


def speakers(devices: Iterable[Device], profiles: Mapping[str, Profile]) -> Mapping[str, DeviceMap]:
    """The devices that have an MQTT profile; the others have registers and say nothing of themselves."""
    return {
        device.id: DeviceMap(device.id, profiles[device.profile])
        for device in devices
        if device.profile in profiles and profiles[device.profile].mqtt is not None
    }


def resolve(path: str, bindings: Mapping[EquipmentId, Mapping[str, PointId]]) -> PointId:
    owner, _, name = path.partition(".")
    return bindings.get(EquipmentId(owner), {}).get(name, PointId(path))
