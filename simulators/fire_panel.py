"""A fire panel and its zones: fire, trouble, disablement, and the linkage that follows a fire."""

from collections.abc import Iterable, Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.plant import Plant

SIGNAL = "fire_signal"
"""The fault that stands on what is linked while the panel is in fire: doors let go, lifts come down, fans start."""


class FireZone(Plant):
    """One point of the panel. `event` as the gateway tells it."""

    kind = "fire_zone"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "fire": "smoke, heat or a call point",
        "supervisory": "a supervisory signal",
        "prealarm": "smoke under the alarm threshold",
        "zone_trouble": "detector removed or circuit open",
        "zone_disabled": "someone disabled it at the panel",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.settle()

    def settle(self) -> None:
        super().settle()
        burns, watched = "fire" in self.faults, "supervisory" in self.faults
        self.points.update(
            active=burns or watched,
            event="fire" if burns else "supervisory" if watched else "none",
            prealarm="prealarm" in self.faults,
            trouble="zone_trouble" in self.faults,
            disabled="zone_disabled" in self.faults,
        )


class FirePanel(Plant):
    """`zones` report to it; `linked` get the fire signal while any of them, or the panel itself, is in fire."""

    kind = "fire_panel"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "fire": "general fire",
        "trouble": "general trouble",
        "silenced": "someone silenced the sounders",
        "mains_lost": "panel on its battery",
        "battery_bad": "battery fault",
        "linkage_dead": "the linkage outputs stay off",
    }

    def __init__(self, name: str, random: Random, *, zones: Iterable[FireZone], linked: Iterable[Plant]) -> None:
        super().__init__(name, random)
        self._zones = tuple(zones)
        self._linked = tuple(linked)
        self._signalled = False
        self.settle()

    def flow(self, dt: float) -> None:
        self._show()

    def settle(self) -> None:
        super().settle()
        self._show()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "linkage_dead":
            self._signal(False)

    def _show(self) -> None:
        fire = "fire" in self.faults or any("fire" in zone.faults for zone in self._zones)
        self.points.update(
            fire=fire,
            trouble="trouble" in self.faults or any(zone.points["trouble"] for zone in self._zones),
            disabled=any(zone.points["disabled"] for zone in self._zones),
            supervisory=any("supervisory" in zone.faults for zone in self._zones),
            silenced="silenced" in self.faults,
            mains_ok="mains_lost" not in self.faults,
            battery_ok="battery_bad" not in self.faults,
        )
        self._signal(fire and "linkage_dead" not in self.faults)

    def _signal(self, on: bool) -> None:
        if on is self._signalled:
            return
        self._signalled = on
        for plant in self._linked:
            if on:
                plant.inject(SIGNAL)
            else:
                plant.clear(SIGNAL)
