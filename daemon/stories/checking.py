"""Stories checked before they are played: every point, alarm, state, device and action in them exists."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from daemon.stories.acting import DETAILS, VERBS, acts
from daemon.stories.playing import EXPECTED, NOTHING, QUALITIES
from daemon.stories.saying import STATE, meaning_of
from daemon.stories.scene import Scene
from drivers.mqtt.mapping import DeviceMap
from estate.errors import Fault
from estate.folder import Placed
from estate.model import EquipmentId, PointId
from estate.story import Said, Step, Story
from estate.wording import nearest, some
from rules.instance import Input
from rules.refusal import Refusal
from rules.suppression import SuppressionKind

SUPPRESSED = (*(kind.value for kind in SuppressionKind), NOTHING)
COMMANDS = ("switch_on", "switch_off", NOTHING)
_DURATION = re.compile(r"(?=.)([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]+)?s)?")


def check_stories(
    rows: Iterable[Placed[Story]],
    scene: Scene,
    devices: Mapping[str, Sequence[str]],
    silent: frozenset[str] = frozenset(),
) -> Iterator[Fault]:
    """Says what does not exist. `devices` are the points that each device offers.

    What belongs to a row of the site that is itself at fault (`silent`) is left alone: that has been told.
    """
    check = _Check(scene, devices, silent)
    for row in rows:
        for name in row.value.equipment:
            if EquipmentId(name) not in scene.bindings and name not in silent:
                yield row.fault("unknown_equipment", "equipment", near=nearest(name, scene.bindings), id=name)
        before = 0.0
        for index, step in enumerate(row.value.steps):
            place = ("steps", index)
            if step.seconds < before:
                yield row.fault("story_order", *place, "at", at=step.at)
            before = step.seconds
            yield from check.points(row, place, step)
            yield from check.devices(row, place, step)
            yield from check.actions(row, place, step)
            yield from check.expectations(row, place, step)


class _Check:
    """What a story of this scene may name."""

    def __init__(self, scene: Scene, devices: Mapping[str, Sequence[str]], silent: frozenset[str]) -> None:
        self._scene = scene
        self._devices = devices
        self._silent = silent
        self._alarms = {str(alarm.alarm) for alarm in scene.rules}
        self._bound = {point for points in scene.bindings.values() for point in points.values()}
        linked = {action.do for alarm in scene.rules for action in alarm.rule.actions}
        self._commands = sorted(linked | {*COMMANDS})
        self._inputs: dict[PointId, Input] = {one.point: one for rule in scene.rules for one in rule.inputs}

    def points(self, row: Placed[Story], place: tuple[str, int], step: Step) -> Iterator[Fault]:
        for path, value in step.set.items():
            point = self._scene.point(path)
            owner, _, name = path.partition(".")
            if point == path and owner not in self._silent and point not in self._bound:
                offered = self._devices.get(owner, ())
                if name not in offered:
                    known = dict.fromkeys([*self._scene.bindings.get(EquipmentId(owner), {}), *offered])
                    yield row.fault(
                        "unknown_story_point",
                        *place,
                        "set",
                        path,
                        near=nearest(name, known),
                        id=path,
                        known=some(known),
                    )
                    continue
            reader = self._inputs.get(point)
            if reader is not None and not reader.accepts(value) and value not in QUALITIES:
                words = [*map(str, reader.values), *QUALITIES]
                near = nearest(str(value), words)
                yield row.fault("story_value", *place, "set", path, near=near, id=path, value=value, known=some(words))

    def devices(self, row: Placed[Story], place: tuple[str, int], step: Step) -> Iterator[Fault]:
        for key, names in (("lost", step.lost), ("back", step.back)):
            for number, name in enumerate(names):
                if name not in self._devices and name not in self._silent:
                    yield row.fault("unknown_device", *place, key, number, near=nearest(name, self._devices), id=name)
        said = step.event
        if said is None or said.device in self._silent:
            return
        device = self._scene.devices.get(said.device)
        if device is None:
            near = nearest(said.device, self._scene.devices)
            code = "story_mute" if said.device in self._devices else "unknown_device"
            yield row.fault(code, *place, "event", "device", near=near, id=said.device)
        elif said.type != STATE and meaning_of(said, device) is None:
            known = [*device.events, STATE]
            near = nearest(said.type, known)
            yield row.fault("unknown_event", *place, "event", "type", near=near, id=said.type, known=some(known))
        else:
            yield from _data(row, place, said, device)

    def actions(self, row: Placed[Story], place: tuple[str, int], step: Step) -> Iterator[Fault]:
        for word in step.do:
            if word not in VERBS and word not in DETAILS:
                near = nearest(word, VERBS)
                yield row.fault("unknown_action", *place, "do", word, near=near, value=word, known=some(VERBS))
        lasting = step.do.get("for")
        if lasting is not None and _DURATION.fullmatch(lasting) is None:
            yield row.fault("story_duration", *place, "do", "for", value=lasting)
        if step.refused is not None and step.refused not in set(Refusal):
            near = nearest(step.refused, Refusal)
            yield row.fault("unknown_refusal", *place, "refused", near=near, value=step.refused, known=some(Refusal))

    def expectations(self, row: Placed[Story], place: tuple[str, int], step: Step) -> Iterator[Fault]:
        acted = [(("do", act.verb), act.alarm) for act in acts(step)]
        named = [((key, name), name) for key in ("expect", "text", "suppressed") for name in getattr(step, key)]
        for loc, name in [*acted, *named]:
            if name not in self._alarms and name.partition(".")[0] not in self._silent:
                yield row.fault("unknown_alarm", *place, *loc, near=nearest(name, self._alarms), id=name)
        for name, state in step.expect.items():
            if state not in EXPECTED:
                near = nearest(state, EXPECTED)
                yield row.fault("unknown_state", *place, "expect", name, near=near, value=state, known=some(EXPECTED))
        for name, kinds in step.suppressed.items():
            for kind in kinds.split(" and "):
                if kind not in SUPPRESSED:
                    near = nearest(kind, SUPPRESSED)
                    at = (*place, "suppressed", name)
                    yield row.fault("unknown_suppression", *at, near=near, value=kind, known=some(SUPPRESSED))
        installed = {one.id for one in self._scene.equipment}
        for name, command in step.commands.items():
            if name not in installed and name not in self._silent:
                near = nearest(name, installed)
                yield row.fault("unknown_equipment", *place, "commands", name, near=near, id=name)
            if command not in self._commands:
                near, known = nearest(command, self._commands), some(self._commands)
                yield row.fault("story_command", *place, "commands", name, near=near, value=command, known=known)


def _data(row: Placed[Story], place: tuple[str, int], said: Said, device: DeviceMap) -> Iterator[Fault]:
    """Data that the profile does not read is a slip of the pen in a story."""
    read = device.fields if said.type == STATE else device.events[said.type].copies
    known = {field.path[0] for field in read if field.path}
    for name in said.data:
        if name not in known:
            near = nearest(name, known)
            yield row.fault("unknown_event_data", *place, "event", "data", name, near=near, id=name, known=some(known))
