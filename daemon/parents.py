"""Which alarms explain which: bus, gateway, device and the equipment on it; lost supply and what it feeds."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.wiring import Offered
from estate.errors import Fault
from estate.folder import Placed, SiteFolder
from estate.installation import Bus, Device, Equipment, Gateway
from estate.model import EquipmentId
from estate.wording import nearest
from rules.alarm import AlarmId
from rules.instance import RuleInstance

OFFLINE, OVERLOADED = "offline", "overloaded"
LONGEST_MASK = 30.0  # s, devices.md D.0 rule 4
MARGIN = 0.2  # s by which the second reading may be late


@dataclass(frozen=True, slots=True)
class Supply:
    """Who feeds whom (`feeding`), the alarms of each that say its load is dead (`cutting`), and what hangs on a bus."""

    feeding: Mapping[str, str | None]
    cutting: Mapping[str, Sequence[AlarmId]]
    bridging: Container[str]
    on_bus: Mapping[str, Sequence[str]]

    def explaining(self, name: str) -> Iterator[AlarmId]:
        """The alarms that leave it, or all that hangs on it, without supply."""
        shared = [dict.fromkeys(self.cuts(device)) for device in self.on_bus.get(name, ())]
        common = (alarm for alarm in shared[0] if all(alarm in one for one in shared)) if shared else ()
        yield from dict.fromkeys((*self.cuts(name), *common))

    def cuts(self, name: str) -> Iterator[AlarmId]:
        """The alarms that leave it without supply: of what feeds it, and of what feeds that."""
        seen = {name}
        feeder = self.feeding.get(name)
        while feeder is not None and feeder not in seen:
            seen.add(feeder)
            yield from self.cutting.get(feeder, ())
            feeder = None if feeder in self.bridging else self.feeding.get(feeder)


def own_id(kind: str, name: str) -> EquipmentId:
    """The equipment that stands for a bus, a gateway or a device itself: `bus-sump-gw`."""
    return EquipmentId(f"{kind}-{name}")


def explained(
    site: SiteFolder, alarms: Iterable[RuleInstance], bridging: Container[str] = frozenset()
) -> list[RuleInstance]:
    """The same alarms with their parents.

    A device is explained by its bus or gateway. An alarm of equipment is explained only while all devices that
    decide it are offline: one that is raised by a device still there is a real one. What is `lost_with_supply` is
    explained by the alarms that cut the supply of what feeds it, or of what feeds that, up to the first equipment
    in `bridging` (a UPS, a transfer switch): behind that a lost supply explains nothing as long as it carries. A bus
    falls silent with its own supply, or with one that all devices on it share.
    """
    alarms = list(alarms)
    devices = {row.value.id: row.value for row in site.devices}
    feeders: dict[str, list[AlarmId]] = {}
    for one in alarms:
        if one.rule.cuts_supply:
            feeders.setdefault(one.equipment, []).append(one.alarm)
    feeding: dict[str, str | None] = {row.value.id: row.value.fed_by for row in site.equipment}
    feeding |= {own_id("device", one.id): one.fed_by for one in devices.values()}
    if site.outline is not None:
        feeding |= {own_id("bus", one.id): one.fed_by for one in site.outline.buses}
        feeding |= {own_id("gateway", one.id): one.fed_by for one in site.outline.gateways}
    lines = {own_id("device", one.id): _line(one) for one in devices.values()}
    on_bus: dict[str, list[str]] = {}
    for device in devices.values():
        if device.bus is not None:
            on_bus.setdefault(own_id("bus", device.bus), []).append(own_id("device", device.id))
    supply = Supply(feeding, feeders, bridging, on_bus)
    sets: dict[frozenset[AlarmId], frozenset[AlarmId]] = {}  # the alarms of one device share theirs
    found: list[RuleInstance] = []
    for one in alarms:
        parents = tuple(sets.setdefault(each, each) for each in _parents(one, devices, lines, supply))
        found.append(replace(one, parents=parents) if parents else one)
    return found


def _parents(
    one: RuleInstance,
    devices: Mapping[str, Device],
    lines: Mapping[EquipmentId, AlarmId | None],
    supply: Supply,
) -> Iterator[frozenset[AlarmId]]:
    line = lines.get(one.equipment)
    if line is not None and one.rule_name == OFFLINE:
        yield frozenset({line})
    if one.rule_name == OVERLOADED:  # each try to reach a dead unit costs the line a timeout
        yield from (frozenset({AlarmId(f"{device}.{OFFLINE}")}) for device in supply.on_bus.get(one.equipment, ()))
    owners = {point.partition(".")[0] for point in one.points}
    if owners and owners <= devices.keys():
        offline = frozenset(AlarmId(f"{own_id('device', owner)}.{OFFLINE}") for owner in owners)
        if one.alarm not in offline:
            yield offline
    if one.rule.lost_with_supply:
        yield from (frozenset({alarm}) for alarm in supply.explaining(one.equipment) if alarm != one.alarm)


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
    rows: list[Placed[Device] | Placed[Equipment] | Placed[Bus] | Placed[Gateway]] = [*site.devices, *site.equipment]
    if site.outline is not None:
        rows += [Placed(one, site.site_file, ("buses", n)) for n, one in enumerate(site.outline.buses)]
        rows += [Placed(one, site.site_file, ("gateways", n)) for n, one in enumerate(site.outline.gateways)]
    for row in rows:
        feeder = row.value.fed_by
        if feeder is None:
            continue
        others = known - {row.value.id} if isinstance(row.value, Equipment) else known
        if feeder not in others:
            yield row.fault("unknown_feeder", "fed_by", near=nearest(feeder, others), id=feeder)
        elif feeder in told and feeder not in cutting:
            yield row.fault("feeds_nothing", "fed_by", id=feeder)
