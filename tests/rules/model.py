"""An alarm as a person would explain it: a few facts and a clock in whole seconds. Knows no tables, queues or trees."""

from dataclasses import dataclass, field
from math import inf

SHOWN = {"removal": "out of service", "design": "suppressed by design", "shelf": "shelved"}


@dataclass
class Model:
    """Independent of the engine. `told` counts calls of an operator, `hides` what hides it, each until when."""

    delays: dict[bool, int]
    latches: bool
    advisory: bool
    remind: int
    never: bool
    level: float | None = None
    active: bool = False
    owed: bool = False
    latched: bool = False
    severe: bool = False
    counting: bool = False
    count: int = 0
    told: int = 0
    now: int = 0
    against: int = 0
    since: int = 0
    hides: dict[str, float] = field(default_factory=dict)

    def call(self) -> None:
        """An operator is called, and owes an acknowledgement, if it is there and nothing hides it."""
        if self.active and not self.hides:
            self.owed, self.told, self.since = True, self.told + 1, self.now
            self.latched |= self.latches

    def set(self, level: float | None) -> None:
        self.level = level
        self.counting = level is not None and (level > (8.0 if self.active else 10.0)) is not self.active
        if self.counting and self.against >= self.delays[self.active]:
            self.active, self.counting, self.against = not self.active, False, 0
            self.count += self.active
            self.owed &= self.active or not self.advisory
            self.call()

    def worse(self, severe: bool) -> None:
        if severe is not self.severe:
            self.severe, self.since = severe, self.now
            if severe:
                self.call()

    def tick(self) -> None:
        self.now += 1
        self.against = self.against + 1 if self.counting else 0
        self.set(self.level)
        for what in [one for one, until in self.hides.items() if until <= self.now]:
            self.show(what)
        acknowledged = self.active and not self.owed and not self.hides
        if self.remind and acknowledged and self.now >= self.since + self.remind:
            self.call()

    def hide(self, what: str, until: float) -> bool:
        if not self.never:
            self.hides[what] = until
        return not self.never

    def show(self, what: str) -> bool:
        """Announced anew if nothing else hides it."""
        done = self.hides.pop(what, None) is not None
        if done:
            self.since = self.now
            self.call()
        return done

    def suppress(self, on: bool) -> None:
        if on or self.hides.get("design") == inf:
            self.hides["design"] = inf if on else self.now + 1

    def unshelve(self) -> bool:
        """By hand counts as acknowledging."""
        done = self.hides.pop("shelf", None) is not None
        if done and not self.hides:
            self.owed, self.since, self.latched = False, self.now, self.latched or (self.active and self.latches)
        return done

    def acknowledge(self) -> bool:
        done, self.owed = self.owed, False
        self.since = self.now if done else self.since
        return done

    def unacknowledge(self) -> bool:
        done = (self.active or self.latched) and not self.owed and not self.hides
        self.owed |= done
        return done

    def reset(self) -> bool:
        true_again = self.level is not None and self.level > 10.0
        done = self.latched and not self.active and not self.owed and not true_again
        self.latched &= not done
        return done

    @property
    def state(self) -> str:
        answered = "unacknowledged" if self.owed else "acknowledged"
        if self.active or self.latched:
            return answered if self.active else f"latched, {answered}"
        return "returned, unacknowledged" if self.owed else "normal"

    @property
    def shown(self) -> str | None:
        return next((words for what, words in SHOWN.items() if what in self.hides), None)
