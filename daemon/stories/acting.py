"""What an operator can do in a story: the engine's commands by the words of `do`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from estate.model import Now
from estate.story import Step, seconds
from rules.alarm import AlarmId, Transition
from rules.engine import Engine

DETAILS = ("by", "note", "for", "order")


@dataclass(frozen=True, slots=True)
class Act:
    """One action: `alarm`, who did it, why, on which work order, and for how long (s; None when not said)."""

    verb: str
    alarm: AlarmId
    by: str = "operator"
    note: str = ""
    order: str = ""
    lasting: float | None = None

    def on(self, engine: Engine, now: Now) -> Transition:
        """Raises AlarmRefused."""
        return VERBS[self.verb](engine, self, now)

    def until(self, now: Now) -> datetime | None:
        return None if self.lasting is None else now.utc + timedelta(seconds=self.lasting)


VERBS: Mapping[str, Callable[[Engine, Act, Now], Transition]] = {
    "acknowledge": lambda engine, act, now: engine.acknowledge(act.alarm, act.by, now, act.note),
    "unacknowledge": lambda engine, act, now: engine.unacknowledge(act.alarm, act.by, now, act.note),
    "reset": lambda engine, act, now: engine.reset(act.alarm, act.by, now, act.note),
    "shelve": lambda engine, act, now: engine.shelve(act.alarm, act.by, now, act.until(now) or now.utc, act.note),
    "unshelve": lambda engine, act, now: engine.unshelve(act.alarm, act.by, now, act.note),
    "remove_from_service": lambda engine, act, now: engine.remove_from_service(
        act.alarm, act.by, now, act.note, act.order, act.until(now)
    ),
    "return_to_service": lambda engine, act, now: engine.return_to_service(act.alarm, act.by, now, act.note),
}


def acts(step: Step) -> tuple[Act, ...]:
    """What is done in a step, as written."""
    lasting = seconds(step.do["for"]) if "for" in step.do else None
    details = {word: step.do[word] for word in ("by", "note", "order") if word in step.do}
    return tuple(
        Act(verb, AlarmId(alarm), lasting=lasting, **details) for verb, alarm in step.do.items() if verb in VERBS
    )
