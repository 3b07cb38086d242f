"""What a console must know of the site before the first alarm: names, places, points, texts, plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from daemon.assembly import Assembly
from estate.model import EquipmentId, PointId
from estate.strict import Text
from rules.rule import ClassPoint, EquipmentClass


@dataclass(frozen=True, slots=True)
class SiteDocument:
    """`body` is the JSON for the console; plans and procedures are served from their files by id."""

    body: bytes
    plans: Mapping[str, Path]
    procedures: Mapping[str, Path]
    points: frozenset[PointId]


def site_document(assembly: Assembly) -> SiteDocument:
    """Built once at the start, one equipment at a time: the whole tree at once took 4 MB for the 0.25 MB that stay."""
    site = assembly.site
    plans = {plan.id: site.folder / plan.file for plan in site.plans}
    document = {
        "id": site.id,
        "name": _text(site.name),
        "timezone": site.timezone,
        "equipment": _all(assembly),
        "classes": {name: _class(one) for name, one in assembly.classes.items()},
        "people": {one.id: one.name for one in site.users},
        "plans": [{"id": one.id, "name": _text(one.name), "box": site.plan_boxes[one.id]} for one in site.plans],
        **_guidance(assembly),
    }
    points = {point for bound in assembly.bindings.values() for point in bound.values()}
    return SiteDocument(to_json(document), plans, dict(site.procedures), frozenset(points))


def _text(text: Text | None) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en} if text is not None else {"zh": "", "en": ""}


def _all(assembly: Assembly) -> Iterator[dict[str, Any]]:
    yield from _equipment(assembly)
    yield from _watched(assembly)


def _equipment(assembly: Assembly) -> Iterator[dict[str, Any]]:
    for one in assembly.site.equipment:
        yield {
            "id": one.id,
            "class": one.class_,
            "number": one.number,
            "name": _text(one.name),
            "place": _text(one.place),
            "camera": one.camera,
            "lamp": one.lamp,
            "map": {"plan": one.map.plan, "x": one.map.x, "y": one.map.y} if one.map else None,
            "points": _points(assembly, one.id),
            "commands": bool(assembly.own_classes[EquipmentId(one.id)].commands),
        }


def _watched(assembly: Assembly) -> Iterator[dict[str, Any]]:
    """The devices and the daemon itself, which have alarms of their own but no row in the equipment file."""
    installed = {one.id for one in assembly.site.equipment}
    named = {instance.equipment: instance for instance in assembly.rules}
    for identity in assembly.bindings:
        instance = named.get(identity)
        if identity in installed or instance is None:
            continue
        yield {
            "id": identity,
            "class": instance.class_,
            "number": instance.number,
            "name": _text(instance.name),
            "place": _text(instance.place),
            "camera": None,
            "lamp": None,
            "map": None,
            "points": _points(assembly, identity),
        }


def _points(assembly: Assembly, equipment: str) -> dict[str, dict[str, str]]:
    """Point of the class -> the device's point, and its unit where the device has one of its own."""
    bound = assembly.bindings.get(EquipmentId(equipment), {})
    return {name: {"id": point, "unit": assembly.units.get(point, "")} for name, point in bound.items()}


def _class(one: EquipmentClass) -> dict[str, Any]:
    return {"name": _text(one.name), "points": {name: _class_point(point) for name, point in one.points.items()}}


def _class_point(point: ClassPoint) -> dict[str, Any]:
    """`internal` is said only of what the daemon makes itself: unknown, it is not a device out of reach."""
    said: dict[str, Any] = {"name": _text(point.name), "unit": point.unit}
    return said | {"internal": True} if point.internal else said


def _guidance(assembly: Assembly) -> dict[str, Any]:
    """What an alarm means and asks for, and its on-delay in s. All sumps share their texts: each is listed once."""
    texts: dict[tuple[Text, Text, str | None], int] = {}
    alarms: dict[str, dict[str, float]] = {}
    for instance in assembly.rules:
        rule = instance.rule
        plan = rule.emergency_plan if rule.emergency_plan in assembly.site.procedures else None
        guidance = texts.setdefault((rule.consequence, rule.response, plan), len(texts))
        alarms[instance.alarm] = {"guidance": guidance, "delay": instance.on_delay}
    words = [{"consequence": _text(why), "response": _text(what), "plan": plan} for why, what, plan in texts]
    return {"guidance": words, "alarms": alarms}
