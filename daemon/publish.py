"""What the daemon tells others of an alarm: one JSON document, the same for MQTT and for every console."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from daemon.assembly import Assembly
from estate.model import Sample
from rules.alarm import AlarmId, Transition


class AlarmDocuments:
    """Builds alarm documents. What never changes for an alarm is serialised once, at the start."""

    def __init__(self, assembly: Assembly) -> None:
        equipment = {one.id: one for one in assembly.site.equipment}
        fixed: dict[AlarmId, bytes] = {}
        for instance in assembly.rules:
            one = equipment.get(instance.equipment)
            facts: dict[str, Any] = {
                "v": 1,
                "id": instance.alarm,
                "equipment": instance.equipment,
                "rule": instance.rule_name,
                "kind": instance.rule.kind,
                "class": instance.class_,
                "number": one.number if one else "",
                "place": {"zh": one.place.zh, "en": one.place.en} if one else {"zh": "", "en": ""},
                "lamp": one.lamp if one else None,
                "camera": one.camera if one else None,
                "map": {"plan": one.map.plan, "x": one.map.x, "y": one.map.y} if one and one.map else None,
                "life_safety": instance.rule.life_safety,
            }
            fixed[instance.alarm] = to_json(facts)[:-1]
        self._fixed: Mapping[AlarmId, bytes] = fixed

    def build(self, transition: Transition, committed: datetime | None) -> bytes:
        """The document of an alarm after this transition; `committed` None when it comes from the journal."""
        cause = transition.cause
        changing: dict[str, Any] = {
            "occurrence": transition.occurrence,
            "state": transition.after.value,
            "priority": transition.priority,
            "text": {"zh": transition.text_zh, "en": transition.text_en},
            "by": transition.by,
            "note": transition.note,
            "raised": _iso(transition.raised_at),
            "cause": {"dev": cause.device, "boot": cause.boot, "seq": cause.seq} if cause else None,
            "times": {
                "device": _iso(transition.device_time),
                "received": _iso(transition.received),
                "decided": _iso(transition.decided),
                "committed": _iso(committed),
            },
        }
        return self._fixed[transition.alarm] + b"," + to_json(changing)[1:]

    def knows(self, alarm: AlarmId) -> bool:
        return alarm in self._fixed


def point_row(sample: Sample, age: float) -> bytes:
    """One point for the console: value, quality, the time of the value and its age in seconds."""
    row = {
        "id": sample.point,
        "v": sample.value,
        "q": sample.quality.value,
        "at": sample.at.isoformat(),
        "age": round(age, 1),
        "why": sample.reason,
    }
    return to_json(row)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
