"""The simulated world: every plant of a site, one simulated clock, one seed."""

from collections.abc import Callable, Iterable, Mapping
from random import Random

from estate.errors import CommandRefused
from estate.site import Equipment
from simulators.booster import Booster
from simulators.demand import Demand
from simulators.door import Door
from simulators.faults import Details
from simulators.lamp import Lamp
from simulators.lane import Lane
from simulators.panel import Panel
from simulators.plant import Plant
from simulators.sump import Sump
from simulators.tank import FireTank, Tank
from simulators.zone import Zone

MAX_STEP = 1.0
"""Longest step of simulated time, s; longer advances are cut up."""
START_HOUR = 10.0
FLATS_PER_TANK = 100
TRAFFIC: Mapping[str, float] = {"door": 45.0, "lane": 60.0, "panel": 240.0}
"""Mean simulated seconds between two visits, vehicles or armings of one door, lane or panel."""


class World:
    """Same site, same seed, same steps: same world. `traffic` 0 leaves doors, lanes and panels alone."""

    def __init__(self, equipment: Iterable[Equipment], *, seed: int = 1, traffic: float = 1.0) -> None:
        self.now = 0.0
        self._seed = seed
        self._traffic = traffic
        rows = list(equipment)
        kinds = [row.class_ for row in rows]
        tanks = kinds.count("tank")
        self._demand = Demand(Random(f"{seed}/demand"), FLATS_PER_TANK * max(tanks, 1), hour)
        self.plants: dict[str, Plant] = {}
        boosters: list[Booster] = []
        for row in rows:
            if row.class_ == "booster":
                boosters.append(Booster(row.id, self._random(row.id), demand=shared(self._demand.at, boosters_of(kinds))))
                self.plants[row.id] = boosters[-1]
        drawn = (lambda now, dt: sum(b.drawn for b in boosters) / tanks) if boosters else shared(self._demand.at, tanks)
        for row in rows:
            plant = self._plant(row, drawn)
            if plant is not None:
                self.plants[row.id] = plant

    def advance(self, seconds: float) -> None:
        """Move the whole world on; every plant sees the same steps."""
        left = seconds
        while left > 1e-9:
            dt = min(left, MAX_STEP)
            for plant in self.plants.values():
                plant.step(dt)
            self.now += dt
            left -= dt

    def plant(self, name: str) -> Plant:
        try:
            return self.plants[name]
        except KeyError:
            raise CommandRefused(f"no equipment {name} is simulated") from None

    def inject(self, name: str, fault: str, seconds: float | None = None, details: Details | None = None) -> None:
        self.plant(name).inject(fault, seconds, details)

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")  # noqa: S311 - repeatable physics, nothing secret

    def _plant(self, row: Equipment, drawn: Callable[[float, float], float]) -> Plant | None:
        random, pace = self._random(row.id), TRAFFIC.get(row.class_, 0.0) * self._traffic
        match row.class_:
            case "sump":
                return Sump(row.id, random)
            case "tank":
                return Tank(row.id, random, drawn=drawn)
            case "fire_tank":
                return FireTank(row.id, random)
            case "door":
                return Door(row.id, random, pace=pace)
            case "zone":
                return Zone(row.id, random)
            case "panel":
                return Panel(row.id, random, pace=pace)
            case "lane":
                return Lane(row.id, random, pace=pace)
            case "lamp":
                return Lamp(row.id, random)
            case _:
                return None


def hour(now: float) -> float:
    """Hour of the simulated day."""
    return (START_HOUR + now / 3600.0) % 24.0
