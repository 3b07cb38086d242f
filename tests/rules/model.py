"""An alarm as a person would explain it: a few facts and a clock in whole seconds. Knows no tables, queues or trees."""

from dataclasses import dataclass


@dataclass
class Model:
    """Independent of the engine. `told` counts how often an operator was called."""

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
    count: int = 0
    told: int = 0
    now: int = 0
    against: int = 0
    counting: bool = False
    since: int = 0
    shelf: int | None = None
    removal: int | None = None
    design: bool = False
    letting_go: int | None = None

    @property
    def hidden(self) -> bool:
        return self.shelf is not None or self.removal is not None or self.design

    def call(self) -> None:
        """An operator is called, and owes an acknowledgement, unless nobody sees it."""
        if self.active and not self.hidden:
            self.owed, self.told, self.since = True, self.told + 1, self.now
            self.latched = self.latched or self.latches

    def judge(self) -> None:
        limit = 8.0 if self.active else 10.0
        opposed = self.level is not None and (self.level > limit) is not self.active
        self.counting = opposed
        if opposed and self.against >= self.delays[self.active]:
            self.counting, self.against = False, 0
            self.active = not self.active
            if self.active:
                self.count += 1
                self.call()
            elif self.advisory:
                self.owed = False

    def set(self, level: float | None) -> None:
        self.level = level
        self.judge()

    def worse(self, severe: bool) -> None:
        if severe is not self.severe:
            self.severe = severe
            if severe:
                self.call()
            self.since = self.now

    def suppress(self, on: bool) -> None:
        if on:
            self.letting_go = None
            self.since = self.since if self.design else self.now
            self.design = True
        elif self.design and self.letting_go is None:
            self.letting_go = self.now + 1

    def tick(self) -> None:
        self.now += 1
        self.against = self.against + 1 if self.counting else 0
        self.judge()
        if self.letting_go is not None and self.letting_go <= self.now:
            self.letting_go, self.design, self.since = None, False, self.now
            self.call()
        if self.removal is not None and 0 < self.removal <= self.now:
            self.removal, self.since = None, self.now
            self.call()
        if self.shelf is not None and self.shelf <= self.now:
            self.shelf, self.since = None, self.now
            self.call()
        acknowledged = self.active and not self.owed and not self.hidden
        if self.remind and acknowledged and self.now >= self.since + self.remind:
            self.call()

    def acknowledge(self) -> bool:
        done, self.owed = self.owed, False
        self.since = self.now if done else self.since
        return done

    def unacknowledge(self) -> bool:
        done = (self.active or self.latched) and not self.owed and not self.hidden
        self.owed = self.owed or done
        return done

    def reset(self) -> bool:
        true_again = self.level is not None and self.level > 10.0
        done = self.latched and not self.active and not self.owed and not true_again
        self.latched = self.latched and not done
        return done

    def shelve(self, seconds: int) -> bool:
        if not self.never:
            self.shelf, self.since = self.now + seconds, self.now
        return not self.never

    def unshelve(self) -> bool:
        done = self.shelf is not None
        self.shelf = None
        if done:
            self.since = self.now
            if not self.hidden:
                self.owed = False
                self.latched = self.latched or (self.active and self.latches)
        return done

    def remove(self, seconds: int) -> bool:
        if not self.never:
            self.removal, self.since = (self.now + seconds if seconds else 0), self.now
        return not self.never

    def give_back(self) -> bool:
        done = self.removal is not None
        self.removal = None
        if done:
            self.since = self.now
            self.call()
        return done

    @property
    def state(self) -> str:
        if self.active:
            return "unacknowledged" if self.owed else "acknowledged"
        if self.latched:
            return "latched, unacknowledged" if self.owed else "latched, acknowledged"
        return "returned, unacknowledged" if self.owed else "normal"

    @property
    def shown(self) -> str | None:
        if self.removal is not None:
            return "out of service"
        if self.design:
            return "suppressed by design"
        return "shelved" if self.shelf is not None else None
