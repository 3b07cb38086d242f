"""Devices against their profiles: the right connection, scales where loops are, and how old each point may get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from daemon.catalogue import Catalogue
from drivers.profile import MqttPoint, Profile, RegisterPoint
from estate.command_keys import read_command_keys
from estate.errors import Fault
from estate.folder import Placed, SiteFolder
from estate.installation import Device, Scale
from estate.model import PointId, point_id
from estate.wording import nearest, some

INTERNAL = ("online", "identity", "protocol", "clock")
"""Points that every device has and no profile names; its driver writes them."""


@dataclass(slots=True)
class Offered:
    """Every device point of the site: what it is, its unit, its scale, and how long a sample of it is good (s).

    `names` and `models` are the points and the profile of each device.
    """

    kinds: dict[PointId, RegisterPoint | MqttPoint | None] = field(default_factory=dict)
    units: dict[PointId, str] = field(default_factory=dict)
    scales: dict[PointId, Scale] = field(default_factory=dict)
    max_age: dict[PointId, float] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    poll: dict[PointId, float] = field(default_factory=dict)
    writable: set[PointId] = field(default_factory=set)


def point_names(profile: Profile) -> list[str]:
    """The points a device of this model has: registers or fields, and what its events set besides."""
    names = dict.fromkeys(profile.points)
    for mapping in profile.events.values():
        names |= dict.fromkeys((*mapping.set, *mapping.copy_, *mapping.pulse))
    return list(names)


def wire(site: SiteFolder, catalogue: Catalogue, offered: Offered) -> Iterator[Fault]:
    """Fills `offered` from every device whose profile is known."""
    for row in site.devices:
        device = row.value
        profile = catalogue.profiles.get(device.profile)
        if profile is None:
            if device.profile not in catalogue.profile_ids:
                near = nearest(device.profile, catalogue.profile_ids)
                yield row.fault("unknown_profile", "profile", near=near, id=device.profile)
            continue
        yield from _connection(site, row, profile)
        yield from _scales(row, profile)
        if device.commands and not any(point.writable for point in profile.points.values()):
            yield row.fault("commands_read_only", "commands", profile=device.profile)
        _offer(offered, device, profile)


def keys_missing(site: SiteFolder, catalogue: Catalogue) -> Iterator[Fault]:
    """What is wrong with command-keys.yaml, and devices that are to be commanded over MQTT without a key."""
    keys, faults = read_command_keys(site.path)
    yield from faults
    if faults:
        return
    for row in site.devices:
        profile = catalogue.profiles.get(row.value.profile)
        if row.value.commands and profile is not None and profile.mqtt is not None and row.value.id not in keys:
            yield row.fault("key_missing", "commands", id=row.value.id)


def _connection(site: SiteFolder, row: Placed[Device], profile: Profile) -> Iterator[Fault]:
    device = row.value
    if profile.modbus is not None:
        if device.bus is None or device.unit is None:
            yield row.fault("unit_missing", id=device.id)
        for key in ("via", "topic"):
            if getattr(device, key) is not None:
                yield row.fault("mqtt_on_bus", key, profile=device.profile)
        return
    for key in ("bus", "unit"):
        if getattr(device, key) is not None:
            yield row.fault("bus_on_mqtt", key, profile=device.profile)
    if (profile.dc09 is None) != (device.account is None):
        yield row.fault("account", profile=device.profile, id=device.id)
    if profile.dc09 is not None and site.outline is not None and site.outline.dc09 is None:
        yield row.fault("no_receiver", profile=device.profile)
    if profile.mqtt is None:
        return
    if site.outline is not None and site.outline.mqtt is None:
        yield row.fault("no_broker", profile=device.profile)
    if profile.mqtt.dialect == "topic" and device.topic is None:
        yield row.fault("topic_missing", profile=device.profile)
    if profile.mqtt.dialect == "estate" and device.topic is not None:
        yield row.fault("topic_useless", "topic", profile=device.profile)
    if device.max_age is None and not profile.mqtt.heartbeat and profile.mqtt.max_silence is None:
        yield row.fault("max_age_missing", profile=device.profile, id=device.id)


def _scales(row: Placed[Device], profile: Profile) -> Iterator[Fault]:
    loops = [name for name, register in profile.registers.items() if register.is_scaled_on_site]
    for name in row.value.scale:
        if name not in loops:
            known = some(loops)
            near = nearest(name, loops)
            yield row.fault(
                "scale_unknown", "scale", name, near=near, profile=row.value.profile, point=name, known=known
            )


def _offer(offered: Offered, device: Device, profile: Profile) -> None:
    names = point_names(profile)
    offered.names[device.id] = [*names, *INTERNAL]
    offered.models[device.id] = device.profile
    for name in names:
        point = point_id(device.id, name)
        described = profile.points.get(name)
        offered.kinds[point] = described
        scale = device.scale.get(name)
        unit = scale.unit if scale is not None else described.unit if described is not None else ""
        if unit:
            offered.units[point] = unit
        if scale is not None:
            offered.scales[point] = scale
        age = _max_age(device, profile, described)
        if age is not None:
            offered.max_age[point] = age
        if isinstance(described, RegisterPoint):
            offered.poll[point] = device.poll * described.every
        if described is not None and described.writable:
            offered.writable.add(point)


def _max_age(device: Device, profile: Profile, described: RegisterPoint | MqttPoint | None) -> float | None:
    """Three polls, or three heartbeats and 5 s (devices.md B6 rule 6). None: only for a device already at fault."""
    every = described.every if isinstance(described, RegisterPoint) else 1
    if device.max_age is not None:
        return device.max_age * every
    if profile.dc09 is not None:
        return None  # it says a thing once; silence is judged by its supervision
    if profile.mqtt is None:
        return 3 * device.poll * every
    if profile.mqtt.heartbeat:
        return 3 * profile.mqtt.heartbeat + 5
    return profile.mqtt.max_silence


def scales_missing(offered: Offered, device: Mapping[str, Placed[Device]], bound: Iterator[PointId]) -> Iterator[Fault]:
    """4-20 mA inputs and pulse counters that equipment reads although nobody said what they measure."""
    for point in dict.fromkeys(bound):
        described = offered.kinds.get(point)
        if isinstance(described, RegisterPoint) and described.is_scaled_on_site and point not in offered.scales:
            owner, _, name = point.partition(".")
            yield device[owner].fault("scale_missing", "scale", point=name, device=owner)
