"""What an operator can do in a story: the engine's commands by the words of `do`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from estate.model import Now
from estate.story import Step, seconds
from rules.alarm import AlarmId, Transition
from rules.engine import Engine

DETAILS = ("by", "note", "for")


@dataclass(frozen=True, slots=True)
class Act:
    """One action: `alarm`, who did it, why, and for how long (s; 0 when nothing was said)."""

    verb: str
    alarm: AlarmId
    by: str
    note: str
    lasting: float

    def on(self, engine: Engine, now: Now) -> list[Transition]:
        """Raises AlarmRefused."""
        return VERBS[self.verb](engine, self, now)


VERBS: Mapping[str, Callable[[Engine, Act, Now], list[Transition]]] = {
    "acknowledge": lambda engine, act, now: [engine.acknowledge(act.alarm, act.by, now, act.note)],
    "reset": lambda engine, act, now: [engine.reset(act.alarm, act.by, now, act.note)],
}


def acts(step: Step) -> tuple[Act, ...]:
    """What is done in a step, as written."""
    by, note = step.do.get("by", "operator"), step.do.get("note", "")
    lasting = seconds(step.do.get("for", "0s"))
    return tuple(Act(verb, AlarmId(alarm), by, note, lasting) for verb, alarm in step.do.items() if verb in VERBS)
