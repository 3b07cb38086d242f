"""One cause, one notification: what a parent alarm explains is not announced, unless it outlives it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from estate.model import EquipmentId, Now, PointId, Quality, Sample
from rules.alarm import AlarmId, AlarmState, Transition, Trigger
from rules.engine import Engine
from rules.instance import RuleInstance, instantiate
from rules.suppression import SuppressionKind
from tests.rules.watching import BEGIN, NAME, class_of

S, T = AlarmState, Trigger
BUS = AlarmId("bus.it")


def child(name: str, *parents: frozenset[AlarmId], **more: object) -> RuleInstance:
    (one,) = instantiate(
        EquipmentId(name), class_of("running", **more), name=NAME, bindings={"running": PointId(f"{name}.running")}
    )
    return replace(one, parents=parents)


@dataclass
class Line:
    """A bus with five devices; `fail` and `mend` take any of them."""

    engine: Engine
    seconds: float = 0.0
    journal: list[Transition] = field(default_factory=list)

    @property
    def now(self) -> Now:
        return Now(BEGIN + timedelta(seconds=self.seconds), 1000.0 + self.seconds)

    def _put(self, names: tuple[str, ...], value: bool) -> None:
        now = self.now
        samples = [Sample(PointId(f"{one}.running"), value, Quality.GOOD, now.utc, now.mono) for one in names]
        self.journal += self.engine.step(samples, now)

    def fail(self, *names: str) -> None:
        self._put(names, True)

    def mend(self, *names: str) -> None:
        self._put(names, False)

    def later(self, seconds: float) -> None:
        self.seconds += seconds
        self.journal += self.engine.step((), self.now)

    @property
    def told(self) -> list[str]:
        return [one.equipment for one in self.journal if one.announces]

    def state(self, name: str) -> AlarmState:
        return self.engine.alarms[AlarmId(f"{name}.it")].state


DEVICES = tuple(f"d{n}" for n in range(5))


def line(**more: object) -> Line:
    parents = [child("bus", off_delay=5)]
    return Line(Engine([*parents, *(child(one, frozenset({BUS}), off_delay=5, **more) for one in DEVICES)]))


def test_a_dead_gateway_with_five_devices_gives_one_row() -> None:
    it = line()
    it.fail("bus", *DEVICES)
    assert it.told == ["bus"]
    hidden = it.engine.suppressed[AlarmId("d3.it")].suppression
    assert (hidden.shown, hidden.parents) == (SuppressionKind.BY_DESIGN, (BUS,))
    it.later(60)
    it.mend("bus")
    it.later(1)
    it.mend(*DEVICES)
    it.later(10)
    assert it.told == ["bus"]
    assert {it.state(one) for one in DEVICES} == {S.NORMAL}
    assert it.engine.suppressed == {}


def test_devices_found_just_before_their_gateway_are_taken_over_by_it() -> None:
    it = line()
    it.fail("d0")
    it.later(3)
    it.fail("d1")
    it.later(1)
    it.fail("bus", "d2")
    assert it.told == ["d0", "d1", "bus"]
    assert [(one.equipment, one.note) for one in it.journal if one.trigger is T.TAKE_OVER] == [("d1", BUS)]
    assert it.state("d0") is S.UNACKNOWLEDGED, "three seconds before is another matter"
    it.mend("bus", "d0", "d1", "d2")
    it.later(5)
    assert it.state("d1") is S.NORMAL, "its gateway asked for the acknowledgement"


def test_what_is_still_there_when_the_parent_clears_is_announced_then() -> None:
    it = line()
    it.fail("bus", "d0", "d1")
    it.later(60)
    it.mend("bus")
    it.later(3)
    it.mend("d1")
    it.later(2)
    assert it.told == ["bus", "d0"]
    it.later(1)
    it.fail("d1")
    assert it.told == ["bus", "d0", "d1"], "it was about to clear and did not"


def test_a_parent_that_is_about_to_clear_explains_nothing_more() -> None:
    it = line()
    it.fail("bus")
    it.later(60)
    it.mend("bus")
    it.later(1)
    it.fail("d0")
    assert it.told == ["bus", "d0"]


def test_an_alarm_is_explained_only_when_all_that_it_hangs_on_is_gone() -> None:
    both = frozenset({AlarmId("a.it"), AlarmId("b.it")})
    it = Line(Engine([child("a"), child("b"), child("tank", both)]))
    it.fail("a")
    it.fail("tank")
    assert it.told == ["a", "tank"]
    it.mend("tank")
    it.later(60)
    it.fail("b")
    it.fail("tank")
    assert it.told == ["a", "tank", "b"]


def test_a_chain_is_one_row_too() -> None:
    device = child("device", frozenset({BUS}))
    it = Line(Engine([child("bus"), device, child("door", frozenset({device.alarm}))]))
    it.fail("bus", "device", "door")
    assert it.told == ["bus"]
    it.mend("bus")
    assert it.told == ["bus", "device"]
    it.mend("device")
    assert it.told == ["bus", "device", "door"]


def test_a_parent_explains_whether_or_not_it_is_acknowledged_or_shelved() -> None:
    it = line()
    it.fail("bus")
    it.engine.acknowledge(BUS, "anna", it.now)
    it.engine.shelve(BUS, "anna", it.now, it.now.utc + timedelta(minutes=5), "known")
    it.later(10)
    it.fail("d0")
    assert it.told == ["bus"]


def test_panic_and_latched_alarms_that_were_announced_are_not_taken_over() -> None:
    safe = child("panic", frozenset({BUS}), never_suppress=True)
    it = Line(Engine([child("bus"), safe, child("forced", frozenset({BUS}), kind="latched")]))
    it.fail("forced")
    it.fail("bus")
    it.fail("panic")
    assert it.told == ["forced", "bus", "panic"]
    assert it.state("forced") is S.UNACKNOWLEDGED


def test_a_restart_amid_an_outage_announces_nothing_and_forgets_no_parent() -> None:
    it = line()
    it.fail("bus", *DEVICES)
    fresh = line()
    fresh.seconds = it.seconds + 30
    fresh.engine.restore(it.journal)
    fresh.fail("bus", *DEVICES)
    assert fresh.told == []
    assert fresh.engine.alarms == it.engine.alarms
    fresh.mend("bus")
    fresh.later(5)
    assert sorted(fresh.told) == list(DEVICES)


@given(
    st.lists(
        st.tuples(st.sampled_from(["bus", *DEVICES]), st.booleans(), st.sampled_from([0.0, 1.0, 7.0])), max_size=40
    )
)
def test_every_alarm_that_is_there_is_announced_or_its_parent_is_there(
    happened: list[tuple[str, bool, float]],
) -> None:
    """Invariant 7: of several at once none is lost, and none is told twice for one occurrence."""
    it = line()
    for name, there, wait in happened:
        it.fail(name) if there else it.mend(name)
        it.later(wait)
        it.later(0.0)
        for one in DEVICES:
            alarm = it.engine.alarms[AlarmId(f"{one}.it")]
            if alarm.state.condition_present and alarm.suppression.parents:
                bus = it.engine.alarms[BUS]
                watched = it.engine.evaluations(alarm.id)[-1][1]
                assert bus.state.condition_present or watched is False
            elif alarm.state.condition_present and it.engine.chatter(alarm.id) == 0:
                assert (alarm.id, alarm.occurrence) in {(t.alarm, t.occurrence) for t in it.journal if t.announces}
    occurrences = [(one.alarm, one.occurrence) for one in it.journal if one.announces]
    taken = {(one.alarm, one.occurrence) for one in it.journal if one.trigger is T.TAKE_OVER}
    assert all(occurrences.count(one) == 1 or one in taken for one in occurrences)
