"""A story played: time jumps from one moment at which something happens to the next, and nothing ever waits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from daemon.linkage import Linkage
from daemon.stories.acting import acts
from daemon.stories.saying import heard
from daemon.stories.scene import Scene
from estate.folder import Placed
from estate.model import Now, PointId, Quality, Sample, Value, point_id
from estate.story import Step, Story
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.instance import RuleInstance
from rules.refusal import AlarmRefused

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
QUALITIES = {one.value.rpartition(": ")[2]: one for one in Quality if one is not Quality.GOOD}
"""How a story says that a value is not good: `no communication`, `sensor fault`, `stale` and so on."""

RAISED = (Trigger.RAISE, Trigger.RAISE_SUPPRESSED)
NOTHING = "none"
EXPECTED = frozenset(one.value for one in AlarmState)
"""What `expect` may say of an alarm."""


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation that did not come true: where it stands, when, of what, and what stood behind it.

    `values` are the inputs of the alarm's rule at that moment, as a person would write them; `rule` is None
    where no rule is concerned.
    """

    file: str
    line: int
    at: str
    about: str
    wanted: str
    found: str
    rule: RuleInstance | None = None
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Played:
    """`raised` are all alarms that came up, `seconds` how long the story took on its own clock."""

    row: Placed[Story]
    misses: tuple[Miss, ...]
    raised: frozenset[AlarmId]
    seconds: float


def play(row: Placed[Story], scene: Scene) -> Played:
    """Plays a story that has been checked. Values stay good until the story says otherwise."""
    stage = _Stage(row, scene)
    for index, step in enumerate(row.value.steps):
        stage.until(step.seconds)
        stage.happen(step)
        stage.act(index, step)
        stage.compare(index, step)
    stage.nothing_else()
    return Played(row, tuple(stage.misses), frozenset(stage.raised), max(one.seconds for one in row.value.steps))


def moment(seconds: float) -> Now:
    """Both clocks `seconds` into a story."""
    return Now(BEGIN + timedelta(seconds=seconds), seconds)


def shown(sample: Sample | None) -> str:
    """A value as a story would write it; a dash for one that was never said."""
    if sample is None:
        return "—"
    if sample.quality is not Quality.GOOD:
        return sample.quality.value.rpartition(": ")[2]
    return str(sample.value).lower() if isinstance(sample.value, bool) else str(sample.value)


def _outcome(refused: str) -> str:
    return f"refused: {refused}" if refused else "done"


class _Stage:
    """One story under way."""

    def __init__(self, row: Placed[Story], scene: Scene) -> None:
        self.misses: list[Miss] = []
        self.raised: set[AlarmId] = set()
        self._announced: dict[AlarmId, str] = {}
        self._row = row
        self._scene = scene
        self._rules = {one.alarm: one for one in scene.rules}
        self._engine = scene.engine()
        self._linkage = Linkage(scene.rules, scene.equipment)
        self._latest: dict[PointId, Sample] = {}
        self._silenced: dict[str, list[Sample]] = {}
        self._commands: dict[str, str] = {}
        self._events = 0
        self._now = moment(0.0)

    def until(self, seconds: float) -> None:
        """Let everything fall due that does so before the next step, each at its own time."""
        while (due := self._engine.next_deadline()) is not None and due < seconds:
            self._now = moment(due)
            self._took(self._engine.step((), self._now))
        self._now = moment(seconds)

    def happen(self, step: Step) -> None:
        now = self._now
        samples = [self._sample(self._scene.point(path), value) for path, value in step.set.items()]
        if step.event is not None:
            self._events += 1
            samples += heard(step.event, self._scene.devices[step.event.device], self._events, now)
        for device in step.lost:
            samples += self._lose(device)
        for device in step.back:
            samples += self._find(device)
        self._latest |= {sample.point: sample for sample in samples}
        self._took(self._engine.step(samples, now))

    def act(self, index: int, step: Step) -> None:
        for act in acts(step):
            refused = ""
            try:
                self._took([act.on(self._engine, self._now)])
            except AlarmRefused as refusal:
                refused = refusal.why.value
            if refused != (step.refused or ""):
                place = (index, "refused" if step.refused else "do")
                self._miss(place, step.at, act.alarm, _outcome(step.refused or ""), _outcome(refused))

    def compare(self, index: int, step: Step) -> None:
        for name, wanted in step.expect.items():
            found = self._state(AlarmId(name))
            if found != wanted:
                self._miss((index, "expect", name), step.at, name, wanted, found)
        for name, wanted in step.text.items():
            alarm = AlarmId(name)
            last = self._engine.standing.get(alarm) or self._engine.suppressed.get(alarm)
            found = last.text_zh if last is not None else AlarmState.NORMAL.value
            if found != wanted:
                self._miss((index, "text", name), step.at, name, wanted, found)
        for name, wanted in step.suppressed.items():
            kinds = self._engine.alarms[AlarmId(name)].suppression.kinds
            found = " and ".join(sorted(kinds)) or NOTHING
            if found != wanted:
                self._miss((index, "suppressed", name), step.at, name, wanted, found)
        for name, wanted in step.commands.items():
            found = self._commands.get(name, NOTHING)
            if found != wanted:
                self._miss((index, "commands", name), step.at, name, wanted, found)

    def nothing_else(self) -> None:
        """Of the equipment the story is about, an alarm that came and that no step mentions is a surprise.

        What is suppressed from its beginning reaches no operator and surprises nobody.
        """
        steps = self._row.value.steps
        mentioned = {name for step in steps for name in (*step.expect, *step.text, *step.suppressed)}
        for alarm, at in self._announced.items():
            if alarm not in mentioned and self._rules[alarm].equipment in self._row.value.equipment:
                self._miss((), at, alarm, AlarmState.NORMAL.value, AlarmState.UNACKNOWLEDGED.value)

    def _state(self, alarm: AlarmId) -> str:
        return self._engine.alarms[alarm].state.value

    def _sample(self, point: PointId, value: Value) -> Sample:
        quality = QUALITIES.get(value) if isinstance(value, str) else None
        if quality is None:
            return Sample(point, value, Quality.GOOD, self._now.utc, self._now.mono)
        before = self._latest.get(point)
        kept = before.value if before is not None and not quality.is_bad else None
        return Sample(point, kept, quality, self._now.utc, self._now.mono)

    def _lose(self, device: str) -> list[Sample]:
        now = self._now
        points = self._scene.points_of(device)
        self._silenced[device] = [self._latest[point] for point in points if point in self._latest]
        online = Sample(point_id(device, "online"), False, Quality.GOOD, now.utc, now.mono)
        return [online, *(Sample(one, None, Quality.NO_COMMUNICATION, now.utc, now.mono) for one in points)]

    def _find(self, device: str) -> list[Sample]:
        now = self._now
        known = [replace(one, at=now.utc, received=now.mono) for one in self._silenced.pop(device, ())]
        return [Sample(point_id(device, "online"), True, Quality.GOOD, now.utc, now.mono), *known]

    def _took(self, transitions: Sequence[Transition]) -> None:
        for transition in transitions:
            if transition.trigger in RAISED:
                self.raised.add(transition.alarm)
            if transition.trigger is Trigger.RAISE:
                self._announced.setdefault(transition.alarm, f"{self._now.mono:g}s")
            for linked in self._linkage.of(transition):
                self._commands[linked.target] = linked.action

    def _miss(self, path: tuple[str | int, ...], at: str, about: str, wanted: str, found: str) -> None:
        document = self._row.document
        line = document.line((*self._row.loc, *(("steps", *path) if path else ())))
        rule = self._rules.get(AlarmId(about))
        values = tuple((one.name, shown(self._latest.get(one.point))) for one in rule.inputs) if rule else ()
        self.misses.append(Miss(document.file, line, at, about, wanted, found, rule, values))
