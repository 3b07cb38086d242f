"""A transfer switch and its controller: calls the generator, transfers, waits for steady mains, goes back."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from estate.errors import CommandRefused
from simulators.faults import Details
from simulators.generator import START_DELAY, Generator
from simulators.grid import Paced, Supply

SETTLED, BETWEEN, RETURN = 3.0, 1.0, 180.0
"""s: a source has to be good so long; between the positions; good mains before going back
(reference/devices.md C6, PW-2). Any dip begins the last one anew."""
BREAKERS = {"s1": (True, False), "s2": (False, True), "off": (False, False), "both": (True, True)}


class Ats(Paced):
    kind = "ats"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "ats_stuck": "the mechanism does not move",
        "both_closed": "a welded contact: both sources closed",
        "not_in_auto": "left in manual",
        "controller_alarm": "the controller reports a fault",
        "stays_between": "stops in the middle",
        "early_return": "the return delay is set to 20 s",
        "late_return": "the return delay is set to 10 min",
        "sequence_wrong": "phases of source 2 exchanged",
    }
    acts_offered: ClassVar[Mapping[str, str]] = {"transfer": "go to the other side by hand"}

    def __init__(self, name: str, random: Random, *, mains: Supply, generator: Generator | None) -> None:
        super().__init__(name, random)
        self._mains = mains
        self._generator = generator
        self.position = "s1"
        self.transfers = 12
        self._target: str | None = None
        self._moving = self._bad = self._good = self._second = 0.0
        self._calls = False
        self.measure(0.0)

    @property
    def live(self) -> bool:
        """Whether what hangs on it has power."""
        first, second = BREAKERS[self.position]
        return (first and not self._mains.dead) or (second and self._second_live)

    @property
    def _second_live(self) -> bool:
        return self._generator is not None and self._generator.live

    def work(self, dt: float) -> None:
        self._bad = self._bad + dt if not self._mains.live else 0.0
        self._good = self._good + dt if self._mains.live else 0.0
        self._second = self._second + dt if self._second_live else 0.0
        if self._target is not None:
            self._moving += dt
            if self._moving >= BETWEEN and "stays_between" not in self.faults:
                self.position, self._target = self._target, None
                self.transfers += 1
        elif "not_in_auto" not in self.faults:
            self._decide()
        if self._generator is not None:
            self._generator.called = self._calls

    def begin(self, fault: str, details: Details) -> None:
        if fault == "both_closed":
            self.position = "both"

    def end(self, fault: str) -> None:
        if fault == "both_closed":
            self.position = "s1" if self._mains.live else "s2"

    def perform(self, act: str, details: Details) -> None:
        self._go("s2" if self.position == "s1" else "s1")

    def write(self, point: str, value: object) -> None:
        raise CommandRefused(f"{self.name}.{point} cannot be written")

    def _decide(self) -> None:
        if self._bad >= START_DELAY:
            self._calls = True
        delay = 20.0 if "early_return" in self.faults else 600.0 if "late_return" in self.faults else RETURN
        if self.position == "s1" and self._bad and self._second >= SETTLED:
            self._go("s2")
        elif self.position == "s2" and self._good >= delay:
            self._go("s1")
        elif self.position == "s1" and self._good >= SETTLED:
            self._calls = False

    def _go(self, target: str) -> None:
        if "ats_stuck" in self.faults or "both_closed" in self.faults:
            return
        self._target, self._moving, self.position = target, 0.0, "off"

    def measure(self, dt: float) -> None:
        self.points.update(
            position=self.position,
            s1_available=self._mains.live,
            s2_available=self._second_live,
            mode="manual" if "not_in_auto" in self.faults else "auto",
            start_command=self._calls,
            in_test=False,
            transfers=self.transfers,
            alarm="controller_alarm" in self.faults,
            fail_to_transfer="ats_stuck" in self.faults and bool(self._bad) and self._second > 10.0,
            s1_phase_failure=not self._mains.dead and not self._mains.live,
            s1_sequence_wrong="phase_reversal" in self._mains.faults,
            s2_sequence_wrong="sequence_wrong" in self.faults,
        )
