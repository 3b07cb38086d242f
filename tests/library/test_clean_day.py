"""A day on which nothing breaks: the building's own systems raise nothing that would wake anyone."""

from tests.library.bench import Bench

CLASSES = (
    "booster", "tank", "fire_tank", "sump", "fire_pump", "fire_zone", "fan", "lift", "room", "boiler", "chiller",
    "sewage", "water_feature", "valve", "fire_panel",
)  # fmt: skip
DAY = 86400.0
POLL = 5.0


def test_a_seeded_day_of_rain_water_and_traffic_raises_no_alarm_of_priority_one_or_two() -> None:
    """DR-1, WS-2, FR-4, EL-3, HV-1, HV-2, RM-1: 24 h with showers, taps and passengers."""
    bench = Bench(CLASSES, seed=7, traffic=1.0)
    rained = 0.0
    while bench.world.now < DAY:
        bench.go(POLL, POLL)
        rained += bench.world.rain(bench.world.now) * POLL / 3600.0
        if 12 * 3600.0 <= bench.world.now < 12 * 3600.0 + POLL:
            bench.plant("water_feature").inject("run")
    bad = {alarm: at for alarm, at in bench.raised.items() if bench.rules[alarm].rule.priority <= 2}
    assert bad == {}
    assert rained > 1.0
    assert bench.plant("lift").points["trips"] > 200  # type: ignore[operator]
