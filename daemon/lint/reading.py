"""What is installed and does nothing: devices and loops nobody reads, parameters without effect, alarms left out."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from daemon.lint.comparing import meaning
from daemon.lint.finding import Finding, Watched
from estate.document import Document
from estate.errors import Fault
from estate.folder import SiteFolder
from estate.model import EquipmentId, PointId
from estate.wording import some
from rules.condition import parse
from rules.tree import durations, names

_ELSEWHERE = {"when", "text", "consequence", "response", "emergency_plan"}
"""Parts of a rule that are for people, or looked at as a tree."""


def unread(
    site: SiteFolder, bindings: Mapping[EquipmentId, Mapping[str, PointId]], watched: Sequence[Watched]
) -> Iterator[Fault]:
    """Devices of which no equipment reads a point, and 4-20 mA inputs with a scale that nothing reads."""
    installed = {EquipmentId(one.id) for one in watched}
    read = {point for owner, bound in bindings.items() if owner in installed for point in bound.values()}
    owners = {point.partition(".")[0] for point in read}
    for row in site.devices:
        device = row.value
        if device.id not in owners:
            yield row.fault("device_unread", "id", id=device.id)
            continue
        for name in device.scale:
            if PointId(f"{device.id}.{name}") not in read:
                yield row.fault("scale_unread", "scale", name, device=device.id, point=name)


def idle_parameters(one: Watched) -> Iterator[Finding]:
    """Values set for an equipment that none of its alarms looks at."""
    used = {word for sequence in one.cls.sequences.values() for word in _words(sequence.model_dump())}
    for alarm in one.alarms:
        used |= set(_words(alarm.rule.model_dump(exclude=_ELSEWHERE)))
        used |= {name for name in one.cls.parameters if f"{{{name}" in alarm.rule.text.zh + alarm.rule.text.en}
        tree = one.conditions.get(alarm.alarm)
        if tree is not None:
            used |= {name.name for name in names(tree)} | {length.parameter for length in durations(tree)}
    for name in one.row.value.parameters:
        if name not in used and not one.cls.parameters[name].registered:
            place = one.row.document, (*one.row.loc, "parameters", name)
            yield Finding("parameter_idle", place, one.id, (("name", name),))


def _words(part: object) -> Iterator[str]:
    """Every word in the conditions, delays and steps of a rule: more than it reads, never less."""
    match part:
        case str():
            yield from re.findall(r"[A-Za-z_]\w*", part)
        case dict():
            for value in part.values():
                yield from _words(value)
        case tuple() | list():
            for value in part:
                yield from _words(value)
        case _:
            pass


def left_out(one: Watched) -> Iterator[Finding]:
    """A note: stock alarms that this equipment cannot have, because it does not have their points."""
    have = {alarm.rule_name for alarm in one.alarms} | {alarm.stage.sequence for alarm in one.alarms if alarm.stage}
    whens = {name: [rule.when] for name, rule in one.cls.rules.items()}
    whens |= {
        name: [sequence.trigger, *(step.when for step in sequence.steps.values())]
        for name, sequence in one.cls.sequences.items()
    }
    missing = [name for name in whens if name not in have]
    if not missing:
        return
    read = {part.name for name in missing for when in whens[name] for part in names(parse(when))}
    lacking = read & (set(one.cls.points) - set(one.bound))
    words = (("class_", one.cls.class_), ("rules", some(missing)), ("points", some(lacking)))
    yield Finding("left_out", one.place, one.id, words)


def same_condition(one: Watched, rules: Document | None) -> Iterator[Finding]:
    """Two alarms of one equipment that come at the same moment say one thing twice."""
    seen: defaultdict[object, list[str]] = defaultdict(list)
    for alarm in one.alarms:
        tree = one.conditions.get(alarm.alarm)
        if tree is None:
            continue
        rule = alarm.rule
        beside = tuple(parse(text) for text in (rule.unless, rule.suppress_when) if text)
        key = (meaning((tree, *beside), alarm.parameters, one.bound), alarm.on_delay)
        seen[key].append(alarm.rule_name)
    for first, *others in seen.values():
        for other in others:
            yield Finding("same_condition", one.rule_place(rules, other), one.id, (("rule", other), ("other", first)))
