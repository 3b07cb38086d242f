"""The simulated world: every plant of a site, one simulated clock, one seed."""

from collections.abc import Callable, Container, Iterable, Mapping
from random import Random

from estate.errors import CommandRefused
from estate.site import Equipment
from simulators.booster import Booster
from simulators.building import building_plant, fire_panels
from simulators.camera import Camera
from simulators.car_park import CarPark
from simulators.climate import Climate
from simulators.demand import Demand, usual
from simulators.door import Door
from simulators.fence import Fence
from simulators.guard import Guard, Sentry
from simulators.intercom import Intercom
from simulators.lamp import Lamp
from simulators.lane import Lane
from simulators.network import Network
from simulators.nvr import Recorder
from simulators.panel import Panel
from simulators.partition import Partition
from simulators.plant import Plant
from simulators.sump import Sump
from simulators.tank import FireTank, Tank
from simulators.valves import TankGroup
from simulators.weather import Weather
from simulators.zone import Zone

MAX_STEP = 1.0
"""Longest step of simulated time, s, unless a world is told otherwise; longer advances are cut up."""
START_HOUR = 10.0
FLATS_PER_TANK = 100
TRAFFIC: Mapping[str, float] = {"door": 45.0, "lane": 60.0, "panel": 240.0, "intercom": 600.0, "car_park": 30.0}
"""Mean simulated seconds between two visits, vehicles or armings of one door, lane or panel."""


POST_EVERY = 1800.0
"""s between two check-ins of a post, where its row says nothing else."""


class World:
    """Same site, same seed, same steps: same world. `traffic` 0 leaves doors, lanes and panels alone.

    Nobody uses what is in `shunned`.
    """

    def __init__(
        self,
        equipment: Iterable[Equipment],
        *,
        seed: int = 1,
        traffic: float = 1.0,
        shunned: Container[str] = (),
        longest_step: float = MAX_STEP,
    ) -> None:
        self.now = 0.0
        self.longest_step = longest_step
        self._seed = seed
        self._traffic = traffic
        self._shunned = shunned
        rows = list(equipment)
        kinds = [row.class_ for row in rows]
        tanks = kinds.count("tank")
        self.climate = Climate(self._random("climate"), hour)
        draw = Demand(self._random("demand"), FLATS_PER_TANK * max(tanks, 1), hour).at
        self.network = Network(rows, self._random, hour)
        self.plants: dict[str, Plant] = dict(self.network.plants)
        for row in rows:
            if row.class_ == "booster":
                self.plants[row.id] = Booster(row.id, self._random(row.id), demand=shared(draw, kinds.count("booster")))
        boosters = [plant for plant in self.plants.values() if isinstance(plant, Booster)]

        def pumped(now: float, dt: float) -> float:
            return sum(booster.drawn for booster in boosters) / tanks

        for row in rows:
            plant = self._plant(row, pumped if boosters else shared(draw, tanks))
            if plant is not None:
                self.plants[row.id] = plant
        self._weathers = [plant for plant in self.plants.values() if isinstance(plant, Weather)]
        self.plants |= fire_panels(rows, self.plants, self._random)

    def rain(self, now: float) -> float:
        """mm/h on the estate: what falls by itself, or what a weather station was told."""
        told = (station.points["rain"] for station in self._weathers)
        return max(self.climate.rain(now), *(float(one) for one in told if isinstance(one, int | float)), 0.0)

    def advance(self, seconds: float) -> None:
        """Move the whole world on; every plant sees the same steps."""
        left = seconds
        while left > 1e-9:
            dt = min(left, self.longest_step)
            if self.network.stands_alone:
                self.network.mains.step(dt)
            for plant in self.plants.values():
                plant.step(dt)
            self.now += dt
            self.network.step(self.now)
            left -= dt

    def plant(self, name: str) -> Plant:
        try:
            return self.plants[name]
        except KeyError:
            raise CommandRefused(f"no equipment {name} is simulated") from None

    def _random(self, name: str) -> Random:
        return Random(f"{self._seed}/{name}")

    def _plant(self, row: Equipment, drawn: Callable[[float, float], float]) -> Plant | None:
        random = self._random(row.id)
        pace = 0.0 if row.id in self._shunned else TRAFFIC.get(row.class_, 0.0) * self._traffic
        match row.class_:
            case "sump":
                return Sump(row.id, random, rain=self.rain)
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
            case "tank_group":
                return TankGroup(row.id, random)
            case "lamp":
                return Lamp(row.id, random)
            case "partition":
                return Partition(row.id, random)
            case "fence":
                return Fence(row.id, random, rain=self.climate.rain)
            case "weather":
                return Weather(row.id, random, rain=self.climate.rain)
            case "intercom":
                return Intercom(row.id, random, pace=pace)
            case "tour":
                return Guard(row.id, random)
            case "post":
                every = row.parameters.get("visit_every", POST_EVERY)
                return Sentry(row.id, random, float(every) if isinstance(every, int | float) else POST_EVERY)
            case "car_park":
                return CarPark(row.id, random, pace=pace)
            case "camera":
                return Camera(row.id, random)
            case "nvr":
                return Recorder(row.id, random)
            case _:
                return building_plant(row, random, self.climate, used, self._traffic)


def used(now: float, dt: float) -> float:
    """What the estate draws in l/s on a usual day, for what only needs the course of it."""
    return usual(hour(now))


def shared(draw: Callable[[float, float], float], parts: int) -> Callable[[float, float], float]:
    """One demand for `parts` who carry equal shares; drawn anew only when time has moved."""
    last, rate = -1.0, 0.0

    def share(now: float, dt: float) -> float:
        nonlocal last, rate
        if now != last:
            last, rate = now, draw(now, dt)
        return rate / parts

    return share


def hour(now: float) -> float:
    """Hour of the simulated day."""
    return (START_HOUR + now / 3600.0) % 24.0
