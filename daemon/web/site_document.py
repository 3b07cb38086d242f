"""What a console must know of the site before the first alarm: names, places, points, texts, plans."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from daemon.assembly import Assembly
from estate.model import PointId


@dataclass(frozen=True, slots=True)
class SiteDocument:
    """`body` is the JSON for the console; plans and procedures are served from their files by id."""

    body: bytes
    plans: Mapping[str, Path]
    procedures: Mapping[str, Path]
    points: frozenset[PointId]


def site_document(assembly: Assembly) -> SiteDocument:
    """Built once at the start; a reload of the site builds another."""
    site = assembly.site
    plans = {plan.id: site.folder / plan.file for plan in site.plans}
    document = {
        "id": site.id,
        "name": _text(site.name),
        "timezone": site.timezone,
        "equipment": [_equipment(one, assembly) for one in site.equipment],
        "classes": {name: _class(one) for name, one in assembly.classes.items()},
        "plans": [{"id": one.id, "name": _text(one.name), "box": view_box(plans[one.id])} for one in site.plans],
        "procedures": sorted(site.procedures),
        **_guidance(assembly),
    }
    points = {point for bound in assembly.bindings.values() for point in bound.values()}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return SiteDocument(body, plans, dict(site.procedures), frozenset(points))


def view_box(drawing: Path) -> list[float]:
    """x, y, width and height of an SVG in its own units; without a viewBox its width and height."""
    _, root = next(ElementTree.iterparse(drawing, events=("start",)))  # noqa: S314 - the engineer's own file
    box = root.get("viewBox")
    if box is not None:
        return [float(number) for number in box.replace(",", " ").split()]
    return [0.0, 0.0, _length(root.get("width")), _length(root.get("height"))]


def _length(text: str | None) -> float:
    return float((text or "100").removesuffix("px"))


def _text(text: Any) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _equipment(one: Any, assembly: Assembly) -> dict[str, Any]:
    return {
        "id": one.id,
        "class": one.class_,
        "number": one.number,
        "name": _text(one.name),
        "place": _text(one.place),
        "device": one.device,
        "camera": one.camera,
        "lamp": one.lamp,
        "map": {"plan": one.map.plan, "x": one.map.x, "y": one.map.y} if one.map else None,
        "points": dict(assembly.bindings.get(one.id, {})),
    }


def _class(one: Any) -> dict[str, Any]:
    points = {name: {"kind": str(point.kind), "unit": point.unit} for name, point in one.points.items()}
    return {"name": _text(one.name), "points": points}


def _guidance(assembly: Assembly) -> dict[str, Any]:
    """Consequence and response per alarm; sumps share theirs, so the texts are listed once."""
    texts: dict[str, int] = {}
    alarms: dict[str, int] = {}
    for instance in assembly.rules:
        rule = instance.rule
        words = {"consequence": _text(rule.consequence), "response": _text(rule.response)}
        alarms[instance.alarm] = texts.setdefault(json.dumps(words, ensure_ascii=False), len(texts))
    return {"guidance": [json.loads(words) for words in texts], "alarms": alarms}
