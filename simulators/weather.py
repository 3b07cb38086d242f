"""The weather over the estate, as a rain, fog and wind sensor sees it."""

from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from simulators.climate import dry_sky
from simulators.faults import Details
from simulators.plant import Plant

HEAVY = 8.0
"""mm/h from which the station calls it bad weather: heavy rain (AMS Glossary: over 7.6)."""
BREEZE = 2.0
"""m/s."""


class Weather(Plant):
    """`rain(now)` is what falls by itself, mm/h."""

    kind = "weather"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "downpour": "rain of 25 mm/h",
        "gale": "wind of 20 m/s",
    }

    def __init__(self, name: str, random: Random, *, rain: Callable[[float], float] = dry_sky) -> None:
        super().__init__(name, random)
        self._falls = rain
        self.points.update(bad_weather=False, rain=0.0, wind=BREEZE)

    @property
    def is_bad(self) -> bool:
        return self.points["bad_weather"] is True

    def flow(self, dt: float) -> None:
        if "downpour" not in self.faults:
            rain = round(self._falls(self.now), 1)
            if rain != self.points["rain"]:
                self.points["rain"] = rain
                self._judge()

    def begin(self, fault: str, details: Details) -> None:
        if fault == "downpour":
            self.points["rain"] = 25.0
        else:
            self.points["wind"] = 20.0
        self._judge(bad=True)

    def end(self, fault: str) -> None:
        if fault == "downpour":
            self.points["rain"] = round(self._falls(self.now), 1)
        else:
            self.points["wind"] = BREEZE
        self._judge()

    def _judge(self, bad: bool = False) -> None:
        rain = self.points["rain"]
        bad = bad or bool(self.faults) or (isinstance(rain, float) and rain >= HEAVY)
        if bad is not self.is_bad:
            self.points["bad_weather"] = bad
            self.happen("weather.bad" if bad else "weather.fair")
