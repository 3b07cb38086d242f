"""The engine against an independent model of one alarm, step by step, and against itself in another order."""

from collections.abc import Callable
from datetime import timedelta
from math import inf

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from estate.annunciation import Annunciation, ChatterLimits
from estate.model import EquipmentId, Now, PointId, Quality, Sample, Value
from estate.strict import Text
from rules.alarm import TABLE, AlarmState, Transition
from rules.engine import Engine
from rules.instance import instantiate
from rules.refusal import AlarmRefused
from rules.suppression import UNSUPPRESSED
from tests.rules import steps
from tests.rules.model import Model
from tests.rules.watching import BEGIN, NAME, class_of, watching

LONG = settings().max_examples >= 24_000
LEAST = 1_000_000 if LONG else 20_000
"""Steps, as they are counted: with `--hypothesis-profile=long`, and without."""
PATIENT = Annunciation(chatter=ChatterLimits(raises=1000))
LEVELS = st.sampled_from([0.0, 8.0, 9.0, 10.0, 11.0, None])
DELAY = st.sampled_from([0, 0, 1, 3])


class EngineAgainstModel(RuleBasedStateMachine):
    """Everything that can happen to one alarm, restarts included; tests/rules/model.py says what should come of it."""

    @initialize(
        delays=st.tuples(DELAY, DELAY),
        kind=st.sampled_from(["process", "latched", "advisory"]),
        remind=st.sampled_from([0, 7]),
        never=st.booleans(),
    )
    def begin(self, delays: tuple[int, int], kind: str, remind: int, never: bool) -> None:
        self.model = Model(
            {False: delays[0], True: delays[1]}, kind == "latched", kind == "advisory", remind, never
        )  # fmt: skip
        self.it = watching(
            "level > 10",
            annunciation=PATIENT,
            on_delay=delays[0],
            off_delay=delays[1],
            deadband=2,
            kind="latched" if kind == "latched" else "process",
            acknowledge=kind != "advisory",
            remind=remind,
            never_suppress=never,
            suppress_when="" if never else "ready",
            severe={"when": "running", "priority": 1},
        )
        self.begun = False
        self.known: dict[str, Value | None] = {"ready": False, "running": False, "level": None}
        self.it.set(ready=False, running=False)

    def tell(self, name: str, value: Value | None) -> None:
        self.known[name] = value
        self.it.step(self.it.sample(name, value, Quality.NO_COMMUNICATION if value is None else Quality.GOOD))

    @rule(levels=st.lists(LEVELS, min_size=1, max_size=4))
    def samples_arrive(self, levels: list[float | None]) -> None:
        bad = Quality.NO_COMMUNICATION
        self.it.step(*(self.it.sample("level", one, bad if one is None else Quality.GOOD) for one in levels))
        self.known["level"] = levels[-1]
        for one in levels:
            self.model.set(one)

    @rule(there=st.booleans(), seconds=st.integers(0, 5))
    def it_comes_or_goes(self, there: bool, seconds: int) -> None:
        self.tell("level", 11.0 if there else 0.0)
        self.model.set(11.0 if there else 0.0)
        self.wait(seconds)

    @rule(severe=st.booleans())
    def it_worsens_or_eases(self, severe: bool) -> None:
        self.tell("running", severe)
        self.model.worse(severe)

    @precondition(lambda self: not self.model.never)
    @rule(on=st.booleans())
    def design_suppresses(self, on: bool) -> None:
        self.tell("ready", on)
        self.model.suppress(on)

    @rule(seconds=st.integers(1, 9), at_once=st.booleans())
    def time_passes(self, seconds: int, at_once: bool) -> None:
        if at_once:
            deadline = self.it.engine.next_deadline()
            last = self.it.now.mono + seconds
            while deadline is not None and deadline <= last:
                self.it.later(deadline - self.it.now.mono)
                deadline = self.it.engine.next_deadline()
            self.it.later(last - self.it.now.mono)
            for _ in range(seconds):
                self.model.tick()
        else:
            self.wait(seconds)

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            self.it.later(1)
            self.model.tick()

    @rule()
    def the_daemon_restarts(self) -> None:
        self.wait(1)  # what contradicts itself within one moment is no matter for a journal
        self.it = self.it.restarted(Engine([self.it.rule], PATIENT))
        known = [(name, value) for name, value in self.known.items() if value is not None]
        before = list(self.it.journal)
        self.it.step(*(self.it.sample(name, value) for name, value in known))
        assert self.it.journal == before, "nothing fires because of a restart"

    @rule(what=st.sampled_from(["acknowledge", "acknowledge", "acknowledge", "unacknowledge", "reset"]))
    def the_operator_looks_after_it(self, what: str) -> None:
        assert self.allowed(lambda: self.it.command(what)) is getattr(self.model, what)()

    @rule(seconds=st.integers(0, 12))
    def the_operator_shelves_or_unshelves(self, seconds: int) -> None:
        if seconds:
            assert self.allowed(lambda: self.it.shelve(seconds)) is self.model.hide("shelf", self.model.now + seconds)
        else:
            assert self.allowed(lambda: self.it.command("unshelve")) is self.model.unshelve()

    @rule(seconds=st.sampled_from([None, 0, 5, 12]))
    def it_leaves_or_enters_service(self, seconds: int | None) -> None:
        if seconds is None:
            assert self.allowed(lambda: self.it.command("return_to_service")) is self.model.show("removal")
        else:
            until = self.model.now + seconds if seconds else inf
            assert self.allowed(lambda: self.it.remove(seconds or None)) is self.model.hide("removal", until)

    def allowed(self, command: Callable[[], Transition]) -> bool:
        try:
            command()
        except AlarmRefused:
            return False
        return True

    @invariant()
    def both_agree(self) -> None:
        if not hasattr(self, "it"):
            return
        steps.taken += self.begun
        self.begun = True
        alarm = self.it.engine.alarms[self.it.alarm]
        assert (alarm.state, alarm.suppression.shown) == (self.model.state, self.model.shown)
        assert (alarm.occurrence, alarm.latched) == (self.model.count, self.model.latched)
        assert len(self.it.announced) == self.model.told

    @invariant()
    def the_journal_is_one_unbroken_chain(self) -> None:
        if not hasattr(self, "it"):
            return
        state = AlarmState.NORMAL
        for one in self.it.journal:
            assert one.before is state
            assert (one.before, one.trigger) in TABLE
            state = one.after
        assert state is self.it.state
        engine = self.it.engine
        assert (self.it.alarm in engine.standing) is (state is not AlarmState.NORMAL)
        assert (self.it.alarm in engine.suppressed) is (engine.alarms[self.it.alarm].suppression is not UNSUPPRESSED)

    @invariant()
    def no_deadline_is_in_the_past(self) -> None:
        if hasattr(self, "it"):
            deadline = self.it.engine.next_deadline()
            assert deadline is None or deadline > self.it.now.mono


class TestEngineAgainstModel(EngineAgainstModel.TestCase):  # type: ignore[misc,name-defined]  # made by hypothesis
    settings = settings(
        max_examples=27_000 if LONG else 520,  # of 40 steps and more, as a rule
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    def runTest(self) -> None:
        """The beginning of an alarm is no step: counted is what happened to it, after which both were compared."""
        steps.taken = 0
        super().runTest()
        assert steps.taken >= LEAST

    runTest.is_hypothesis_test = True  # type: ignore[attr-defined]


def sites(when: str, delay: float) -> Engine:
    held = class_of(when, on_delay=2 * delay, off_delay=delay)
    return Engine(
        rule
        for number in range(3)
        for rule in instantiate(
            EquipmentId(f"pit-{number}"),
            held,
            name=NAME,
            place=Text(zh="处", en="place"),
            bindings={name: PointId(f"pit-{number}.{name}") for name in ("level", "running")},
        )
    )


CHANGES = st.lists(
    st.dictionaries(st.tuples(st.integers(0, 2), st.sampled_from(["level", "running"])), st.booleans(), max_size=6),
    max_size=6,
)


@pytest.mark.parametrize("when", ["level > 10 or running", "level > 10 and not running"])
@pytest.mark.parametrize("delay", [0.0, 1.0])
@given(CHANGES, st.randoms(use_true_random=False))
def test_simultaneous_changes_of_different_points_may_come_in_any_order(
    when: str, delay: float, steps: list[dict[tuple[int, str], bool]], random: object
) -> None:
    """What is received at one time for one cause is judged when all of it is known."""
    straight, mixed = sites(when, delay), sites(when, delay)
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
