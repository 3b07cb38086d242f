"""Who feeds whom: the mains, generator, switches and UPS of the site, and what goes dark with its feeder."""

from collections.abc import Callable, Iterable, Mapping
from random import Random

from estate.site import Equipment
from simulators.ats import Ats
from simulators.drive import Drive
from simulators.faults import Breakable
from simulators.feeder import Feeder
from simulators.generator import Generator
from simulators.grid import Supply
from simulators.lighting import LightingCircuit
from simulators.meters import EnergyMeter, Meter, PvMeter, WaterMeter
from simulators.plant import Plant
from simulators.ups import Ups

POWER_LOSS = "power_loss"
BOOT = 5.0
"""s a device takes from its supply's return to its first answer (3 to 60, reference/devices.md C0)."""
CLASSES = (
    "supply",
    "generator",
    "ats",
    "feeder",
    "ups",
    "energy_meter",
    "pv_meter",
    "water_meter",
    "lighting_circuit",
    "drive",
)
"""In the order in which they depend on each other."""

COUNTS: Mapping[str, str] = {"energy_meter": "energy_import", "water_meter": "volume"}
"""What meters of these classes count."""

Feeding = Generator | Ats | Feeder | Ups
"""Plants on which others hang, beside the mains."""


class Network:
    """Built with all plants of its kinds. What names no feeder hangs behind the transfer switch, else on the mains.

    Anything else that is `fed_by` a dead one suffers its own `power_loss` until power is back.
    """

    def __init__(
        self, rows: Iterable[Equipment], random: Callable[[str], Random], hour: Callable[[float], float]
    ) -> None:
        self.plants: dict[str, Plant] = {}
        self._random = random
        self._hour = hour
        every = list(rows)
        self._rows = {row.id: row for row in every}
        self._fed: list[tuple[Breakable, str, float]] = []
        self._feeders: set[str] = set()
        self._dark: dict[Breakable, float | None] = {}
        supplies = [row.id for row in self._rows.values() if row.class_ == "supply"]
        self.mains = Supply(supplies[0] if supplies else "mains", random(supplies[0] if supplies else "mains"))
        self.generator: Generator | None = None
        self.ats: Ats | None = None
        for class_ in CLASSES:
            for row in self._rows.values():
                if row.class_ == class_:
                    self.plants[row.id] = self._plant(row)
        self._balance(every)

    @property
    def stands_alone(self) -> bool:
        """Whether the mains is no equipment of the site and has to be moved on by the world."""
        return self.mains.name not in self.plants

    def live(self, feeder: str | None) -> bool:
        """Whether there is power behind this equipment; behind one that feeds nothing there always is."""
        plant = self.plants.get(feeder) if feeder is not None else self.ats or self.mains
        if plant is self.mains:
            return not self.mains.dead
        return plant.live if isinstance(plant, Feeding) else True

    def hang(self, thing: Breakable, feeder: str, boot: float = 0.0) -> None:
        """Let something go dark with its feeder, and come back `boot` s after it."""
        if thing.offers(POWER_LOSS):
            self._fed.append((thing, feeder, boot))
            self._feeders.add(feeder)

    def step(self, now: float) -> None:
        """Let what has lost its feeder go dark, and what has it back return."""
        powered = {feeder: self.live(feeder) for feeder in self._feeders}
        for thing, feeder, boot in self._fed:
            if not powered[feeder]:
                if thing not in self._dark:
                    thing.inject(POWER_LOSS)
                self._dark[thing] = None
            elif thing in self._dark:
                back = self._dark[thing]
                if back is None:
                    back = self._dark[thing] = now
                if now >= back + boot:
                    del self._dark[thing]
                    thing.clear(POWER_LOSS)

    def _plant(self, row: Equipment) -> Plant:
        random, fed = self._random(row.id), self._feeder(row.fed_by)
        match row.class_:
            case "supply":
                return self.mains
            case "generator":
                amf = all(one.class_ != "ats" for one in self._rows.values())
                self.generator = Generator(row.id, random, mains=self.mains, load=self._demand, amf=amf)
                return self.generator
            case "ats":
                self.ats = Ats(row.id, random, mains=self.mains, generator=self.generator)
                return self.ats
            case "feeder":
                return Feeder(row.id, random, fed=fed, rated=_number(row.parameters, "rated_current", 100.0))
            case "ups":
                return Ups(row.id, random, fed=fed, hold_up=1.3 * 60.0 * _number(row.parameters, "hold_up", 30.0))
            case "energy_meter":
                peak = 0.3 * _number(row.parameters, "rated_current", 100.0)
                return EnergyMeter(row.id, random, fed=fed, hour=self._hour, peak=peak)
            case "drive":
                return Drive(row.id, random, fed=fed)
            case "pv_meter":
                return PvMeter(row.id, random, hour=self._hour)
            case "water_meter":
                return WaterMeter(row.id, random, hour=self._hour)
            case _:
                group = row.parameters.get("group", "all_night")
                full = _number(row.parameters, "current_usual", 0.0) or 8.0
                return LightingCircuit(row.id, random, fed=fed, hour=self._hour, group=str(group), full=full)

    def _balance(self, rows: Iterable[Equipment]) -> None:
        """Main meters carry what the meters behind them do, as the site's balances have it."""
        meters = {
            row.points.get(count, f"{row.device}.{count}"): plant
            for row in self._rows.values()
            if (count := COUNTS.get(row.class_)) is not None and isinstance(plant := self.plants.get(row.id), Meter)
        }
        for row in rows:
            main = meters.get(row.points.get("main", "")) if row.class_ == "meter_balance" else None
            if main is not None:
                behind = (meters.get(path) for name, path in row.points.items() if name.startswith("sub_"))
                main.behind = [one for one in behind if one is not None]

    def _feeder(self, name: str | None) -> Callable[[], bool]:
        return lambda: self.live(name)

    def _demand(self) -> float:
        """kW that the generator carries when the switch stands on its side."""
        return 96.0 if self.ats is None or self.ats.position in ("s2", "both") else 0.0


def _number(parameters: Mapping[str, bool | int | float | str], name: str, default: float) -> float:
    value = parameters.get(name, default)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
