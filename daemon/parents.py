"""Which alarms explain which: bus, gateway, device and the equipment on it; lost supply and what it feeds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from daemon.wiring import Offered
from estate.errors import Fault
from estate.folder import Placed, SiteFolder
from estate.installation import Device, Equipment
from estate.model import EquipmentId
from estate.wording import nearest
from rules.alarm import AlarmId
from rules.instance import RuleInstance

OFFLINE = "offline"
LONGEST_MASK = 30.0  # s, devices.md D.0 rule 4
MARGIN = 0.2  # s by which the second reading may be late


def own_id(kind: str, name: str) -> EquipmentId:
    """The equipment that stands for a bus, a gateway or a device itself: `bus-sump-gw`."""
    return EquipmentId(f"{kind}-{name}")


def explained(site: SiteFolder, alarms: Iterable[RuleInstance]) -> list[RuleInstance]:
    """The same alarms with their parents.

    A device is explained by its bus or gateway. An alarm of equipment is explained only while all devices that
    decide it are offline: one that is raised by a device still there is a real one. What is `lost_with_supply` is
    explained by the alarms that cut the supply of what feeds it, or of what feeds that.
    """
    alarms = list(alarms)
    devices = {row.value.id: row.value for row in site.devices}
    feeders: dict[str, list[AlarmId]] = {}
    for one in alarms:
        if one.rule.cuts_supply:
            feeders.setdefault(one.equipment, []).append(one.alarm)
    feeding: dict[str, str | None] = {row.value.id: row.value.fed_by for row in site.equipment}
    feeding |= {own_id("device", one.id): one.fed_by for one in devices.values()}
    lines = {own_id("device", one.id): _line(one) for one in devices.values()}
    return [replace(one, parents=tuple(_parents(one, devices, lines, feeding, feeders))) for one in alarms]


def _parents(
    one: RuleInstance,
    devices: Mapping[str, Device],
    lines: Mapping[EquipmentId, AlarmId | None],
    feeding: Mapping[str, str | None],
    feeders: Mapping[str, list[AlarmId]],
) -> Iterator[frozenset[AlarmId]]:
    line = lines.get(one.equipment)
    if line is not None and one.rule_name == OFFLINE:
        yield frozenset({line})
    owners = {point.partition(".")[0] for point in one.points}
    if owners and owners <= devices.keys():
        offline = frozenset(AlarmId(f"{own_id('device', owner)}.{OFFLINE}") for owner in owners)
        if one.alarm not in offline:
            yield offline
    if one.rule.lost_with_supply:
        cuts = (alarm for feeder in _upstream(one.equipment, feeding) for alarm in feeders.get(feeder, ()))
        yield from (frozenset({alarm}) for alarm in cuts if alarm != one.alarm)


def _upstream(name: str, feeding: Mapping[str, str | None]) -> Iterator[str]:
    """What supplies it, and what supplies that, up to the mains."""
    seen = {name}
    feeder = feeding.get(name)
    while feeder is not None and feeder not in seen:
        seen.add(feeder)
        yield feeder
        feeder = feeding.get(feeder)


def _line(device: Device) -> AlarmId | None:
    if device.bus is not None:
        return AlarmId(f"{own_id('bus', device.bus)}.{OFFLINE}")
    return None if device.via is None else AlarmId(f"{own_id('gateway', device.via)}.{OFFLINE}")


def masks(alarms: Iterable[RuleInstance], offered: Offered) -> Mapping[AlarmId, float]:
    """Seconds for which an alarm does not believe the first reading after silence: the next poll has to confirm it."""
    found = {}
    for one in alarms:
        period = max((offered.poll[point] for point in one.points if point in offered.poll), default=0.0)
        if period > 0:
            found[one.alarm] = min(period + MARGIN, LONGEST_MASK)
    return found


def supply_faults(site: SiteFolder, alarms: Iterable[RuleInstance]) -> Iterator[Fault]:
    """`fed_by` has to name an equipment with an alarm that says when the supply is cut."""
    known = set(site.equipment.ids)
    told = {str(one.equipment) for one in alarms}
    cutting = {str(one.equipment) for one in alarms if one.rule.cuts_supply}
    rows: list[Placed[Device] | Placed[Equipment]] = [*site.devices, *site.equipment]
    for row in rows:
        feeder = row.value.fed_by
        if feeder is None:
            continue
        if feeder not in known or feeder == row.value.id:
            yield row.fault("unknown_feeder", "fed_by", near=nearest(feeder, known - {row.value.id}), id=feeder)
        elif feeder in told and feeder not in cutting:
            yield row.fault("feeds_nothing", "fed_by", id=feeder)
