"""Equipment against its class: each class point finds its device point, of the right kind and in the right unit."""

from collections.abc import Iterator, Mapping

from daemon.profile_fit import factor
from daemon.wiring import INTERNAL, Offered
from drivers.profile import MqttPoint, RegisterPoint, RegisterType
from estate.errors import Fault
from estate.folder import Placed
from estate.installation import Equipment
from estate.model import PointId, point_id
from estate.wording import nearest, some
from rules.rule import ClassPoint, EquipmentClass


def bind(row: Placed[Equipment], cls: EquipmentClass, offered: Offered) -> tuple[Mapping[str, PointId], list[Fault]]:
    """The class points of one equipment with their sources, and what is wrong about them."""
    item = row.value
    bound = {name: PointId(f"{item.id}.{name}") for name, point in cls.points.items() if point.internal}
    faults = list(_unknown_class_points(row, cls))
    for name, point in cls.points.items():
        source = item.points.get(name)
        if source is not None:
            faults += _check_source(row, name, source, offered)
            bound[name] = PointId(source)
        elif item.device is not None and name in offered.names.get(item.device, ()) and not point.internal:
            bound[name] = point_id(item.device, name)
        elif not point.internal and not point.optional and _could_be_known(item, offered):
            faults.append(_unbound(row, name, cls, offered))
    for name, target in bound.items():
        if not cls.points[name].internal:
            faults += _check_match(row, name, cls.points[name], target, offered)
    return bound, faults


def _unbound(row: Placed[Equipment], name: str, cls: EquipmentClass, offered: Offered) -> Fault:
    """A point without a source; a name of the device's own that is almost the same is a slip in its profile."""
    item = row.value
    if item.device is None:
        return row.fault("unbound_point", "id", id=item.id, point=name)
    own = [one for one in offered.names.get(item.device, ()) if one not in cls.points]
    alike = nearest(name, own)
    if alike is None:
        return row.fault("unbound_point", "device", id=item.id, point=name)
    words = {"id": item.id, "point": name, "profile": offered.models[item.device], "alike": alike}
    return row.fault("unbound_misspelt", "device", **words)


def _could_be_known(item: Equipment, offered: Offered) -> bool:
    """Whether the device's points are known; if its row or profile is wrong, that is what has been told already."""
    return item.device is None or item.device in offered.names


def _unknown_class_points(row: Placed[Equipment], cls: EquipmentClass) -> Iterator[Fault]:
    for name in row.value.points:
        if name not in cls.points or cls.points[name].internal:
            known = [one for one, point in cls.points.items() if not point.internal]
            near = nearest(name, known)
            yield row.fault(
                "unknown_class_point", "points", name, near=near, class_=cls.class_, point=name, known=some(known)
            )


def _check_source(row: Placed[Equipment], name: str, source: str, offered: Offered) -> Iterator[Fault]:
    device, _, point = source.partition(".")
    known = offered.names.get(device)
    if known is not None and point not in known:
        yield row.fault(
            "unknown_point",
            "points",
            name,
            near=nearest(point, known),
            device=device,
            profile=offered.models[device],
            point=point,
            known=some(known),
        )


def _check_match(
    row: Placed[Equipment], name: str, point: ClassPoint, target: PointId, offered: Offered
) -> Iterator[Fault]:
    place = ("points", name) if name in row.value.points else ("device",)
    if target.partition(".")[2] in INTERNAL:
        return
    given = kind_of(offered.kinds.get(target))
    wanted = "number" if point.kind == "analog" else "bool" if point.kind == "state" else "text"
    if given is not None and given != wanted:
        yield row.fault("kind_mismatch", *place, point=name, source=target, wanted=wanted, given=given)
    unit = offered.units.get(target, "")
    if point.unit and unit and unit != point.unit:
        words = {"point": name, "source": target, "wanted": point.unit, "given": unit}
        if target in offered.scales:
            yield row.fault("unit_mismatch", *place, **words)
        else:
            times = factor(unit, point.unit)
            profile = offered.models[target.partition(".")[0]]
            yield row.fault("unit_of_profile", *place, **words, profile=profile, times=f" (× {times})" if times else "")


def kind_of(described: RegisterPoint | MqttPoint | None) -> str | None:
    """What values a device point gives: number, bool or text; None where its profile leaves it open."""
    match described:
        case None:
            return None
        case RegisterPoint(enum=enum) if enum is not None:
            return "bool" if all(isinstance(value, bool) for value in enum.values() if value is not None) else "text"
        case RegisterPoint(is_bool=True):
            return "bool"
        case RegisterPoint(type=kind):
            return "text" if kind is RegisterType.TEXT else "number"
        case MqttPoint(map=renamed) if renamed:
            kinds = {isinstance(value, bool) for value in renamed.values()}
            return None if len(kinds) > 1 else "bool" if kinds == {True} else "text"
        case MqttPoint(type=kind):
            return {"bool": "bool", "number": "number"}.get(kind, "text")
