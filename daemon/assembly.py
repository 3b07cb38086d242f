"""Site, profiles and classes put together into one checked whole, which is all that the running daemon reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from daemon.binding import bind
from daemon.catalogue import Catalogue, read_catalogue, rule_words
from daemon.commanded import commanded
from daemon.due_dates import date_faults
from daemon.lint.finding import Watched, look_at
from daemon.lint.lints import Lints, lints, stopping
from daemon.parents import explained, masks, own_id, supply_faults
from daemon.site_rules import SiteClasses
from daemon.stories.checking import check_stories
from daemon.stories.scene import Scene, speakers
from daemon.wiring import INTERNAL, Offered, keys_missing, scales_missing, wire
from drivers.profile import Profile
from estate.errors import ConfigError, Fault
from estate.folder import Placed, SiteFolder
from estate.installation import Device, Equipment
from estate.model import EquipmentId, PointId, point_id
from estate.references import open_secrets
from estate.site import Site, compose_site, in_order, read_site
from estate.story import Story
from estate.strict import Text
from estate.wording import fault, nearest, some, told
from rules.alarm import AlarmId
from rules.instance import RuleInstance, instantiate
from rules.rule import EquipmentClass

SYSTEM = EquipmentId("system")
OWN_CLASSES = ("device", "bus", "gateway", "system")
"""Classes that no equipment has: the daemon makes one of them for each line and device, and for itself."""


def watched_device(device: str) -> EquipmentId:
    """The equipment that stands for a device itself: its line, identity, protocol and clock.

    An access controller and its door often share one id, so the device's own alarms have their own.
    """
    return own_id("device", device)


@dataclass(frozen=True, slots=True)
class Assembly:
    """`bindings` holds class point to point id, for equipment, `device-<id>` and `system`.

    `max_age` in seconds, for points of devices; internal points are not in it and do not age.
    `own_classes` is the class of each equipment with what rules.yaml changes for it alone. `units` is what the values
    of a device's points are in. `masks` are seconds for which an alarm does not believe the first reading after
    silence.
    """

    site: Site
    profiles: Mapping[str, Profile]
    classes: Mapping[str, EquipmentClass]
    own_classes: Mapping[EquipmentId, EquipmentClass]
    bindings: Mapping[EquipmentId, Mapping[str, PointId]]
    rules: tuple[RuleInstance, ...]
    max_age: Mapping[PointId, float]
    units: Mapping[PointId, str]
    masks: Mapping[AlarmId, float]
    stories: tuple[Placed[Story], ...]
    lints: Lints


def assemble(folder: Path, linted: bool = True) -> Assembly:
    """Raises ConfigError with every fault of the site and of what it uses, each with file and line.

    Without `linted` nothing is said of what is only doubtful: a daemon that starts has no one to tell.
    """
    site = read_site(folder)
    catalogue = read_catalogue(
        folder,
        (row.value.profile for row in site.devices),
        (*OWN_CLASSES, *(row.value.class_ for row in site.equipment)),
    )
    offered = Offered()
    site.faults += [*catalogue.faults, *wire(site, catalogue, offered)]
    classes = SiteClasses(catalogue, site.rules)
    classes.check_equipment(set(site.equipment.ids))
    bindings: dict[EquipmentId, Mapping[str, PointId]] = {}
    watched: list[Watched] = []
    for row in site.equipment:
        _place(site, row, classes, catalogue, offered, bindings, watched)
    alarms = [alarm for one in watched for alarm in one.alarms]
    site.faults += classes.faults
    bridging = {str(one.id) for one in watched if one.cls.bridges_outages}
    alarms = explained(site, [*alarms, *_devices_and_system(site, classes, bindings)], bridging)
    read = (point for bound in bindings.values() for point in bound.values())
    site.faults += scales_missing(offered, site.devices.by_id(), read)
    site.faults += [*_lamps(site, bindings, offered), *supply_faults(site, alarms), *date_faults(site.equipment)]
    site.faults += [*open_secrets(site), *keys_missing(site, catalogue), *commanded(site, watched, offered)]
    site.faults += stopping(site, watched, offered)
    site.faults += check_stories(
        site.stories,
        Scene(tuple(alarms), bindings, site.equipment.values, speakers(site.devices.values, catalogue.profiles)),
        offered.names,
        _silent(site, alarms, offered),
    )
    return Assembly(
        site=compose_site(site),
        profiles=catalogue.profiles,
        classes=classes.classes,
        own_classes={EquipmentId(one.id): one.cls for one in watched},
        bindings=bindings,
        rules=tuple(alarms),
        max_age=offered.max_age,
        units=offered.units,
        masks=masks(alarms, offered),
        stories=tuple(site.stories),
        lints=lints(site, watched, alarms, bindings, offered, catalogue) if linted else Lints(),
    )


def check(folder: Path) -> list[Fault]:
    """Every fault of a site folder, in order of file and line; none for a good one."""
    try:
        assemble(folder)
    except ConfigError as error:
        return in_order(list(error.faults))
    return []


def _place(
    site: SiteFolder,
    row: Placed[Equipment],
    classes: SiteClasses,
    catalogue: Catalogue,
    offered: Offered,
    bindings: dict[EquipmentId, Mapping[str, PointId]],
    watched: list[Watched],
) -> None:
    """Binds one equipment and makes its alarms; its faults go to the site's."""
    item = row.value
    if item.class_ not in catalogue.class_ids:
        known = sorted(catalogue.class_ids - set(OWN_CLASSES))
        near = nearest(item.class_, known)
        site.faults.append(row.fault("unknown_class", "class", near=near, id=item.class_, known=some(known)))
        return
    cls = classes.of(item.id, item.class_)
    if cls is None:
        return
    bound, faults = bind(row, cls, offered)
    faults += _parameters(row, cls)
    site.faults += faults
    equipment = EquipmentId(item.id)
    bindings[equipment] = bound
    if faults:
        return
    alarms = instantiate(
        equipment,
        cls,
        name=item.name,
        place=item.place,
        number=item.number,
        bindings=bound,
        parameters=item.parameters,
        moulds=classes.moulds,
    )
    for alarm in alarms:
        plan = alarm.rule.emergency_plan
        if plan is not None and site.procedures and plan not in site.procedures:
            missing = f"procedures/{plan}.md"
            site.faults.append(fault("file_missing", str(site.path / missing), 1, name=missing))
    watched.append(look_at(row, cls, bound, alarms, classes.trees))


def _parameters(row: Placed[Equipment], cls: EquipmentClass) -> list[Fault]:
    """What the class says of this equipment's parameter values."""
    faults = []
    for detail in cls.faults_of(row.value.parameters):
        loc = detail["loc"]
        place = ("parameters", str(loc[0])) if loc and loc[0] in row.value.parameters else ("id",)
        if isinstance(error := detail["type"], PydanticCustomError):
            line = row.document.line((*row.loc, *place))
            values = {
                "what": ".".join(place),
                "value": row.value.parameters.get(place[-1], ""),
                **(error.context or {}),
            }
            faults.append(told(row.document.file, line, rule_words()[error.type], values))
    return faults


def _devices_and_system(
    site: SiteFolder, classes: SiteClasses, bindings: dict[EquipmentId, Mapping[str, PointId]]
) -> list[RuleInstance]:
    """Class `device` once per device, `bus` and `gateway` once per line, and `system` once."""
    alarms: list[RuleInstance] = []
    places: dict[str, Text] = {}
    for item in site.equipment.values:
        for source in (item.device, *(target.partition(".")[0] for target in item.points.values())):
            if source is not None:
                places.setdefault(source, item.place)
    if (cls := classes.classes.get("device")) is not None:
        for row in site.devices:
            device = row.value
            own = watched_device(device.id)
            bindings[own] = {name: point_id(device.id, name) for name in INTERNAL if name in cls.points}
            alarms += instantiate(
                own,
                cls,
                name=device.name or Text(zh=device.id, en=device.id),
                place=places.get(device.id),
                number=device.id,
                bindings=bindings[own],
                moulds=classes.moulds,
            )
    lines = [("bus", row.value.bus) for row in site.devices] + [("gateway", row.value.via) for row in site.devices]
    for kind, name in dict.fromkeys(lines):
        if name is not None and (cls := classes.classes.get(kind)) is not None:
            own = own_id(kind, name)
            bindings[own] = {point: point_id(own, point) for point in cls.points}
            called = Text(zh=name, en=name)
            alarms += instantiate(own, cls, name=called, number=name, bindings=bindings[own], moulds=classes.moulds)
    if (cls := classes.classes.get("system")) is not None:
        bindings[SYSTEM] = {name: point_id(SYSTEM, name) for name in cls.points}
        alarms += instantiate(SYSTEM, cls, name=cls.name, bindings=bindings[SYSTEM])
    return alarms


def _silent(site: SiteFolder, alarms: list[RuleInstance], offered: Offered) -> frozenset[str]:
    """Rows that are at fault themselves, so that nothing more is said of what they lack."""
    equipment = set(site.equipment.ids) - {str(alarm.equipment) for alarm in alarms}
    behind = {one.id for one in site.equipment.values if one.device is not None and one.device not in offered.names}
    return frozenset(equipment | behind | (set(site.devices.ids) - set(offered.names)))


def _lamps(site: SiteFolder, bindings: Mapping[EquipmentId, Mapping[str, PointId]], offered: Offered) -> list[Fault]:
    """Lamps that alarms switch have to be writable, on devices that allow commands."""
    devices: Mapping[str, Placed[Device]] = site.devices.by_id()
    lamps = site.equipment.by_id()
    faults = []
    for name in dict.fromkeys(row.value.lamp for row in site.equipment if row.value.lamp):
        source = bindings.get(EquipmentId(name), {}).get("on")
        owner = devices.get(source.partition(".")[0]) if source is not None else None
        if source is None or owner is None or name not in lamps or source not in offered.kinds:
            continue
        if source not in offered.writable:
            faults.append(lamps[name].fault("lamp_cannot_switch", "points", "on", id=name, source=source))
        elif not owner.value.commands:
            faults.append(owner.fault("commands_off", "id", id=name, device=owner.value.id))
    return faults
