"""What the daemon tells others of an alarm: one JSON document, the same for MQTT and for every console."""

from datetime import datetime
from typing import Any

from pydantic_core import to_json

from daemon.assembly import Assembly
from estate.model import Sample
from rules.alarm import AlarmId, Transition
from rules.chatter import Proposal
from rules.flood import Group
from rules.suppression import UNSUPPRESSED

NOTHING_OVER_IT = (
    b',"latched":false,"suppression":null,"shelved_until":null,"chatter":null,"group":null,"first_out":false}'
)
"""The end of most documents, serialised once."""


class AlarmDocuments:
    """Builds alarm documents. What never changes for an alarm is serialised once, when it is first told."""

    def __init__(self, assembly: Assembly) -> None:
        self._equipment = {one.id: one for one in assembly.site.equipment}
        self._rules = {one.alarm: one for one in assembly.rules}
        self._heads: dict[AlarmId, bytes] = {}

    def _head(self, alarm: AlarmId) -> bytes:
        head = self._heads.get(alarm)
        if head is None:
            instance = self._rules[alarm]
            one = self._equipment.get(instance.equipment)
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
            head = self._heads[alarm] = to_json(facts)[:-1]
        return head

    def build(
        self,
        transition: Transition,
        committed: datetime | None,
        group: Group | None = None,
        chatter: int = 0,
        proposal: Proposal | None = None,
    ) -> bytes:
        """The document of an alarm after this transition; `committed` None when it comes from the journal.

        `group` is what it belongs to in a flood, `chatter` how often it came while it is held as one, and
        `proposal` what would cure that.
        """
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
        hidden = transition.suppression
        if hidden is UNSUPPRESSED and group is None and not chatter and not transition.latched:
            return self._head(transition.alarm) + b"," + to_json(changing)[1:-1] + NOTHING_OVER_IT
        laid_over: dict[str, Any] = {
            "latched": transition.latched,
            "suppression": None if hidden is UNSUPPRESSED else hidden.data(),
            "shelved_until": _iso(hidden.shelf.until) if hidden.shelf is not None else None,
            "chatter": {"count": chatter, "proposal": _proposal(proposal)} if chatter else None,
            "group": group.key if group is not None else None,
            "first_out": group is not None and group.first_out,
        }
        return self._head(transition.alarm) + b"," + to_json(changing | laid_over)[1:]

    def knows(self, alarm: AlarmId) -> bool:
        return alarm in self._rules


def _proposal(proposal: Proposal | None) -> dict[str, Any] | None:
    return None if proposal is None else {"part": proposal.cure.value, "value": proposal.value}


def flood_row(active: bool, first_out: AlarmId | None, alarms: int) -> bytes:
    """A flood of alarms: whether there is one, the alarm that was there first, and how many are grouped."""
    return to_json({"active": active, "first_out": first_out, "alarms": alarms})


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
