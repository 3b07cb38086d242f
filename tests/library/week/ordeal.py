"""One fault after the other on a played estate: begun, watched, ended, healed; and a table of what came of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from estate.model import EquipmentId
from rules.alarm import AlarmId
from tests.library.week.estate import BRISK, CLOSE, STEADY, Pace, PlayedEstate, Raised
from tests.library.week.plan import Fault, Plan, Step, steps

NEAR = 90.0
"""s after a fault in which the estate is looked at as closely as its own polls do."""
AFTER = 20.0
"""s for which a fault stands on after its alarm: what it brings along has time to come."""
QUIET = 600.0
"""s for which a fault that must raise nothing stands."""
LATE = 300.0
"""s after the limit until nobody waits for an alarm any more."""
HEALED, LONGEST = 60.0, 4 * 3600.0
"""s after its end before the next fault begins, and s after which one that still alarms is said not to heal."""
TICK = CLOSE.tick
"""s: the clock of the played world moves so far at once."""


@dataclass(slots=True)
class Result:
    """What came of one fault. `delay` in s from the end of its script; `strangers` are alarms that nothing explains."""

    fault: Fault
    delay: float | None = None
    limit: float = 0.0
    priority: int = 0
    companions: dict[AlarmId, str] = field(default_factory=dict)
    strangers: list[Raised] = field(default_factory=list)
    never: list[AlarmId] = field(default_factory=list)
    unhealed: list[AlarmId] = field(default_factory=list)
    seconds: float = 0.0
    at: float = 0.0

    @property
    def wrong(self) -> str:
        """What is wrong, in words; "" when all is as it must be."""
        said = []
        if self.fault.alarm is not None:
            if self.delay is None:
                said.append("no alarm")
            elif self.delay > self.limit:
                said.append("late")
        if self.strangers:
            told = (f"{one.alarm} (P{one.priority}, {one.at - self.at:.0f} s)" for one in self.strangers)
            said.append("also " + ", ".join(told))
        if self.never:
            said.append("named but did not come: " + ", ".join(self.never))
        if self.unhealed:
            said.append("does not heal: " + ", ".join(self.unhealed))
        return "; ".join(said)


class Ordeal:
    """Plays faults one by one; `results` holds what came of them, and `told` hears of each."""

    def __init__(self, estate: PlayedEstate, quick: Pace = BRISK) -> None:
        self.estate = estate
        self.plan = Plan(estate.assembly)
        self.results: list[Result] = []
        self.told: Callable[[Result], None] | None = None
        self._quick = quick

    async def suffer(self, names: Iterable[str]) -> None:
        """All of these, each when its time of day has come."""
        waiting = [self.plan.fault(name) for name in names]
        while waiting:
            fault = next((one for one in waiting if self._fits(one)), None)
            if fault is None:
                await self.estate.go(600.0, self._quick)
                continue
            waiting.remove(fault)
            self._found(await self._one(fault))

    async def suffer_together(self, names: Iterable[str]) -> None:
        """Faults that take days, on different things, all at once; only alarms of priority 1 and 2 are strangers."""
        estate, faults = self.estate, [self.plan.fault(name) for name in names]
        results = [Result(fault, limit=self.plan.limit(fault, self._quick.tick) + self._quick.tick) for fault in faults]
        first = len(estate.raised)
        for one in results:
            await self._act(one.fault, one.fault.row.script)
            one.at = estate.played
        while any(one.delay is None and estate.played < one.at + one.limit + LATE for one in results):
            await estate.go(600.0, self._quick)
            for one in results:
                came = (each.at for each in estate.raised[first:] if each.alarm == one.fault.alarm and not each.hidden)
                one.delay = min((at - one.at for at in came), default=None)
        raised = [one for one in estate.raised[first:] if one.priority <= 2]
        for one in results:
            assert one.fault.alarm is not None, "only what alarms is waited for"
            one.priority = self.plan.rules[one.fault.alarm].rule.priority
            one.seconds = estate.played - one.at
            await self._end(one.fault)
            self._sort(one, raised)
        strangers = [set(one.strangers) for one in results]
        for one in results:  # what belongs to one of them is no stranger to the others
            one.strangers = sorted(set.intersection(*strangers), key=lambda each: each.at)
        for one in results:
            self._found(one)

    def _found(self, result: Result) -> None:
        self.results.append(result)
        if self.told is not None:
            self.told(result)

    def _fits(self, fault: Fault) -> bool:
        first, last = fault.row.hours
        hour = self.estate.hour
        within = first <= hour < last if first < last else hour >= first or hour < last
        world = self.estate.world
        return within and not (fault.row.dry and world.climate.rain(world.now) > 0.0)

    async def _one(self, fault: Fault) -> Result:
        estate, result = self.estate, Result(fault)
        before = set(estate.present)
        begun, first = estate.played, len(estate.raised)
        await self._act(fault, fault.row.script)
        result.at = acted = estate.played
        if fault.alarm is None:
            await estate.go(NEAR, CLOSE)
            await estate.go(QUIET - NEAR, self._quick)
        else:
            result.limit = self.plan.limit(fault, TICK) + TICK
            found = await self._watch(fault, first, acted, result)
            result.delay = None if found is None else found.at - acted
            result.priority = self.plan.rules[fault.alarm].rule.priority
            await estate.go(AFTER, CLOSE)
        await self._end(fault)
        result.unhealed = await self._heal(fault, before)
        self._sort(result, estate.raised[first:])
        await estate.acknowledge_all()
        await estate.go(TICK, CLOSE)
        result.seconds = estate.played - begun
        return result

    async def _watch(self, fault: Fault, first: int, acted: float, result: Result) -> Raised | None:
        """Closely at first, and again when the alarm is due; what lies between is gone through quickly."""
        estate = self.estate
        near_end = max(NEAR, result.limit - NEAR)
        while estate.played < acted + result.limit + LATE:
            found = next((one for one in estate.raised[first:] if one.alarm == fault.alarm and not one.hidden), None)
            if found is not None:
                return found
            since = estate.played - acted
            if fault.row.closely or since < NEAR or since >= near_end:
                await estate.go(2.0, CLOSE)
            else:
                step = min(60.0, near_end - since)
                await estate.go(step, STEADY if result.limit < 3600.0 else self._quick)
        return None

    async def _act(self, fault: Fault, script: Sequence[float | str]) -> None:
        estate, targets = self.estate, self.estate.simulation.targets
        for step in steps(script):
            match step:
                case "fault":
                    targets.inject(f"{fault.kind}:{fault.row.thing}", fault.word, None, fault.row.details)
                case "acknowledge":
                    await estate.acknowledge_all()
                case Step("", thing, word, details):
                    targets.inject(thing, word, None, details)
                case Step("-", thing, word, _):
                    targets.clear(thing, word)
                case Step(_, thing, word, _):
                    estate.actions.ask(EquipmentId(thing), word, "(ordeal)", fault.name)
                case float(pause) | int(pause):
                    await estate.go(float(pause), CLOSE if pause <= NEAR else self._quick)

    async def _end(self, fault: Fault) -> None:
        """What began last ends first: a fire is out before the linkage works again."""
        targets = self.estate.simulation.targets
        for step in reversed(list(steps(fault.row.script))):
            if step == "fault":
                targets.clear(f"{fault.kind}:{fault.row.thing}", fault.word)
            elif isinstance(step, Step) and step.how == "":
                targets.clear(step.thing, step.word)
        await self._act(fault, fault.row.heal)

    async def _heal(self, fault: Fault, before: set[AlarmId]) -> list[AlarmId]:
        estate = self.estate
        ended = estate.played
        await estate.go(AFTER, CLOSE)
        await estate.acknowledge_all()
        await estate.go(HEALED - AFTER, STEADY)
        while (left := self._left(before)) and estate.played - ended < LONGEST:
            await estate.go(60.0, self._quick)
            await estate.acknowledge_all()
        return sorted(left)

    def _left(self, before: set[AlarmId]) -> set[AlarmId]:
        """What still stands; not the notes (priority 4), such as that of so many sags in a day, which lasts a day."""
        return {one for one in self.estate.present - before if self.plan.rules[one].rule.priority < 4}

    def _sort(self, result: Result, raised: Sequence[Raised]) -> None:
        """Which alarms belong to the fault, by name or by kinship, and which are strangers."""
        fault = result.fault
        named = fault.named | fault.may | fault.excused | ({fault.alarm} if fault.alarm is not None else set())
        kin = self.plan.relatives(named, fault.row.thing, self._shown(fault))
        came = {one.alarm for one in raised}
        for one in raised:
            if one.alarm in fault.named | fault.may:
                result.companions[one.alarm] = "named"
            elif one.alarm in fault.excused:
                result.companions[one.alarm] = "set up"
            elif one.alarm in kin and one.alarm != fault.alarm:
                result.companions[one.alarm] = kin[one.alarm]
            elif one.alarm != fault.alarm and not one.hidden:
                result.strangers.append(one)
        result.never = sorted(fault.named - came)

    def _shown(self, fault: Fault) -> list[str]:
        """The points of devices in which one sees the broken thing."""
        simulation = self.estate.simulation
        wiring, plant = simulation.wiring, simulation.world.plants.get(fault.row.thing)
        if plant is None or plant.kind != fault.kind:
            device = wiring.profiles.get(fault.row.thing)
            return [f"{fault.row.thing}.{point}" for point in (device.points if device is not None else ())]
        shown = (
            (device, point) for device in wiring.devices_of(plant.name) for point in wiring.profiles[device].points
        )
        return [
            f"{device}.{point}"
            for device, point in shown
            if (source := wiring.source(device, point)) is not None and source.plant is plant
        ]
