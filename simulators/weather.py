"""The weather over the estate, as a rain, fog and wind sensor sees it."""

from collections.abc import Mapping
from random import Random
from typing import ClassVar

from simulators.faults import Details
from simulators.plant import Plant


class Weather(Plant):
    kind = "weather"
    faults_offered: ClassVar[Mapping[str, str]] = {
        "downpour": "rain of 25 mm/h",
        "gale": "wind of 20 m/s",
    }

    def __init__(self, name: str, random: Random) -> None:
        super().__init__(name, random)
        self.points.update(bad_weather=False, rain=0.0, wind=2.0)

    @property
    def is_bad(self) -> bool:
        return self.points["bad_weather"] is True

    def begin(self, fault: str, details: Details) -> None:
        if fault == "downpour":
            self.points["rain"] = 25.0
        else:
            self.points["wind"] = 20.0
        if not self.is_bad:
            self.points["bad_weather"] = True
            self.happen("weather.bad")

    def end(self, fault: str) -> None:
        if fault == "downpour":
            self.points["rain"] = 0.0
        else:
            self.points["wind"] = 2.0
        if not self.faults:
            self.points["bad_weather"] = False
            self.happen("weather.fair")
