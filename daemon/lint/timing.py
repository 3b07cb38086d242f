"""The worst time from a change to the operator's eye, by sum: poll, what the rule waits for, and the push."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.lint.finding import Finding, Watched
from daemon.wiring import Offered
from estate.document import Document
from estate.model import Value
from rules.instance import RuleInstance
from rules.tree import Held, Node, children

LIMIT = 2.0
"""s from a device's change to the operator's text and tone, for security and life safety (CR-1)."""

PUSH = 0.3
"""s kept back for decision, commit, socket and paint; `estated bench` measures them far below."""


@dataclass(frozen=True, slots=True)
class Worst:
    """Seconds. A change just after a poll is seen a whole poll later; what MQTT says is not waited for."""

    alarm: str
    poll: float
    delay: float

    @property
    def seconds(self) -> float:
        return self.poll + self.delay + PUSH

    @property
    def words(self) -> dict[str, str]:
        """For the catalogue."""
        numbers = {"worst": self.seconds, "limit": LIMIT, "poll": self.poll, "delay": self.delay, "push": PUSH}
        return {"alarm": self.alarm, **{name: f"{value:g}" for name, value in numbers.items()}}


def is_urgent(alarm: RuleInstance) -> bool:
    """Security and life safety: what is held until somebody resets it, and what endangers people."""
    return alarm.rule.life_safety or alarm.rule.kind == "latched"


def worst_cases(one: Watched, offered: Offered) -> Iterator[Worst]:
    """Of every urgent alarm of one equipment."""
    for alarm in one.alarms:
        if is_urgent(alarm):
            tree = one.conditions.get(alarm.alarm)
            waits = _waits(tree, alarm.parameters) if tree is not None else 0.0
            poll = max((offered.poll.get(point, 0.0) for point in alarm.points), default=0.0)
            yield Worst(alarm.alarm, poll, alarm.on_delay + waits)


def too_slow(one: Watched, rules: Document | None, offered: Offered) -> Iterator[Finding]:
    """A fault: no delay is worth a second in which nobody knows."""
    for case in worst_cases(one, offered):
        if case.seconds > LIMIT:
            rule = case.alarm.partition(".")[2]
            yield Finding("too_slow", one.rule_place(rules, rule), one.id, tuple(case.words.items()))


def _waits(node: Node, parameters: Mapping[str, Value]) -> float:
    """How long `held(...)` keeps a condition back, by the longest way through it."""
    own = 0.0
    if isinstance(node, Held):
        named = parameters.get(node.window.parameter)
        own = named * node.window.scale if isinstance(named, int | float) else node.window.seconds
    return own + max((_waits(child, parameters) for child in children(node)), default=0.0)
