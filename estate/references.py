"""What the rows of a site say about each other: every reference has a target, no address is used twice."""

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from estate.errors import Fault
from estate.folder import Placed, SiteFolder
from estate.installation import Device, Equipment
from estate.outline import Outline
from estate.tours import Tour
from estate.wording import fault, nearest


def check_references(site: SiteFolder) -> Iterator[Fault]:
    """Faults that need no knowledge of device models or equipment classes."""
    yield from _outline(site)
    yield from _devices(site)
    equipment = site.equipment.by_id()
    for row in site.equipment:
        yield from _equipment(site, row)
        yield from _lamp(site, row, equipment)
    for tour in site.tours:
        yield from _tour(site, tour, equipment)


def _outline(site: SiteFolder) -> Iterator[Fault]:
    if site.outline is None:
        return
    lines: dict[str, str] = {}
    for index, bus in enumerate(site.outline.buses):
        address = bus.tcp or bus.serial or ""
        other = lines.setdefault(address, bus.id)
        if other != bus.id:
            key = "tcp" if bus.tcp else "serial"
            yield site.site_file.fault("same_line", ("buses", index, key), id=bus.id, other=other, address=address)
    behind = {row.value.via for row in site.devices if row.value.via is not None}
    for index, gateway in enumerate(site.outline.gateways):
        if gateway.id not in behind:
            near = nearest(gateway.id, behind)
            yield site.site_file.fault("unknown_gateway", ("gateways", index, "id"), near=near, id=gateway.id)
    broker = site.outline.mqtt
    files = {**_secrets(site.outline), ("mqtt", "ca_file"): broker.ca_file if broker is not None else None}
    for loc, name in files.items():
        if name and not (site.path / Path(name)).is_file():
            yield site.site_file.fault("file_missing", loc, name=name)


def _secrets(outline: Outline) -> dict[tuple[str, str], str | None]:
    return {
        ("mqtt", "password_file"): outline.mqtt.password_file if outline.mqtt is not None else None,
        ("history", "token_file"): outline.history.token_file if outline.history is not None else None,
    }


def open_secrets(site: SiteFolder) -> Iterator[Fault]:
    """Passwords, and hashes of them, that everybody on the machine can read. A fault where the site is run, not where
    it is played."""
    for loc, name in _secrets(site.outline).items() if site.outline is not None else ():
        path = site.path / name if name else None
        if path is not None and path.is_file() and path.stat().st_mode & stat.S_IRWXO:
            yield site.site_file.fault("secret_open", loc, name=name)
    people = site.path / "people.yaml"
    hashed = people.is_file() and any(user.password is not None for user in site.users.values)
    if hashed and people.stat().st_mode & stat.S_IRWXO:
        yield fault("secret_open", str(people), 1, name=people.name)


def _devices(site: SiteFolder) -> Iterator[Fault]:
    buses = site.written_ids("buses")
    rtu = {bus.id for bus in site.outline.buses if bus.is_rtu} if site.outline else set()
    units: dict[tuple[str, int], str] = {}
    accounts: dict[str, str] = {}
    for row in site.devices:
        device = row.value
        if _is_reserved(device.id):
            yield row.fault("id_reserved", "id", id=device.id)
        if device.bus is not None and device.bus not in buses:
            yield row.fault("unknown_bus", "bus", near=nearest(device.bus, buses), id=device.bus)
        if device.bus in rtu and device.unit is not None and not 1 <= device.unit <= 247:
            yield row.fault("rtu_unit", "unit", unit=device.unit)
        if device.max_age is not None and device.bus is not None and device.max_age < device.poll:
            yield row.fault("max_age_short", "max_age", max_age=device.max_age, poll=device.poll)
        if device.account is not None:
            other = accounts.setdefault(device.account, device.id)
            if other != device.id:
                yield row.fault("account_twice", "account", account=device.account, other=other)
        if device.address is not None and device.account is None:
            yield row.fault("address_useless", "address", id=device.id)
        if device.bus is not None and device.unit is not None:
            other = units.setdefault((device.bus, device.unit), device.id)
            if other != device.id:
                yield row.fault("unit_twice", "unit", unit=device.unit, bus=device.bus, other=other)
    yield from _topics([row for row in site.devices if row.value.topic is not None])


def _is_reserved(name: str) -> bool:
    """Whether the daemon's own points have it: the system's, and those of lines and devices."""
    return name == "system" or name.startswith(("bus-", "device-", "gateway-"))


def _topics(rows: list[Placed[Device]]) -> Iterator[Fault]:
    """A root topic that equals or contains another would feed one device's messages to the other."""
    seen: list[tuple[str, str]] = []
    for row in rows:
        topic = row.value.topic or ""
        if topic == "estate/v1" or topic.startswith("estate/v1/"):
            yield row.fault("topic_ours", "topic", topic=topic)
        for theirs, other in seen:
            if f"{topic}/".startswith(f"{theirs}/") or f"{theirs}/".startswith(f"{topic}/"):
                yield row.fault("topic_taken", "topic", topic=topic, theirs=theirs, other=other)
                break
        seen.append((topic, row.value.id))


def _equipment(site: SiteFolder, row: Placed[Equipment]) -> Iterator[Fault]:
    item = row.value
    if _is_reserved(item.id):
        yield row.fault("id_reserved", "id", id=item.id)
    devices = site.devices.ids
    if item.device is not None and item.device not in devices:
        yield row.fault("unknown_device", "device", near=nearest(item.device, devices), id=item.device)
    for point, target in item.points.items():
        device = target.partition(".")[0]
        if device not in devices:
            yield row.fault("unknown_device", "points", point, near=nearest(device, devices), id=device)
    if item.household is not None and item.household not in site.households.ids:
        near = nearest(item.household, site.households.ids)
        yield row.fault("unknown_household", "household", near=near, id=item.household)
    if item.map is not None:
        yield from _place(site, row)


def _lamp(site: SiteFolder, row: Placed[Equipment], equipment: Mapping[str, Placed[Equipment]]) -> Iterator[Fault]:
    lamp = row.value.lamp
    if lamp is None:
        return
    if lamp not in site.equipment.ids:
        lamps = [item.id for item in site.equipment.values if item.class_ == "lamp"]
        yield row.fault("unknown_lamp", "lamp", near=nearest(lamp, lamps), id=lamp)
        return
    target = equipment.get(lamp)
    if target is not None and target.value.class_ != "lamp":
        yield row.fault("not_a_lamp", "lamp", id=lamp, class_=target.value.class_)


def _tour(site: SiteFolder, row: Placed[Tour], equipment: Mapping[str, Placed[Equipment]]) -> Iterator[Fault]:
    tour = row.value
    wanted: list[tuple[tuple[str | int, ...], str, str]] = [(("id",), tour.id, "tour")]
    wanted += [
        (("stops", number, "checkpoint"), stop.checkpoint, "checkpoint") for number, stop in enumerate(tour.stops)
    ]
    for place, name, class_ in wanted:
        found = equipment.get(name)
        if name not in site.equipment.ids or (found is not None and found.value.class_ != class_):
            known = [item.id for item in site.equipment.values if item.class_ == class_]
            yield row.fault("not_of_class", *place, near=nearest(name, known), id=name, class_=class_)
    for number, reader in enumerate(tour.readers):
        if reader not in site.devices.ids:
            yield row.fault("unknown_device", "readers", number, near=nearest(reader, site.devices.ids), id=reader)


def _place(site: SiteFolder, row: Placed[Equipment]) -> Iterator[Fault]:
    place = row.value.map
    if place is None:
        return
    plans = site.written_ids("plans")
    if place.plan not in plans:
        yield row.fault("unknown_plan", "map", "plan", near=nearest(place.plan, plans), id=place.plan)
        return
    box = site.plan_boxes.get(place.plan)
    if box is None:
        return
    left, top, width, height = box
    if not (left <= place.x <= left + width and top <= place.y <= top + height):
        shown = f"{left:g} {top:g} {width:g} {height:g}"
        yield row.fault("outside_plan", "map", x=place.x, y=place.y, id=place.plan, box=shown)
