"""One rule while it is being watched: its current values, its memories, its timers, and its last evaluations."""

from collections.abc import Sequence
from math import inf

from estate.model import Sample, Value
from rules.chatter import Chatter
from rules.evaluation import Slots
from rules.instance import Role, RuleInstance
from rules.timed import Timed

REMEMBERED = 8  # evaluations per rule, for "why did it (not) alarm"
NEVER = float("-inf")
LINES = ("bus", "gateway")
_RANKS = {Role.SEVERE: 0, Role.ALARM: 1, Role.SUPPRESS: 2}

Evaluation = tuple[float, bool | None, tuple[Value | None, ...]]
"""Monotonic time, result, and the values it came from (inputs, then functions over time)."""


class Watch:
    """Mutable; belongs to the engine. Times are monotonic seconds.

    `present` is the condition as its delays see it. `due` is when a pending raise or clear happens, `look`
    when a function over time will be another although nothing changed, `call` when the alarm itself has to be looked at
    (a shelf that ends, a reminder, quiet after chattering), `queued` the earliest entry in the engine's
    queue, `origin` the sample that started the timer (None: time itself did), `ripe` when its delay was over,
    `dropped` when a timer was last cancelled and when it would have been due. `resume` is a timer from before
    a restart: what it was for, and when it is due.

    `shifts` where what functions over time are fed with, or how long they matter, is another while the alarm stands.

    `owner` is the alarm's own watch; that of `suppress_when` or `severe` belongs to another's alarm.
    """

    __slots__ = (
        "analog",
        "call",
        "chatter",
        "children",
        "dropped",
        "due",
        "evaluations",
        "freed",
        "group",
        "inputs",
        "instance",
        "key",
        "latches",
        "look",
        "mask",
        "masked_until",
        "origin",
        "owner",
        "parents",
        "present",
        "priority",
        "queued",
        "raised",
        "rank",
        "reminds",
        "removal_ends",
        "result",
        "resume",
        "ripe",
        "severe",
        "shelf_ends",
        "shifts",
        "timed",
        "values",
    )

    def __init__(
        self, instance: RuleInstance, owner: "Watch | None" = None, chatter: Chatter | None = None, mask: float = 0.0
    ) -> None:
        self.instance = instance
        self.owner = owner or self
        self.key = str(instance.alarm) if instance.role is Role.ALARM else f"{instance.alarm}#{instance.role.value}"
        self.inputs = len(instance.inputs)
        self.values: Slots = [None] * instance.slots
        functions = instance.functions
        self.timed = Timed(functions, instance.slots, instance.now) if functions else None
        self.shifts = bool(functions) and (
            instance.raises is not instance.holds or any(one.shifts for one in functions)
        )
        self.result: bool | None = None
        self.present = False
        self.due: float | None = None
        self.dropped = (NEVER, 0.0)
        self.look: float | None = None
        self.call: float | None = None
        self.queued: float | None = None
        self.origin: Sample | None = None
        self.ripe = NEVER
        self.resume: tuple[bool, float] | None = None
        self.evaluations: list[Evaluation] = []
        self.chatter = chatter
        self.analog = _analog(instance)
        self.mask = mask
        self.masked_until = NEVER
        self.parents: Sequence[Sequence[Watch]] = ()
        self.children: Sequence[Watch] = ()
        self.freed = False
        self.rank = _RANKS[instance.role]
        self.latches = instance.rule.kind == "latched"
        self.group = _group(instance)
        self.worse(False)
        self.raised = NEVER
        self.reminds: float | None = None
        self.shelf_ends: float | None = None
        self.removal_ends: float | None = None

    def worse(self, severe: bool) -> None:
        """The rule's `severe` holds, or no longer."""
        rule = self.instance.rule
        self.severe = severe
        self.priority = rule.severe.priority if severe and rule.severe is not None else rule.priority

    def feed(self, place: int, value: Value | None, at: float) -> bool:
        """Take a value (None: not good); returns whether the condition may be another now."""
        if value is not None and not self.instance.inputs[place].accepts(value):
            value = None
        values = self.values
        news = self.timed is not None and self.timed.feed(values, place, value, at)
        before = values[place]
        if before == value:
            return news
        values[place] = value
        told = self.instance.tells[place]
        if news:
            return True
        if told is None or not told.alike(before, value) or (place == self.analog and self.watches_values):
            news = self.timed is None or not self.timed.sleeps(place)
        if not news:
            self._remember(at)
        return news

    def note(self, place: int, value: Value | None, at: float) -> None:
        """Take a value of which `feed` would say that the condition stays as it is."""
        if self.values[place] != value:
            self.values[place] = value
            self._remember(at)

    @property
    def watches_values(self) -> bool:
        """Whether every value of its analog is worth a look: it may begin to chatter."""
        return self.analog is not None and self.chatter is not None and self.chatter.watched

    def turned(self, at: float) -> None:
        """The condition has come or gone, as its delays see it."""
        self.present = not self.present
        if self.shifts:
            self.evaluate(at)

    def evaluate(self, at: float) -> bool | None:
        """The condition now: with the deadband while it is present."""
        values, instance = self.values, self.instance
        if self.timed is None:
            result: bool | None = (instance.holds if self.present else instance.raises)(values)
        else:
            timed = self.timed
            look = timed.run(values, at, self.present)
            condition, lasts = (
                (instance.holds, instance.holds_lasts) if self.present else (instance.raises, instance.raises_lasts)
            )
            result = condition(values)
            if lasts is not None:
                look = min(look, lasts(values, timed.memories, at))
            if timed.slopes:
                known = [values[place] for place in timed.slopes]
                for place in timed.slopes:
                    values[place] = None
                look = min(look, timed.weigh(values, at, self.present, condition(values), lasts))
                for place, slope in zip(timed.slopes, known, strict=True):
                    values[place] = slope
            self.look = look if look < inf else None
        if self.mask and self.result is None and result is not None:
            self.masked_until = at + self.mask
        self.result = result
        self._remember(at)
        return result

    def _remember(self, at: float) -> None:
        evaluations = self.evaluations
        evaluations.append((at, self.result, tuple(self.values)))
        if len(evaluations) > REMEMBERED:
            del evaluations[0]

    def start(self, at: float, delay: float, sample: Sample | None) -> None:
        """Let the timer run from `at`, or go on when it was cancelled at this very moment.

        Changes of one moment come one after the other; a mixture of old and new values that lasted no
        time must not start a delay over, or their order would decide.
        """
        cancelled, due = self.dropped
        if cancelled == at:
            self.due = due
        else:
            self.due = at + delay
            self.origin = sample

    def cancel(self, at: float) -> None:
        if self.due is not None:
            self.dropped = (at, self.due)
            self.due = None

    def resumed(self, at: float, result: bool, delay: float) -> float:
        """What is left of the delay at `at` (s) if it ran for this very `result` before the restart."""
        resume, self.resume = self.resume, None
        if resume is None or resume[0] is not result:
            return delay
        return min(delay, max(0.0, resume[1] - at))

    def masked(self, at: float, delay: float) -> float:
        """The on-delay at `at` (s): a first reading after silence has to be confirmed by the next one."""
        return max(delay, self.mask) if at < self.masked_until else delay

    @property
    def wake(self) -> float | None:
        """The next time (monotonic s) at which something may happen without a change."""
        wake = self.due
        if self.look is not None and (wake is None or self.look < wake):
            wake = self.look
        if self.call is not None and (wake is None or self.call < wake):
            wake = self.call
        return wake


def _analog(instance: RuleInstance) -> int | None:
    """The place of the only number that decides, where it is one."""
    numbers = [place for place, one in enumerate(instance.inputs) if one.decides and float in one.types]
    deciding = sum(one.decides for one in instance.inputs)
    return numbers[0] if len(numbers) == deciding == 1 else None


def _group(instance: RuleInstance) -> str | None:
    """Which alarms belong together in a flood: those of one place, else of one equipment. Life safety stands alone.

    Buses and gateways have no place, and fall silent together.
    """
    if instance.rule.life_safety:
        return None
    if instance.place is not None:
        return f"place:{instance.place.zh}"
    return f"class:{instance.class_}" if instance.class_ in LINES else f"equipment:{instance.equipment}"
