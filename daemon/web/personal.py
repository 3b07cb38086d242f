"""Plates and card references: which points, alarm texts and events hold them, and how they look to who may not see."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from daemon.assembly import Assembly
from daemon.web.frames import VALUES, Frame
from drivers.profile import Profile
from estate.model import EquipmentId, PointId, point_id
from rules.alarm import AlarmId
from rules.instance import RuleInstance
from rules.text import fields

HIDDEN = "•••"
Path = tuple[str, ...]
CONTRACT: frozenset[Path] = frozenset({("plate",), ("credential", "ref")})
"""Where events of our own contract have them (docs/mqtt.md)."""


class Sentence:
    """An alarm text of which some values are personal. `known` are those that never change."""

    def __init__(self, template: str, personal: frozenset[str], known: Mapping[str, object]) -> None:
        pattern = blank = ""
        for before, name, form in fields(template):
            fixed = before + (format(known[name], form) if name in known else "")
            pattern += _fixed(fixed)
            blank += fixed
            if name and name not in known:
                pattern += "(.*)" if name in personal else "(?:.*?)"
                blank += HIDDEN
        self._pattern = re.compile(rf"\s*{pattern}\s*", re.DOTALL)
        self._blank = " ".join(blank.split())

    def hidden(self, text: str) -> str:
        """The text with those values hidden; of a text that does not fit the template any more, nothing is shown."""
        found = self._pattern.fullmatch(text)
        if found is None:
            return self._blank
        for group in range(found.re.groups, 0, -1):
            start, end = found.span(group)
            text = text[:start] + HIDDEN + text[end:]
        return text


@dataclass(frozen=True, slots=True)
class Personal:
    """Whoever may operate sees everything; all others get what these functions leave.

    `texts` are the alarms with a personal value in their text (Chinese, English), `explained` those that an
    explanation would show one of; `events` are the places of personal values in events. What one device of the site
    says in a place, another may: a barrier names the plate of a car that has not paid.
    """

    points: frozenset[PointId] = frozenset()
    texts: Mapping[AlarmId, tuple[Sentence, Sentence]] = field(default_factory=dict)
    explained: frozenset[AlarmId] = frozenset()
    events: frozenset[Path] = CONTRACT

    def frame(self, frame: Frame) -> bytes:
        """The body of a frame of the stream."""
        if frame.kind == "alarms":
            return _rewritten(frame.body, self.texts, lambda it: self._alarms(it["data"]))
        if frame.kind == VALUES:
            return _rewritten(frame.body, self.points, lambda it: self._points(it["data"]))
        if frame.kind == "snapshot":
            return _rewritten(frame.body, (*self.texts, *self.points), lambda it: self._state(it["data"]))
        return frame.body

    def alarms(self, rows: bytes) -> bytes:
        """A JSON list of alarm documents."""
        return _rewritten(rows, self.texts, self._alarms)

    def journal(self, kind: str, rows: Sequence[dict[str, Any]]) -> None:
        """Rows of a table of the journal, in place."""
        for row in rows:
            if kind == "event":
                row["data"] = to_json(_without(json.loads(row["data"]), self.events)).decode()
            elif kind == "transition" and (sentences := self.texts.get(row["alarm"])) is not None:
                row["text_zh"], row["text_en"] = (
                    one.hidden(row[f"text_{word}"]) for one, word in zip(sentences, ("zh", "en"), strict=True)
                )

    def _state(self, data: Mapping[str, Any]) -> None:
        self._alarms(data["alarms"])
        self._points(data["points"])

    def _points(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            if row["id"] in self.points:
                row |= {"v": HIDDEN if isinstance(row["v"], str) else None, "why": "personal"}

    def _alarms(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            sentences = self.texts.get(row["id"])
            if sentences is not None:
                zh, en = sentences
                row["text"] = {"zh": zh.hidden(row["text"]["zh"]), "en": en.hidden(row["text"]["en"])}


def personal(assembly: Assembly) -> Personal:
    """What the profiles mark `personal`, and whatever a class so marked is bound to."""
    marked: dict[PointId, None] = {}
    for item in assembly.site.equipment:
        bound = assembly.bindings.get(EquipmentId(item.id), {})
        described = assembly.own_classes[EquipmentId(item.id)].points
        marked |= dict.fromkeys(bound[name] for name, point in described.items() if point.personal and name in bound)
    paths = set(CONTRACT)
    for device in assembly.site.devices:
        profile = assembly.profiles[device.profile]
        names = {name for name, point in profile.fields.items() if point.personal}
        marked |= dict.fromkeys(point_id(device.id, name) for name in names)
        names |= {name for name in profile.fields if point_id(device.id, name) in marked}
        paths |= _paths(profile, names)
    points = frozenset(marked)
    texts, explained = {}, []
    for instance in assembly.rules:
        names = {name for name, point in assembly.bindings[instance.equipment].items() if point in points}
        shown = {one for text in (instance.rule.text.zh, instance.rule.text.en) for _, one, _ in fields(text)} & names
        if shown:
            text, hidden = instance.rule.text, frozenset(shown)
            texts[instance.alarm] = (
                Sentence(text.zh, hidden, _known(instance, "zh")),
                Sentence(text.en, hidden, _known(instance, "en")),
            )
        if shown or points & {one.point for one in instance.inputs}:
            explained.append(instance.alarm)
    return Personal(points, texts, frozenset(explained), frozenset(paths))


def _known(instance: RuleInstance, language: str) -> Mapping[str, object]:
    place = instance.place.in_(language) if instance.place is not None else ""
    return {"place": place, "name": instance.name.in_(language), "number": instance.number, **instance.parameters}


def _fixed(text: str) -> str:
    """Its pattern: what was empty left its spaces and its comma out (rules/text.py)."""
    return r"\s*".join(re.escape(word).replace(",", ",?") for word in re.split(r"\s+", text))


def _rewritten(body: bytes, concerned: Iterable[str], rewrite: Callable[[Any], None]) -> bytes:
    """JSON changed where it names one of those concerned; mostly it does not, and is not even parsed."""
    if not any(b'"%s"' % one.encode() in body for one in concerned):
        return body
    document = json.loads(body)
    rewrite(document)
    return to_json(document)


def _paths(profile: Profile, names: Iterable[str]) -> set[Path]:
    wanted = set(names)
    copied = {
        source for event in profile.events.values() for name, source in event.copy_.items() if name in wanted
    }  # fmt: skip
    written = {profile.fields[name].path for name in wanted}
    return {tuple(one.split(".")) for one in copied | written if one}


def _without(data: Any, paths: Iterable[Path]) -> Any:
    for path in paths:
        place = data
        for step in path[:-1]:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict) and path[-1] in place:
            place[path[-1]] = HIDDEN
    return data
