"""Stories of a site: checked before they are run, and run through the same engine as the daemon's."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from daemon.wiring import Offered
from estate.errors import CommandRefused, Fault
from estate.folder import Placed, SiteFolder
from estate.model import EquipmentId, Now, PointId, Quality, Sample, Value
from estate.story import Step, Story
from estate.wording import nearest, some
from rules.alarm import AlarmId, AlarmState
from rules.engine import Engine
from rules.instance import RuleInstance

ACTIONS = ("acknowledge", "reset")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NO_COMMUNICATION = "no communication"


def check_stories(
    site: SiteFolder,
    alarms: Iterable[RuleInstance],
    bindings: Mapping[EquipmentId, Mapping[str, PointId]],
    offered: Offered,
) -> Iterator[Fault]:
    """Says which points, alarms, states and actions in stories do not exist.

    What belongs to a row that is itself at fault is left alone: its mistake has been told.
    """
    alarms = list(alarms)
    known = {str(alarm.alarm) for alarm in alarms}
    silent = set(site.equipment.ids) - {str(alarm.equipment) for alarm in alarms}
    silent |= set(site.devices.ids) - set(offered.names)
    silent |= {
        item.id for item in site.equipment.values if item.device is not None and item.device not in offered.names
    }
    for row in site.stories:
        before = 0.0
        for index, step in enumerate(row.value.steps):
            place = ("steps", index)
            if step.seconds < before:
                yield row.fault("story_order", *place, "at", at=step.at)
            before = step.seconds
            yield from _unknown_points(row, place, step, silent, bindings, offered)
            for word in step.do:
                if word not in (*ACTIONS, "by"):
                    yield row.fault("unknown_action", *place, "do", word, value=word, known=some(ACTIONS))
            acted = {("do", word): name for word, name in step.do.items() if word in ACTIONS}
            for loc, name in {**acted, **{("expect", name): name for name in step.expect}}.items():
                if name not in known and name.partition(".")[0] not in silent:
                    yield row.fault("unknown_alarm", *place, *loc, near=nearest(name, known), id=name)
            for name, state in step.expect.items():
                if state not in set(AlarmState):
                    yield row.fault("unknown_state", *place, "expect", name, value=state, known=some(AlarmState))


def _unknown_points(
    row: Placed[Story],
    place: tuple[str, int],
    step: Step,
    silent: set[str],
    bindings: Mapping[EquipmentId, Mapping[str, PointId]],
    offered: Offered,
) -> Iterator[Fault]:
    for path in step.set:
        point = resolve(path, bindings)
        owner, _, name = point.partition(".")
        if owner in silent or point != path or _is_bound(point, bindings):
            continue
        if name not in offered.names.get(owner, ()):
            known = [*bindings.get(EquipmentId(owner), {}), *offered.names.get(owner, ())]
            yield row.fault(
                "unknown_story_point", *place, "set", path, near=nearest(name, known), id=path, known=some(known)
            )


def _is_bound(point: str, bindings: Mapping[EquipmentId, Mapping[str, PointId]]) -> bool:
    return any(point in bound.values() for bound in bindings.values())


def resolve(path: str, bindings: Mapping[EquipmentId, Mapping[str, PointId]]) -> PointId:
    """`equipment.point` as the point behind it; anything else is taken as a device's point itself."""
    owner, _, name = path.partition(".")
    return bindings.get(EquipmentId(owner), {}).get(name, PointId(path))


def run_story(
    row: Placed[Story], rules: Iterable[RuleInstance], bindings: Mapping[EquipmentId, Mapping[str, PointId]]
) -> list[Fault]:
    """Plays one story; each expectation that did not come true is a fault with its line."""
    engine = Engine(rules)
    faults: list[Fault] = []
    for index, step in enumerate(row.value.steps):
        now = _moment(step.seconds)
        samples = [_sample(resolve(path, bindings), value, now) for path, value in step.set.items()]
        engine.step(samples, now)
        try:
            _act(engine, step, now)
        except CommandRefused as refused:
            faults.append(row.fault("story_refused", "steps", index, "do", problem=refused))
        for name, wanted in step.expect.items():
            standing = engine.standing.get(AlarmId(name))
            found = standing.after if standing is not None else AlarmState.NORMAL
            if found != wanted:
                faults.append(
                    row.fault(
                        "story_untrue", "steps", index, "expect", name, at=step.at, id=name, wanted=wanted, found=found
                    )
                )
    return faults


def _moment(seconds: float) -> Now:
    return Now(BEGIN + timedelta(seconds=seconds), seconds)


def _sample(point: PointId, value: Value, now: Now) -> Sample:
    if value == NO_COMMUNICATION:
        return Sample(point, None, Quality.NO_COMMUNICATION, now.utc, now.mono)
    return Sample(point, value, Quality.GOOD, now.utc, now.mono)


def _act(engine: Engine, step: Step, now: Now) -> None:
    by = step.do.get("by", "operator")
    if "acknowledge" in step.do:
        engine.acknowledge(AlarmId(step.do["acknowledge"]), by, now)
    if "reset" in step.do:
        engine.reset(AlarmId(step.do["reset"]), by, now)
