"""The engine against an independent model of one alarm, step by step, and against itself in another order."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from estate.model import EquipmentId, Now, PointId, Quality, Sample
from estate.strict import Text
from rules.alarm import AlarmState, Transition
from rules.engine import Engine
from rules.instance import instantiate
from rules.refusal import AlarmRefused
from tests.rules.watching import BEGIN, NAME, class_of, watching


class Model:
    """One alarm as four facts; time in whole seconds. Knows nothing of tables, queues or trees."""

    def __init__(self, on_delay: int, off_delay: int, latches: bool) -> None:
        self.delays = {False: on_delay, True: off_delay}
        self.latches = latches
        self.present = self.unacknowledged = self.latched = False
        self.level: float | None = None
        self.count = 0
        self.against = 0  # seconds for which the condition has said otherwise
        self.counting = False

    def set(self, level: float | None) -> None:
        self.level = level
        self.judge()

    def judge(self) -> None:
        limit = 8.0 if self.present else 10.0
        opposed = self.level is not None and (self.level > limit) is not self.present
        self.counting = opposed
        if opposed and self.against >= self.delays[self.present]:
            self.turn()

    def tick(self) -> None:
        self.against = self.against + 1 if self.counting else 0
        self.judge()

    def turn(self) -> None:
        self.counting, self.against = False, 0
        if self.present:
            self.latched = self.latches
        else:
            self.unacknowledged, self.latched = True, False
            self.count += 1
        self.present = not self.present

    def acknowledge(self) -> bool:
        done, self.unacknowledged = self.unacknowledged, False
        return done

    def reset(self) -> bool:
        true_again = self.level is not None and self.level > 10.0
        done = self.latched and not self.unacknowledged and not true_again
        self.latched = self.latched and not done
        return done

    @property
    def state(self) -> AlarmState:
        if self.present:
            return AlarmState.UNACKNOWLEDGED if self.unacknowledged else AlarmState.ACKNOWLEDGED
        if self.latched:
            return AlarmState.LATCHED_UNACKNOWLEDGED if self.unacknowledged else AlarmState.LATCHED
        return AlarmState.RETURNED if self.unacknowledged else AlarmState.NORMAL


class EngineAgainstModel(RuleBasedStateMachine):
    @initialize(on_delay=st.integers(0, 4), off_delay=st.integers(0, 4), latches=st.booleans())
    def begin(self, on_delay: int, off_delay: int, latches: bool) -> None:
        kind = "latched" if latches else "process"
        self.it = watching("level > 10", on_delay=on_delay, off_delay=off_delay, deadband=2, kind=kind)
        self.model = Model(on_delay, off_delay, latches)

    @rule(levels=st.lists(st.sampled_from([0.0, 8.0, 9.0, 10.0, 11.0, None]), min_size=1, max_size=4))
    def samples_arrive(self, levels: list[float | None]) -> None:
        bad = Quality.NO_COMMUNICATION
        self.it.step(*(self.it.sample("level", one, bad if one is None else Quality.GOOD) for one in levels))
        for one in levels:
            self.model.set(one)

    @rule(seconds=st.integers(1, 6), at_once=st.booleans())
    def time_passes(self, seconds: int, at_once: bool) -> None:
        for _ in range(1 if at_once else seconds):
            self.it.later(seconds if at_once else 1)
        for _ in range(seconds):
            self.model.tick()

    @rule()
    def the_operator_acknowledges(self) -> None:
        assert self.allowed("acknowledge") is self.model.acknowledge()

    @rule()
    def the_operator_resets(self) -> None:
        assert self.allowed("reset") is self.model.reset()

    def allowed(self, command: str) -> bool:
        try:
            getattr(self.it, command)()
        except AlarmRefused:
            return False
        return True

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "it"):
            return
        assert self.it.state is self.model.state
        assert self.it.engine.alarms[self.it.alarm].occurrence == self.model.count

    @invariant()
    def the_journal_is_one_unbroken_chain(self) -> None:
        if not hasattr(self, "it"):
            return
        state = AlarmState.NORMAL
        for one in self.it.journal:
            assert one.before is state
            assert one.after is not state
            state = one.after
        assert state is self.it.state
        assert (self.it.alarm in self.it.engine.standing) is (state is not AlarmState.NORMAL)

    @invariant()
    def no_deadline_is_in_the_past(self) -> None:
        if hasattr(self, "it"):
            deadline = self.it.engine.next_deadline()
            assert deadline is None or deadline > self.it.now.mono


EngineAgainstModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestEngineAgainstModel = EngineAgainstModel.TestCase


CLASS = class_of("level > 10 or running", on_delay=2, off_delay=1)


def sites() -> Engine:
    return Engine(
        rule
        for number in range(3)
        for rule in instantiate(
            EquipmentId(f"pit-{number}"),
            CLASS,
            name=NAME,
            place=Text(zh="处", en="place"),
            bindings={name: PointId(f"pit-{number}.{name}") for name in ("level", "running")},
        )
    )


CHANGES = st.lists(
    st.dictionaries(st.tuples(st.integers(0, 2), st.sampled_from(["level", "running"])), st.booleans(), max_size=6),
    max_size=6,
)


@given(CHANGES, st.randoms(use_true_random=False))
def test_simultaneous_changes_of_different_points_may_come_in_any_order_where_delays_are_set(
    steps: list[dict[tuple[int, str], bool]], random: object
) -> None:
    """Without an on-delay a passing mixture of old and new values may raise: that is how pulses are caught."""
    straight, mixed = sites(), sites()
    for index, step in enumerate(steps):
        now = Now(BEGIN + timedelta(seconds=index), 1000.0 + index)
        samples = [
            Sample(
                PointId(f"pit-{number}.{name}"),
                (20.0 if high else 0.0) if name == "level" else high,
                Quality.GOOD,
                now.utc,
                now.mono,
            )
            for (number, name), high in step.items()
        ]
        shuffled = list(samples)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        told = [straight.step(samples, now), mixed.step(shuffled, now)]
        assert by_alarm(told[0]) == by_alarm(told[1])
    assert straight.alarms == mixed.alarms


def by_alarm(transitions: list[Transition]) -> list[tuple[str, AlarmState, AlarmState]]:
    return sorted((one.alarm, one.before, one.after) for one in transitions)
