"""The plants of the building's own systems: fire, lifts, rooms, heating and cooling, sewage, water features."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from estate.site import Equipment
from simulators.boiler import Boiler
from simulators.chiller import Chiller
from simulators.climate import Climate
from simulators.fan import Fan
from simulators.fire_panel import SIGNAL, FirePanel, FireZone
from simulators.fire_pump import FirePump
from simulators.lift import PACE, Lift
from simulators.motor_valve import MotorValve
from simulators.plant import Plant
from simulators.room import Room
from simulators.sewage import Sewage
from simulators.water_feature import WaterFeature

Draw = Callable[[float, float], float]
"""Water demand in l/s at a simulated second, over a step of so many."""


def building_plant(row: Equipment, random: Random, climate: Climate, drawn: Draw, traffic: float) -> Plant | None:
    """The plant behind one row, or None for what is no part of the building. Panels come last (fire_panels)."""
    match row.class_:
        case "fire_pump":
            return FirePump(row.id, random)
        case "fire_zone":
            return FireZone(row.id, random)
        case "fan":
            return Fan(row.id, random)
        case "lift":
            return Lift(row.id, random, pace=PACE * traffic)
        case "room":
            return Room(row.id, random, outdoor=climate.outdoor)
        case "boiler":
            return Boiler(row.id, random, outdoor=climate.outdoor)
        case "chiller":
            return Chiller(row.id, random, outdoor=climate.outdoor)
        case "sewage":
            return Sewage(row.id, random, drawn=drawn)
        case "water_feature":
            return WaterFeature(row.id, random)
        case "valve":
            return MotorValve(row.id, random)
        case _:
            return None


def fire_panels(
    rows: Sequence[Equipment], plants: Mapping[str, Plant], random_of: Callable[[str], Random]
) -> dict[str, FirePanel]:
    """Every zone reports to every panel; a panel signals to all lifts and fans, and to the doors that it names."""
    zones = [plant for plant in plants.values() if isinstance(plant, FireZone)]
    panels = {}
    for row in rows:
        if row.class_ != "fire_panel":
            continue
        named = {path.partition(".")[0] for path in row.points.values()}
        linked = [
            plant
            for other in rows
            if (plant := plants.get(other.id)) is not None
            and plant.offers(SIGNAL)
            and (other.class_ in ("lift", "fan") or other.device in named)
        ]
        panels[row.id] = FirePanel(row.id, random_of(row.id), zones=zones, linked=linked)
    return panels
