"""One world: the same from the same seed, a day in seconds, and calm when nothing is injected."""

import hashlib
import json
from time import perf_counter

from estate.site import Site
from simulators.plant import Happening
from simulators.world import World


def history(world: World, seconds: int) -> tuple[str, list[Happening]]:
    """A hash of every value at every second, and all that happened."""
    digest, happened = hashlib.sha256(), []
    for _ in range(seconds):
        world.advance(1.0)
        for plant in world.plants.values():
            happened += plant.take()
            digest.update(json.dumps(plant.points).encode())
    return digest.hexdigest(), happened


def test_the_same_seed_makes_the_same_world_and_another_seed_another(pond: Site) -> None:
    first = history(World(pond.equipment, seed=7), 900)
    assert first == history(World(pond.equipment, seed=7), 900)
    assert first != history(World(pond.equipment, seed=8), 900)


def test_taking_one_plant_away_leaves_the_others_as_they_were(pond: Site) -> None:
    whole = World(pond.equipment, seed=7)
    part = World([row for row in pond.equipment if row.class_ != "door"], seed=7)
    history(whole, 300)
    history(part, 300)
    assert whole.plants["sump-1"].points == part.plants["sump-1"].points
    assert whole.plants["lane-1"].points == part.plants["lane-1"].points


def test_a_day_passes_in_seconds_full_of_life_and_without_an_alarm(pond: Site) -> None:
    world, happened = World(pond.equipment, seed=1), []
    started = perf_counter()
    for _ in range(86_400):
        world.advance(1.0)
        plants = world.plants
        for plant in plants.values():
            happened += [happening.type for happening in plant.take()]
        sump, tank, booster, fire = (plants[n].points for n in ("sump-1", "tank-1", "booster-1", "fire-1"))
        assert not sump["high_water"]
        assert not sump["float_order"]
        assert not sump["dry_running"]
        assert not tank["overflow"]
        assert not fire["overflow"]
        for points, name, low, high in (
            (sump, "level", 0.2, 1.1),
            (tank, "level", 0.9, 2.38),
            (fire, "level_percent", 97.0, 100.0),
            (booster, "pressure", 3.6, 5.5),
        ):
            value = points[name]
            assert isinstance(value, float)
            assert low < value < high, (name, value, world.now)
    assert perf_counter() - started < 30.0
    assert happened.count("door.opened") > 500
    assert happened.count("vehicle.passed") > 500
    assert {word for word in happened if word.split(".")[0] in ("alarm", "zone", "line", "supply")} == set()
    assert not {"door.forced", "door.held", "barrier.stuck", "barrier.forced", "access.duress"} & set(happened)
